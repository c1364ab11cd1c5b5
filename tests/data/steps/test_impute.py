"""Gaps are filled as scikit-learn fills them, from the training rows alone, and again from what was saved."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from trainbook.columns import Columns
from trainbook.data.steps.drop import Drop
from trainbook.data.steps.impute import Impute
from trainbook.faults import Fault


def gappy(rows: int, seed: int) -> np.ndarray:
    """Numbers on unlike scales that hang together, a tenth of them missing; the last feature never."""
    draw = np.random.default_rng(seed)
    base = draw.normal(size=(rows, 1))
    values = (base + 0.3 * draw.normal(size=(rows, 4))) * [1, 10, 1000, 0.1] + [0, 5, 0, 1]
    values[:, 1] = values[:, 1].round()
    values[:, :3][draw.random((rows, 3)) < 0.1] = np.nan
    return values.astype(np.float32)


def restored(step: Impute, **how: Any) -> Impute:
    again = Impute(["x"], **how)
    again.restore(step.state())
    return again


def scaled_neighbours(train: np.ndarray, other: np.ndarray) -> np.ndarray:
    scaler = StandardScaler().fit(train)
    filled = KNNImputer(n_neighbors=5).fit(scaler.transform(train)).transform(scaler.transform(other))
    return np.where(np.isnan(other), scaler.inverse_transform(filled), other)


INDEPENDENT: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    **{
        name: lambda train, other, name=name: SimpleImputer(strategy=name).fit(train).transform(other)
        for name in ("mean", "median", "most_frequent")
    },
    "constant": lambda train, other: SimpleImputer(strategy="constant", fill_value=0).fit(train).transform(other),
    "knn": scaled_neighbours,
    "iterative": lambda train, other: IterativeImputer(random_state=0, max_iter=10).fit(train).transform(other),
}


@pytest.mark.parametrize("method", INDEPENDENT)
def test_every_method_fills_as_scikit_learn_does(method: Any) -> None:
    train, other = gappy(300, 1), gappy(60, 2)
    other[0, 3] = np.nan  # training never had a gap here
    step = Impute(["x"], method, indicators=False)
    step.fit(Columns({"x": train}))
    expected = INDEPENDENT[method](train.astype(np.float64), other.astype(np.float64))
    found = step.transform(Columns({"x": other}))["x"]
    assert not np.isnan(found).any()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    again = restored(step, method=method, indicators=False).transform(Columns({"x": other}))["x"]
    np.testing.assert_array_equal(again, found)
    some = step.transform(Columns({"x": other[7:9]}))["x"]
    np.testing.assert_allclose(some, found[7:9], rtol=1e-6, err_msg="a row is filled the same whoever stands beside it")


def test_indicators_say_where_gaps_were() -> None:
    train, other = gappy(300, 1), gappy(60, 2)
    step = Impute(["x"], "mean")
    step.fit(Columns({"x": train}))
    found = step.transform(Columns({"x": other}))["x"]
    np.testing.assert_array_equal(found[:, 4:], np.isnan(other[:, :3]))
    assert step.names("x", ["a", "b", "c", "d"])[4:] == ["a is missing", "b is missing", "c is missing"]
    assert step.names("y", ["a"]) == ["a"]


def test_words_are_filled_in_too() -> None:
    words = np.array([["red", ""], ["blue", "big"], ["red", "big"], ["", "small"]])
    for method, expected in (("most_frequent", ["red", "big"]), ("constant", ["none", "none"])):
        step = Impute(["x"], method, value="none")
        step.fit(Columns({"x": words}))
        found = restored(step, method=method, value="none").transform(Columns({"x": words}))["x"]
        assert [found[3, 0], found[0, 1]] == expected
        assert (found != "").all()
        assert found[1].tolist() == ["blue", "big"]
    with pytest.raises(Fault, match="most_frequent or constant was expected; got median"):
        Impute(["x"], "median").fit(Columns({"x": words}))


def test_a_feature_without_any_value_is_a_fault() -> None:
    values = gappy(20, 1)
    values[:, 2] = np.nan
    with pytest.raises(Fault, match="a known value in each feature was expected; number 2 has none"):
        Impute(["x"]).fit(Columns({"x": values}))


def test_rows_with_gaps_are_dropped_from_training_alone() -> None:
    values, words = gappy(50, 1), np.array([["a"]] * 49 + [[""]])
    columns = Columns({"x": values, "words": words, "label": np.arange(50)})
    step = Drop(["x", "words"])
    kept = step.resample(columns)
    whole = np.flatnonzero(~np.isnan(values).any(1) & (words[:, 0] != ""))
    np.testing.assert_array_equal(kept["label"], whole)
    assert step.transform(columns) is columns
    with pytest.raises(Fault, match="there is none"):
        step.resample(Columns({"x": np.full((3, 1), np.nan), "words": np.array([["a"]] * 3)}))


def test_a_single_feature_has_no_others_to_be_guessed_from() -> None:
    values = np.array([[1.0], [np.nan], [3.0]], np.float32)
    step = Impute(["x"], "iterative", indicators=False)
    step.fit(Columns({"x": values}))
    assert step.transform(Columns({"x": values}))["x"][:, 0].tolist() == [1, 2, 3]
