"""Intervals are numpy's quantiles of the same draws, and pairs are drawn together."""

import numpy as np
import pytest
import torch

from trainbook.bootstrap import differences, drawn, intervals


def test_intervals_and_pairs_by_hand() -> None:
    ours, theirs = np.random.default_rng(5).normal(size=(2, 50))
    measures = [lambda rows, one=one: {"mean": float(one[rows.numpy()].mean())} for one in (ours, theirs)]
    first, second = drawn(measures, 50, 200, "Test")
    chance = np.random.default_rng(0)
    rows = [chance.integers(50, size=50) for _ in range(200)]
    expected = [one[np.array(rows)].mean(1) for one in (ours, theirs)]
    for found, means in zip((first, second), expected, strict=True):
        assert intervals(found, 0.9)["mean"] == pytest.approx(tuple(np.quantile(means, [0.05, 0.95])))
    paired = [differences(*both) for both in zip(first, second, strict=True)]
    assert intervals(paired, 0.9)["mean"] == pytest.approx(tuple(np.quantile(expected[0] - expected[1], [0.05, 0.95])))
    assert measures[0](torch.arange(50)) == {"mean": pytest.approx(ours.mean())}


def test_a_metric_that_some_draws_lack() -> None:
    assert intervals([{"a": 1.0}, {"a": 3.0, "b": 5.0}, {"b": 5.0}], 0.5) == {"a": (1.5, 2.5), "b": (5.0, 5.0)}
    assert intervals([], 0.5) == {}
    assert differences({"a": 3.0, "b": 1.0, "c": 0.0}, {"a": 1.0, "b": 4.0}, small="b") == {"a": 2.0, "b": 3.0}
