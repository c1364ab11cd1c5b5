"""Parts by time: which steps each has, and where forecasts begin in them."""

from typing import Any

import numpy as np
import pytest

from trainbook.columns import Columns
from trainbook.data.samples.windows import Windows
from trainbook.data.splits.chronological import Chronological
from trainbook.faults import Fault

HISTORY, HORIZON, STEPS = 48, 24, 24 * 60
HOURS = {"history": HISTORY, "horizon": HORIZON}
BEGIN = int(np.datetime64("2020-02-01", "s").astype(np.int64))


def series(steps: int = STEPS) -> dict[str, Columns]:
    times = BEGIN + 3600 * np.arange(steps)
    return {"train": Columns({"time": times, "origin": np.ones(steps, bool), "y": np.arange(steps, dtype=np.float32)})}


def forecast(split: Columns) -> np.ndarray:
    """The steps that the windows of a part forecast (windows, horizon)."""
    return Windows([], ["y"], HISTORY, HORIZON).gather(split, ["y"])["y"]


@pytest.mark.parametrize("how", [("2020-03-12", "2020-03-22"), (240, 240), (1 / 6, 1 / 6)])
def test_parts_follow_one_another_and_each_step_is_forecast_once(how: tuple[Any, Any]) -> None:
    parts = Chronological(**HOURS, validation=how[0], test=how[1])(series())
    assert forecast(parts["validation"]).ravel().tolist() == list(range(24 * 40, 24 * 50))
    assert forecast(parts["test"]).ravel().tolist() == list(range(24 * 50, 24 * 60))
    train = forecast(parts["train"])
    assert train.min() == HISTORY
    assert train.max() == 24 * 40 - 1
    assert len(train) == 24 * 40 - HISTORY - HORIZON + 1
    assert parts["validation"]["y"][0] == 24 * 40 - HISTORY


def test_origins_lie_where_the_clock_says() -> None:
    parts = Chronological(**HOURS, validation=240, test=250, every=12, every_train=6, offset=3)(series())
    for name, every in (("train", 6), ("validation", 12), ("test", 12)):
        hours = forecast(parts[name])[:, 0].astype(int) % 24
        assert {int(hour) for hour in hours} == {*range(3 % every, 24, every)}


def test_without_an_offset_steps_are_counted_from_the_beginning_of_each_part() -> None:
    parts = Chronological(**HOURS, validation=245, test=250, every=12)(series())
    for name, start in (("validation", STEPS - 495), ("test", STEPS - 250)):
        found = forecast(parts[name])[:, 0].astype(int)
        assert found.tolist() == list(range(start, start + (245 if name == "validation" else 250) - HORIZON + 1, 12))


def test_no_forecast_begins_where_the_source_says_none_can() -> None:
    whole = series()["train"]
    barred = whole["origin"].copy()
    barred[24 * 52] = False
    parts = Chronological(**HOURS, validation=240, test=240)({"train": whole.replace(origin=barred)})
    assert sorted(forecast(parts["test"])[:, 0]) == [24.0 * day for day in range(50, 60) if day != 52]


def test_folds_go_on_in_time_and_learn_from_all_that_comes_before() -> None:
    tested: list[float] = []
    for fold in range(3):
        parts = Chronological(**HOURS, validation=240, test=300, folds=3, fold=fold)(series())
        test, validation, train = (forecast(parts[name]) for name in ("test", "validation", "train"))
        assert test.min() == 24 * (30 + 10 * fold)
        assert validation.min() == test.min() - 240
        assert validation.max() < test.min()
        assert train.max() == validation.min() - 1
        assert parts["train"].rows == validation.min()
        tested += test.ravel().tolist()
    assert tested == list(range(24 * 30, 24 * 60))


def test_the_split_hangs_on_nothing_but_the_time() -> None:
    whole = series()["train"]
    other = whole.replace(y=np.random.default_rng(0).normal(size=whole.rows).astype(np.float32))
    parts, others = (Chronological(**HOURS)({"train": each}) for each in (whole, other))
    for name in parts:
        assert not np.array_equal(parts[name]["y"], others[name]["y"])
        for column in set(parts[name]) - {"y"}:
            np.testing.assert_array_equal(parts[name][column], others[name][column])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"validation": "2020-02-02"}, "split: train has 24 steps"),
        ({"test": "2020-04-01"}, "split: test has 0 steps"),
        ({"validation": 240, "test": 10}, "split: test has 10 steps"),
        ({"validation": 400, "folds": 3}, "take fewer folds"),
    ],
)
def test_a_part_without_room_for_a_window_is_refused(how: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault, match=said):
        Chronological(**{**HOURS, "validation": 240, "test": 240, **how})(series())


def test_settings_out_of_range_and_other_columns_are_refused() -> None:
    for wrong in ({"validation": 0}, {"test": 1.5}, {"test": "tomorrow"}, {"every": 0}, {"folds": 1}, {"folds": 3, "fold": 3}):
        with pytest.raises(ValueError, match="expected"):
            Chronological(**{**HOURS, **wrong})  # type: ignore[arg-type]
    with pytest.raises(Fault, match="one series with its times"):
        Chronological(**HOURS)({"train": Columns({"x": np.zeros((9, 2))})})
