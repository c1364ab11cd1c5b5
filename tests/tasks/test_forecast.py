"""The task of forecasting: losses and metrics against scikit-learn and closed formulas, quantiles that never cross."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error
from torch import Tensor, nn

from trainbook.batch import Batch
from trainbook.faults import Fault
from trainbook.tasks.forecast import Forecast

N, HISTORY, HORIZON = 9, 8, 3
OFFERS = {"offers": {"horizon": 3, "known_shape": [11, 2]}}
FACTS = {"y_mean": 20.0, "y_std": 4.0, "y_scale": 2.5, "y_season": 4}


class Fixed(nn.Module):
    """Gives the same outputs, whatever the input, and remembers that."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = nn.Parameter(outputs)
        self.seen: dict[str, Tensor] = {}

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        self.seen = {"x": x, "known": known}
        return self.outputs[: len(x)]


def batch(seed: int = 0, unknown: bool = True) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    x, known = torch.randn(N, HISTORY, 2, generator=draw), torch.randn(N, HISTORY + HORIZON, 2, generator=draw)
    y = 20 + 4 * torch.randn(N, HORIZON, generator=draw)
    if unknown:
        y[2, 1], y[4] = torch.nan, torch.nan
    return Batch({"x": x, "known": known}, {"y": y}, torch.arange(N))


def task(outputs: int = 3, seed: int = 1, **settings: Any) -> Forecast:
    drawn = torch.randn(N, HORIZON, outputs, generator=torch.Generator().manual_seed(seed))
    return Forecast(Fixed(drawn), **{**FACTS, **settings})


def test_metrics_equal_those_of_scikit_learn_over_known_outcomes() -> None:
    made, given = task(), batch()
    predictions = made.predict(given)
    found = {name: np.asarray(value.detach()) for name, value in made.measure(predictions, given.targets).items()}
    forecast, outcome = predictions["forecast"].detach().numpy(), given.targets["y"].numpy()
    known = ~np.isnan(outcome)
    assert known.sum() == N * HORIZON - 1 - HORIZON
    true, said = outcome[known], forecast[known]
    losses = [mean_pinball_loss(true, said[:, at], alpha=share) for at, share in enumerate((0.1, 0.5, 0.9))]
    assert found["pinball"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["loss"] == pytest.approx(np.mean(losses) / 4, rel=1e-5)
    assert found["mae"] == pytest.approx(mean_absolute_error(true, said[:, 1]), rel=1e-5)
    assert found["mae"] == pytest.approx(2 * losses[1], rel=1e-5)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(true, said[:, 1]), rel=1e-5)
    assert found["mase"] == pytest.approx(found["mae"] / 2.5)
    assert found["coverage"] == pytest.approx(((true >= said[:, 0]) & (true <= said[:, 2])).mean())
    assert found["width"] == pytest.approx((said[:, 2] - said[:, 0]).mean(), rel=1e-5)
    np.testing.assert_allclose(found["below_per_quantile"], (true[:, None] <= said).mean(0), rtol=1e-6)
    for ahead in range(HORIZON):
        some = known[:, ahead]
        error = mean_absolute_error(outcome[some, ahead], forecast[some, ahead, 1])
        assert found["mae_ahead"][ahead] == pytest.approx(error, rel=1e-5)


def test_what_is_learnt_is_what_is_measured_and_weighs_known_outcomes() -> None:
    made, given = task(), batch()
    losses, predictions = made.learn(given)
    assert losses["loss"].item() == pytest.approx(made.measure(predictions, given.targets)["loss"].item(), rel=1e-6)
    assert losses["weight"] == N * HORIZON - 4
    losses["loss"].backward()
    gradient = made.network.outputs.grad
    assert gradient.isfinite().all()
    assert (gradient[4] == 0).all(), "nothing is learnt where nothing is known"
    assert (gradient[2, 1] == 0).all()
    assert (gradient[2, 0] != 0).any()


def test_a_batch_without_any_outcome_weighs_nothing() -> None:
    given = batch()
    given.targets["y"].fill_(torch.nan)
    losses, _ = task().learn(given)
    assert losses["loss"].item() == losses["weight"].item() == 0


def test_the_best_constant_quantiles_are_those_of_the_outcomes() -> None:
    outcome = torch.randn(500, 1, generator=torch.Generator().manual_seed(3)) * 4 + 20
    made = Forecast(Fixed(torch.zeros(500, 1, 3)), **FACTS)
    best = [np.quantile(outcome, share) for share in (0.1, 0.5, 0.9)]

    def loss(quantiles: list[float]) -> float:
        forecast = torch.tensor(quantiles, dtype=torch.float32).expand(500, 1, 3)
        return made.measure({"forecast": forecast}, {"y": outcome})["loss"].item()

    assert all(loss([each + by for each in best]) > loss(best) for by in (-0.5, 0.5))
    assert all(loss([*best[:at], best[at] + by, *best[at + 1 :]]) > loss(best) for at in range(3) for by in (-0.5, 0.5))


@pytest.mark.parametrize("quantiles", [[0.5], [0.1, 0.5, 0.9], [0.05, 0.25, 0.5, 0.75], [0.5, 0.6, 0.7]])
def test_quantiles_never_cross_and_the_median_is_the_point(quantiles: list[float]) -> None:
    made = task(len(quantiles), quantiles=quantiles)
    forecast = made.predict(batch())["forecast"].detach()
    assert (forecast.diff(dim=2) > 0).all()
    at = quantiles.index(0.5)
    torch.testing.assert_close(forecast[..., at], 20 + 4 * made.network.outputs.detach()[..., at])
    said = made.present({"forecast": forecast})
    assert list(said) == ["point", *(f"q{share:g}" for share in quantiles)]
    np.testing.assert_array_equal(said["point"], said["q0.5"])
    offered = Forecast.offers(OFFERS, quantiles=quantiles)
    assert offered == {"outputs": len(quantiles), "quantiles": quantiles, "known_shape": [11, 2]}


def test_a_squared_loss_gives_a_mean_without_a_band() -> None:
    made, given = task(1, loss="squared"), batch()
    predictions = made.predict(given)
    found = made.measure(predictions, given.targets)
    known = ~given.targets["y"].isnan()
    errors = (given.targets["y"] - predictions["forecast"].detach()[..., 0])[known]
    assert found["loss"].item() == pytest.approx((errors / 4).square().mean().item(), rel=1e-5)
    assert "coverage" not in found
    assert list(made.present({"forecast": predictions["forecast"].detach()})) == ["point"]
    assert Forecast.offers(OFFERS, loss="squared", quantiles=[0.1, 0.5, 0.9])["outputs"] == 1


def test_answers_are_at_least_what_they_can_be_but_learning_sees_below() -> None:
    made, given = task(least=19.0), batch()
    free = task().predict(given)["forecast"]
    torch.testing.assert_close(made.predict(given)["forecast"], free.clamp(min=19.0))
    assert (free < 19).any()
    assert made.learn(given)[0]["loss"].item() == task().learn(given)[0]["loss"].item()


def test_seasons_before_are_added() -> None:
    given = batch()
    forecast = task(1, quantiles=[0.5], relative="season").predict(given)["forecast"][..., 0]
    plain = task(1, quantiles=[0.5]).predict(given)["forecast"][..., 0]
    torch.testing.assert_close(forecast - plain, 4 * given.inputs["x"][:, 4:7, 0])


def test_a_level_moves_and_stretches_answers_with_the_window() -> None:
    made, given = task(relative="level"), batch()
    moved = given.inputs["x"].clone()
    moved[..., 0] = moved[..., 0] * 3 + 2
    seen = []
    answers = []
    for x in (given.inputs["x"], moved):
        answers.append((made.predict(given._replace(inputs={**given.inputs, "x": x}))["forecast"].detach() - 20) / 4)
        seen.append(made.network.seen["x"])
    torch.testing.assert_close(answers[1], answers[0] * 3 + 2)
    torch.testing.assert_close(seen[0], seen[1])
    torch.testing.assert_close(seen[0][:, -4:, 0].mean(1), torch.zeros(N), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0][..., 1], given.inputs["x"][..., 1])
    still = given._replace(inputs={**given.inputs, "x": torch.zeros(N, HISTORY, 2)})
    assert made.predict(still)["forecast"].isfinite().all()


def test_lagged_values_are_shown_beside_what_is_known() -> None:
    made, given = task(lags=[3, 8]), batch()
    made.predict(given)
    shown = made.network.seen["known"]
    torch.testing.assert_close(shown[..., :2], given.inputs["known"])
    for place, lag in ((2, 3), (3, 8)):
        for step in range(HISTORY + HORIZON):
            expected = given.inputs["x"][:, step - lag, 0] if step >= lag else torch.zeros(N)
            torch.testing.assert_close(shown[:, step, place], expected)
    assert given.inputs["known"].shape[2] == 2, "the batch stays as it is"
    assert Forecast.offers(OFFERS, lags=[3, 8])["known_shape"] == [11, 4]
    with pytest.raises(Fault, match="lags of at least the horizon, 3, were expected"):
        Forecast.offers(OFFERS, lags=[2])


def test_baselines_are_expressed_as_points_or_quantiles() -> None:
    made, given = task(least=0.0), batch()
    points = torch.rand(N, HORIZON, dtype=torch.float64) * 40 - 5
    said = made.express(points)["forecast"]
    assert said.dtype == torch.float32
    torch.testing.assert_close(said, points.clamp(min=0).float().unsqueeze(2).expand(-1, -1, 3))
    assert made.measure({"forecast": said}, given.targets)["width"] == 0
    torch.testing.assert_close(made.express(said.double())["forecast"], said)
    with pytest.raises(Fault, match=r"answers \(n, horizon, 3\) were expected; got \(9, 3, 2\)"):
        made.express(torch.zeros(N, HORIZON, 2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantiles": [0.9, 0.5]},
        {"quantiles": [0.1, 0.9]},
        {"quantiles": [0.0, 0.5]},
        {"relative": "level", "y_season": None},
        {"relative": "season", "history": 1},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        task(**wrong)


def test_what_is_explained_is_the_mean_of_the_point_forecast() -> None:
    made = task()
    predictions = {name: value.detach() for name, value in made.predict(batch()).items()}
    (number,) = made.explained(predictions).values()
    np.testing.assert_allclose(number, made.present(predictions)["point"].mean(1), rtol=1e-6)
