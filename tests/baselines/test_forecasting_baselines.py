"""Baselines for forecasts against plain code."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from trainbook.baselines.lagged_boosting import LaggedBoosting
from trainbook.baselines.seasonal_naive import SeasonalNaive
from trainbook.baselines.windows import seasons_before
from trainbook.faults import Fault

N, HISTORY, HORIZON, SEASON = 80, 12, 5, 4
QUANTILES = [0.1, 0.5, 0.9]


@pytest.fixture(scope="module")
def windows() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    draw = np.random.default_rng(4)
    x, known = draw.normal(size=(N, HISTORY, 2)), draw.normal(size=(N, HISTORY + HORIZON, 3))
    y = x[:, 3:8, 0] + known[:, HISTORY:, 0] + 0.1 * draw.normal(size=(N, HORIZON))
    y[draw.random((N, HORIZON)) < 0.05] = np.nan
    return {name: values.astype(np.float32) for name, values in (("x", x), ("known", known))}, {"y": y.astype(np.float32)}


def test_seasons_before_equal_a_plain_loop() -> None:
    past = np.arange(2 * HISTORY).reshape(2, HISTORY).astype(float)
    for season in (1, 3, 4, 12):
        found = seasons_before(past, season, HORIZON)
        for ahead in range(HORIZON):
            back = season
            while back <= ahead:
                back += season
            np.testing.assert_array_equal(found[:, ahead], past[:, HISTORY + ahead - back])


def test_the_naive_forecast_is_last_season_and_its_band_what_training_differed(
    windows: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
) -> None:
    inputs, targets = windows
    naive = SeasonalNaive(SEASON, QUANTILES)
    naive.fit(inputs, targets)
    found = naive.predict(inputs)
    assert found.shape == (N, HORIZON, 3)
    for ahead in range(HORIZON):
        last = inputs["x"][:, HISTORY - SEASON + ahead % SEASON, 0].astype(float)
        np.testing.assert_allclose(found[:, ahead, 1], last)
        apart = targets["y"][:, ahead] - last
        apart = apart[~np.isnan(apart)]
        np.testing.assert_allclose(found[:, ahead, 0] - last, np.quantile(apart, 0.1), rtol=1e-5)
        np.testing.assert_allclose(found[:, ahead, 2] - last, np.quantile(apart, 0.9), rtol=1e-5)


def test_the_naive_forecast_refuses_a_past_shorter_than_a_season(
    windows: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
) -> None:
    with pytest.raises(Fault, match="history of at least 13 steps, a season, was expected by this baseline; got 12"):
        SeasonalNaive(13, QUANTILES).fit(*windows)


@pytest.mark.parametrize("rows", [10_000, 100])
def test_boosting_equals_scikit_learn_on_a_table_of_lags(
    windows: tuple[dict[str, np.ndarray], dict[str, np.ndarray]], rows: int
) -> None:
    inputs, targets = windows
    ours = LaggedBoosting(QUANTILES, SEASON, [SEASON, 12], lags=2, rows=rows, max_iter=15, min_samples_leaf=5)
    ours.fit(inputs, targets)
    table, values = [], []
    for window in range(N):
        for ahead in range(HORIZON):
            past = inputs["x"][window].astype(float)
            near = past[HISTORY - SEASON + ahead % SEASON, 0]
            line = [
                ahead,
                past[-1, 0],
                past[-2, 0],
                near,
                past[-SEASON:, 0].mean(),
                past[ahead, 0],
                past[:, 0].mean(),
                past[-1, 1],
            ]
            table.append([*line, *inputs["known"][window, HISTORY + ahead]])
            values.append(targets["y"][window, ahead])
    features, outcome = np.array(table, float), np.array(values, float)
    some = np.flatnonzero(~np.isnan(outcome))
    if len(some) > rows:
        some = np.sort(np.random.default_rng(0).choice(some, rows, replace=False))
    expected = [
        HistGradientBoostingRegressor(
            loss="quantile", quantile=share, max_iter=15, min_samples_leaf=5, early_stopping=False, random_state=0
        )
        .fit(features[some], outcome[some])
        .predict(features)
        for share in QUANTILES
    ]
    np.testing.assert_allclose(ours.predict(inputs).reshape(-1, 3), np.sort(np.stack(expected, 1), 1), rtol=1e-6)


def test_what_is_no_forecast_is_refused(windows: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> None:
    inputs, targets = windows
    for baseline in (SeasonalNaive(SEASON, QUANTILES), LaggedBoosting(QUANTILES, SEASON)):
        with pytest.raises(Fault, match="float"):
            baseline.fit(inputs, {"label": np.zeros(N, np.int64)})
        with pytest.raises(Fault, match="forecasts from windows"):
            baseline.fit({"x": inputs["x"][:, 0]}, targets)
    with pytest.raises(ValueError, match="y_season"):
        SeasonalNaive(0)
    with pytest.raises(ValueError, match="seasons, lags"):
        LaggedBoosting(lags=0)
