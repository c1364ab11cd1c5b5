"""Windows against a plain loop."""

import numpy as np
import pytest
import torch

from trainbook.columns import Columns
from trainbook.data.samples.windows import Windows
from trainbook.faults import Fault


def series(steps: int = 60) -> Columns:
    draw = np.random.default_rng(2)
    return Columns(
        {
            "x": draw.normal(size=(steps, 3)).astype(np.float32),
            "known": draw.normal(size=(steps, 2)).astype(np.float32),
            "y": draw.normal(size=steps).astype(np.float32),
            "time": 86400 * np.arange(steps),
            "origin": draw.random(steps) < 0.5,
        }
    )


@pytest.mark.parametrize(("history", "horizon"), [(7, 3), (1, 1), (20, 9)])
def test_windows_equal_a_plain_loop(history: int, horizon: int) -> None:
    columns, sample = series(), Windows(["x", "known"], ["y"], history, horizon)
    origins = [at for at in range(60) if columns["origin"][at] and at - history >= 0 and at + horizon <= 60]
    assert sample.count(columns) == len(origins) > 3
    chosen = np.array([2, 0, len(origins) - 1])
    batch = sample.finish(sample.fetch(columns, Columns({}), chosen), None)
    gathered = sample.gather(columns, ["x", "known", "y"])
    for place, number in enumerate(chosen):
        at = origins[number]
        expected = {
            "x": columns["x"][at - history : at],
            "known": columns["known"][at - history : at + horizon],
            "y": columns["y"][at : at + horizon],
        }
        for name, values in expected.items():
            got = {**batch.inputs, **batch.targets}[name]
            assert got.dtype == torch.float32
            np.testing.assert_array_equal(got[place], values)
            np.testing.assert_array_equal(gathered[name][number], values)
        days = sample.beside(columns, chosen)["time"][place]
        assert days.tolist() == [f"{np.datetime64('1970-01-01') + each} 00:00:00" for each in range(at, at + horizon)]
    assert batch.row.tolist() == chosen.tolist()


def test_a_filling_row_is_some_window_and_keeps_its_mark() -> None:
    columns, sample = series(), Windows(["x", "known"], ["y"], 7, 3)
    batch = sample.fetch(columns, Columns({}), np.array([-1]))
    assert batch.row.tolist() == [-1]
    np.testing.assert_array_equal(batch.inputs["x"], sample.fetch(columns, Columns({}), np.array([0])).inputs["x"])


def test_without_origins_the_last_steps_are_those_ahead() -> None:
    whole, sample = series(10), Windows(["x", "known"], ["y"], 7, 3)
    recent = Columns({name: whole[name] for name in ("x", "known", "time")})
    batch = sample.fetch(recent, Columns({}), np.arange(sample.count(recent)))
    np.testing.assert_array_equal(batch.inputs["x"][0], whole["x"][:7])
    np.testing.assert_array_equal(batch.inputs["known"][0], whole["known"])
    assert batch.targets == {}
    assert sample.beside(recent, np.array([0]))["time"][0, 0] == "1970-01-08 00:00:00"


def test_offers_are_shapes_lengths_and_facts() -> None:
    facts = {
        "counts": {"rows": {"train": 5, "test": 1}},
        "inputs": {"x": {"shape": [3], "mean": 0.5, "names": ["a"]}, "known": {"shape": [2]}},
        "targets": {"y": {"shape": [], "mean": 2.0, "std": 3.0}},
    }
    offered = Windows(["x", "known"], ["y"], 7, 3).offers(facts)
    assert offered == {
        **{"rows": 5, "history": 7, "horizon": 3, "x_mean": 0.5, "y_mean": 2.0, "y_std": 3.0},
        **{"x_shape": [7, 3], "known_shape": [10, 2]},
    }
    facts["counts"]["rows"]["test"] = 0
    with pytest.raises(Fault, match="test has none"):
        Windows(["x", "known"], ["y"], 7, 3).offers(facts)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="of at least 1"):
        Windows(["x"], ["y"], 0, 3)
    with pytest.raises(ValueError, match="store: ready"):
        Windows(["x"], ["y"], 2, 3, deferred=[None])  # type: ignore[list-item]
