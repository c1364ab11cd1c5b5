"""Baselines of series of unequal length: what they are told of each, and distances by dynamic time warping."""

from typing import Any

import numpy as np
import pytest

from trainbook.baselines.features import numbers, told, words
from trainbook.baselines.gradient_boosting import GradientBoosting
from trainbook.baselines.logistic_regression import LogisticRegression
from trainbook.baselines.most_frequent import MostFrequent
from trainbook.baselines.nearest_neighbour import NearestNeighbour, warped
from trainbook.faults import Fault

CLASSES = ["falling", "rising"]


def column(rows: list[Any]) -> np.ndarray:
    """As a raw ragged column comes: an array of arrays."""
    found = np.empty(len(rows), object)
    for row, each in enumerate(rows):
        found[row] = np.asarray(each, np.float32)
    return found


def drawn(rows: int, seed: int, channels: int = 2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Noisy lines of 3 to 12 steps; the class says whether the first channel falls or rises."""
    draw = np.random.default_rng(seed)
    target = np.arange(rows) % 2
    lengths = draw.integers(3, 13, rows)
    noise = [draw.normal(0, 0.3, (length, channels)) for length in lengths]
    lines = [np.linspace(0, 1 if kind else -1, length) for kind, length in zip(target, lengths, strict=True)]
    return {
        "x": column([each + line[:, None] * [1, *[0] * (channels - 1)] for each, line in zip(noise, lines, strict=True)])
    }, target


def test_a_series_in_numbers() -> None:
    series = np.array([[1, 5], [4, np.nan], [2, 8]], np.float32)
    np.testing.assert_allclose(
        told(series),
        [3, 7 / 3, np.std([1, 4, 2]), 1, 4, 1, 2, 0.5, 2.5, 6.5, 1.5, 5, 8, 5, 8, 3, 3],
        rtol=1e-6,
    )
    np.testing.assert_array_equal(told(np.array([7])), [1, 7, 0, 7, 7, 7, 7, 0, 0])
    np.testing.assert_array_equal(told(np.empty((0, 2))), [0, *[np.nan] * 16])
    np.testing.assert_array_equal(told(np.arange(12).reshape(2, 3, 2)), told(np.arange(12).reshape(2, 6)))


def test_series_stand_beside_other_columns() -> None:
    inputs = {"x": column([[[1], [2]], [[3]]]), "age": np.array([40.0, np.nan]), "town": np.array(["a", "b"])}
    made = numbers(inputs)
    assert made.shape == (2, 10)
    np.testing.assert_array_equal(made[:, 0], inputs["age"])
    np.testing.assert_array_equal(made[0, 1:], told(np.array([[1], [2]])))
    assert words(inputs).tolist() == [["a"], ["b"]]


@pytest.mark.parametrize("kind", [LogisticRegression, GradientBoosting, MostFrequent, NearestNeighbour])
def test_baselines_take_series(kind: Any) -> None:
    (train, target), (test, true) = drawn(120, 0), drawn(40, 1)
    train["x"][3][1, 1] = np.nan
    ours = kind(CLASSES)
    ours.fit(train, {"label": target})
    chances = ours.predict(test)
    assert chances.shape == (40, 2)
    np.testing.assert_allclose(chances.sum(1), 1)
    assert (chances.argmax(1) == true).mean() > (0.9 if kind is not MostFrequent else 0.4)


def by_hand(one: np.ndarray, other: np.ndarray) -> float:
    """The table of steps, cell by cell."""
    table = np.full((len(one) + 1, len(other) + 1), np.inf)
    table[0, 0] = 0
    for row in range(len(one)):
        for at in range(len(other)):
            before = min(table[row, at], table[row, at + 1], table[row + 1, at])
            table[row + 1, at + 1] = ((one[row] - other[at]) ** 2).sum() + before
    return float(table[-1, -1])


def test_distances_are_those_of_a_plain_loop() -> None:
    draw = np.random.default_rng(0)
    some, others = ([draw.normal(size=(draw.integers(1, 9), 3)) for _ in range(rows)] for rows in (7, 11))
    expected = [[by_hand(one, other) for other in others] for one in some]
    np.testing.assert_allclose(warped(some, others), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(warped(others, some), np.transpose(expected), rtol=1e-9, atol=1e-9)


def test_a_series_that_lingers_is_still_the_same() -> None:
    series = np.random.default_rng(0).normal(size=(5, 2))
    slower = np.repeat(series, [1, 3, 1, 2, 4], axis=0)
    np.testing.assert_allclose(warped([slower], [series, series[::-1]])[0, 0], 0, atol=1e-9)
    assert warped([slower], [series[::-1]])[0, 0] > 1


def test_votes_are_those_of_the_nearest() -> None:
    (train, target), (test, _) = drawn(150, 0), drawn(70, 1)
    train["x"] = column([each * [1, 1000] + [5, 0] for each in train["x"]])
    test["x"] = column([each * [1, 1000] + [5, 0] for each in test["x"]])
    ours = NearestNeighbour(["none", *CLASSES], neighbours=3)
    ours.fit(train, {"label": target + 1})
    steps = np.concatenate(list(train["x"])).astype(np.float64)
    scaled = [[(each - steps.mean(0)) / steps.std(0) for each in part] for part in (test["x"], train["x"])]
    for chances, one in zip(ours.predict(test), scaled[0], strict=True):
        nearest = np.argsort([by_hand(one, other) for other in scaled[1]])[:3]
        votes = np.bincount(target[nearest] + 1, minlength=3) + 1 / 3
        np.testing.assert_allclose(chances, votes / votes.sum(), atol=1e-5)


def test_of_as_many_votes_the_nearest_one_wins() -> None:
    ours = NearestNeighbour(CLASSES, neighbours=2)
    ours.fit({"x": column([[[0.0]], [[1.0]]])}, {"label": np.array([0, 1])})
    assert ours.predict({"x": column([[[0.9]], [[0.1]]])}).argmax(1).tolist() == [1, 0]


def test_other_columns_and_targets_are_refused() -> None:
    train, target = drawn(20, 0)
    with pytest.raises(ValueError, match="neighbours of at least 1"):
        NearestNeighbour(CLASSES, neighbours=0)
    with pytest.raises(Fault, match="one class a series"):
        NearestNeighbour(CLASSES).fit(train, {"labels": np.stack([target, target], 1)})
    for inputs in ({"x": np.zeros((20, 3))}, {**train, "y": np.zeros(20)}, {"x": column([np.empty((0, 2))] * 20)}):
        with pytest.raises(Fault, match="one column of series, each of a step at least"):
            NearestNeighbour(CLASSES).fit(inputs, {"label": target})
