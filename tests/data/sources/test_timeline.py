"""Timelines: rows on a full grid, what becomes of holes, the calendar, and files to forecast from."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from conftest import ROOT
from trainbook.data.sources.calendar import Calendar
from trainbook.data.sources.grid import Gaps, runs
from trainbook.data.sources.timeline import Timeline
from trainbook.faults import Fault
from trainbook.files import read_yaml

BIKES = {key: value for key, value in read_yaml(ROOT / "conf/data/bikes.yaml")["source"].items() if key != "_target_"}
CLOSED = [(18, 0, 12), (26, 18, 22), (53, 0, 6), (239, 18, 13)]
"""Day of the year, hour and length of what the card calls closed or out of service."""


@pytest.fixture(scope="module")
def frame() -> pandas.DataFrame:
    return pandas.read_csv(ROOT / BIKES["path"], dtype=str, keep_default_na=False)


def bikes(path: Path, **other: Any) -> Timeline:
    return Timeline(**{**BIKES, "path": str(path), **other})


def small(folder: Path, frame: pandas.DataFrame, **other: Any) -> Timeline:
    frame.to_csv(folder / "series.csv", index=False)
    how = {"path": str(folder / "series.csv"), "time": "when", "step": "1h", "target": "value", "history": 4, "horizon": 2}
    return Timeline(**{**how, "calendar": ["hour"], **other})


def hours(count: int) -> pandas.DataFrame:
    when = pandas.date_range("2020-03-01", periods=count, freq="1h")
    return pandas.DataFrame({"when": when.astype(str), "value": np.arange(1.0, count + 1)})


def test_bikes_lie_on_a_full_grid_and_each_hole_is_what_the_card_says(frame: pandas.DataFrame) -> None:
    source = bikes(ROOT / BIKES["path"])
    found = source.load()["train"]
    assert found.rows == 365 * 24 == 8760
    assert (np.diff(found["time"]) == 3600).all()
    assert str(found["time"][0].astype("datetime64[s]")) == "2011-01-01T00:00:00"
    there = (frame["day"].astype(int).to_numpy() - 1) * 24 + frame["hr"].astype(int).to_numpy()
    np.testing.assert_array_equal(found["x"][there, 0], frame["bikers"].to_numpy(np.float32))
    np.testing.assert_array_equal(found["y"][there], frame["bikers"].to_numpy(np.float32))
    holes = np.setdiff1d(np.arange(8760), there)
    closed = np.concatenate([np.arange(length) + (day - 1) * 24 + hour for day, hour, length in CLOSED] + [[71 * 24 + 2]])
    assert len(closed) == 54
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found["y"])), np.sort(closed))
    zeros = np.setdiff1d(holes, closed)
    assert len(zeros) == 61
    assert (found["x"][zeros, 0] == 0).all()
    assert (found["y"][zeros] == 0).all()
    assert source.facts()["y"] == {"zeros": 61, "interpolated": 54}
    before, after = found["x"][17 * 24 - 1, 0], found["x"][17 * 24 + 12, 0]  # 18 January, 0 to 11 o'clock
    np.testing.assert_allclose(found["x"][17 * 24 - 1 : 17 * 24 + 13, 0], np.linspace(before, after, 14), rtol=1e-5)
    origins = np.flatnonzero(~found["origin"].astype(bool))
    np.testing.assert_array_equal(origins, np.sort(closed) + 1)


def test_the_weather_of_a_hole_is_carried_forward_and_never_back() -> None:
    found = bikes(ROOT / BIKES["path"]).load()["train"]["x"][:, 1:]
    start = 17 * 24
    np.testing.assert_array_equal(found[start : start + 12], np.tile(found[start - 1], (12, 1)))


def test_permuted_columns_and_parquet_are_the_same(frame: pandas.DataFrame, tmp_path: Path) -> None:
    head = frame.head(400)
    head.to_csv(tmp_path / "one.csv", index=False)
    mixed = head[[*reversed(head.columns)]].copy()
    mixed[["bikers", "casual", "registered"]] = mixed[["bikers", "casual", "registered"]].astype(int)
    mixed.to_parquet(tmp_path / "other.parquet")
    one, other = (bikes(tmp_path / name).load()["train"] for name in ("one.csv", "other.parquet"))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_time_as_one_column_is_the_same_as_year_day_and_hour(frame: pandas.DataFrame, tmp_path: Path) -> None:
    head = frame.head(500)
    head.to_csv(tmp_path / "parts.csv", index=False)
    begun = pandas.Timestamp("2011-01-01")
    when = [begun + pandas.Timedelta(days=int(day) - 1, hours=int(hr)) for day, hr in zip(head["day"], head["hr"], strict=True)]
    head.assign(when=when).to_csv(tmp_path / "whole.csv", index=False)
    one = bikes(tmp_path / "parts.csv").load()["train"]
    other = bikes(tmp_path / "whole.csv", time="when", left_out=[*BIKES["left_out"], "day"]).load()["train"]
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("column", "row", "value", "said"),
    [
        ("casual", 3, "4", r"bikers: the sum of casual, registered was expected; 1 cell is otherwise \(row 4: 13.0\)"),
        ("holiday", 400, "1", r"holiday: holiday of the calendar was expected; 1 cell is otherwise \(row 401: 1.0\)"),
        ("workingday", 400, "0", r"workingday: workingday of the calendar was expected"),
        ("temp", 9, "1.2", r"temp: at most 1 was expected; 1 cell is otherwise \(row 10: 1.2\)"),
        ("hum", 9, "dry", r"hum: numbers were expected; 1 cell is otherwise \(row 10: 'dry'\)"),
        ("day", 30, "1", r"rising times, none twice, were expected; row 31"),
        ("day", 30, "367", r"day: whole numbers from 1 to 366 were expected; 1 cell is otherwise \(row 31: '367'\)"),
        ("hr", 30, "24", r"hr: whole numbers from 0 to 23 were expected"),
    ],
)
def test_a_damaged_cell_is_refused(frame: pandas.DataFrame, tmp_path: Path, column: str, row: int, value: str, said: str) -> None:
    damaged = frame.head(500).copy()
    damaged.loc[row, column] = value
    damaged.to_csv(tmp_path / "bikes.csv", index=False)
    other = {"confirmed": {"holiday": "holiday", "workingday": "workingday"}} if column in ("day", "hr") else {}
    with pytest.raises(Fault, match=said):
        bikes(tmp_path / "bikes.csv", **other).load()


def test_rows_off_the_grid_and_columns_nobody_names_are_refused(tmp_path: Path) -> None:
    off = hours(12)
    off.loc[5, "when"] = "2020-03-01 05:30:00"
    with pytest.raises(Fault, match=r"times in steps of 0 days 01:00:00 from 2020-03-01 00:00:00 on were expected; 1 cell"):
        small(tmp_path, off).load()
    with pytest.raises(Fault, match="extra: 'more'"):
        small(tmp_path, hours(12).assign(more=1)).load()
    with pytest.raises(Fault, match=r"when: times such as .*row 3: 'then'"):
        small(tmp_path, hours(12).assign(when=lambda f: f["when"].where(f.index != 2, "then"))).load()
    with pytest.raises(Fault, match="without a zone"):
        small(tmp_path, hours(12).assign(when=lambda f: f["when"] + "+00:00")).load()


def test_a_gap_that_is_too_long_is_refused(tmp_path: Path) -> None:
    holey = hours(20).drop(index=[8, 9, 10])
    assert small(tmp_path, holey, longest_gap=3).load()["train"].rows == 20
    with pytest.raises(Fault, match="gaps of at most 2 steps were expected; 2020-03-01 08:00:00 to 2020-03-01 10:00:00 are 3"):
        small(tmp_path, holey, longest_gap=2).load()


def test_a_row_without_a_value_is_no_zero(tmp_path: Path) -> None:
    holey = hours(12)
    holey.loc[[2, 3], "value"] = np.nan
    found = small(tmp_path, holey.drop(index=2), zero_hours=(1, 6)).load()["train"]
    np.testing.assert_array_equal(found["x"][:, 0], np.arange(1, 13))
    assert np.flatnonzero(np.isnan(found["y"])).tolist() == [2, 3]


def test_runs_and_rules_of_gaps_equal_a_plain_loop() -> None:
    draw = np.random.default_rng(0)
    times = pandas.date_range("2021-05-01", periods=600, freq="1h")
    values = draw.uniform(1, 9, 600)
    there = draw.random(600) > 0.4
    there[[0, -1]] = True
    target = pandas.Series(np.where(there, values, np.nan), times)
    found = Gaps((1, 6), ["2021-05-03 03:00"], None).fill("x", target, there)
    expected = target.copy()
    at = 0
    while at < 600:
        stop = at
        while stop < 600 and not there[stop]:
            stop += 1
        gap = times[at:stop]
        if len(gap) and all(1 <= each.hour <= 6 and each != pandas.Timestamp("2021-05-03 03:00") for each in gap):
            expected.iloc[at:stop] = 0
        at = max(stop, at + 1)
    assert expected.isna().sum() == found.interpolated.sum() > 20
    assert (expected == 0).sum() == found.zeros.sum() > 10
    np.testing.assert_allclose(found.values, expected.interpolate("linear"))
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]


def test_the_calendar_says_what_python_says() -> None:
    times = pandas.date_range("2011-12-01", periods=24 * 45, freq="1h")
    calendar = Calendar(["hour", "weekday", "month", "day_of_year", "workingday", "holiday"], "US", "DC")
    found = dict(zip(calendar.names, calendar(times).T, strict=True))
    for row, time in enumerate(times.to_pydatetime()):
        assert found["hour_sine"][row] == pytest.approx(np.sin(time.hour / 24 * 2 * np.pi), abs=1e-6)
        assert found["weekday_cosine"][row] == pytest.approx(np.cos(time.weekday() / 7 * 2 * np.pi), abs=1e-6)
        assert found["month_sine"][row] == pytest.approx(np.sin((time.month - 1) / 12 * 2 * np.pi), abs=1e-6)
        holiday = time.date() in (datetime.date(2011, 12, 26), datetime.date(2012, 1, 2))
        assert found["holiday"][row] == holiday
        assert found["workingday"][row] == (time.weekday() < 5 and not holiday)


def test_a_file_to_forecast_from_is_the_end_of_the_series(frame: pandas.DataFrame, tmp_path: Path) -> None:
    source = bikes(ROOT / BIKES["path"])
    whole, until = source.load()["train"], 300 * 24
    rows = (frame["day"].astype(int) - 1) * 24 + frame["hr"].astype(int)
    given = frame[(rows < until) & (rows >= until - 400)].drop(columns=["casual", "registered", "holiday"])
    given.to_csv(tmp_path / "recent.csv", index=False)
    names, found = next(iter(source.read(tmp_path / "recent.csv").pieces))
    assert names == ["recent.csv"]
    some = slice(until - 168, until + 24)
    assert set(found) == {"x", "known", "time"}
    np.testing.assert_array_equal(found["x"][:168], whole["x"][some][:168])
    np.testing.assert_array_equal(found["known"], whole["known"][some])
    np.testing.assert_array_equal(found["time"], whole["time"][some])
    again = source.accept({name: given[name].to_numpy() for name in ("day", "hr", "bikers", "temp", "hum", "windspeed")})
    for name in found:
        np.testing.assert_array_equal(found[name], again[name])
    given.tail(150).to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(Fault, match="at least 168 steps up to the forecast were expected; got 15"):
        source.read(tmp_path / "short.csv").pieces.__next__()
    with pytest.raises(Fault, match="missing: temp"):
        source.accept({name: given[name].to_numpy() for name in ("day", "hr", "bikers", "hum", "windspeed")})


def test_what_is_known_in_advance_is_given_for_the_steps_ahead(tmp_path: Path) -> None:
    open_hours = hours(30).assign(open=lambda f: f.index % 3)
    source = small(tmp_path, open_hours, known={"open": [0, 2]})
    whole = source.load()["train"]
    recent = open_hours.iloc[10:20].copy()
    recent.loc[18:, "value"] = np.nan
    recent.to_csv(tmp_path / "recent.csv", index=False)
    (_, found) = next(iter(source.read(tmp_path / "recent.csv").pieces))
    np.testing.assert_array_equal(found["known"], whole["known"][14:20])
    np.testing.assert_array_equal(found["time"], whole["time"][14:20])
    recent.head(9).to_csv(tmp_path / "recent.csv", index=False)
    with pytest.raises(Fault, match="open of 2 steps from 2020-03-01 18:00:00 on, with value empty, were expected"):
        source.read(tmp_path / "recent.csv").pieces.__next__()
    example = source.example()
    np.testing.assert_array_equal(source.accept(example)["known"], whole["known"][:6])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"calendar": ["hours"]}, "words among hour"),
        ({"calendar": ["holiday"]}, "a country was expected"),
        ({"calendar": ["holiday"], "country": "XX"}, "such as `holidays` knows"),
        ({"calendar": ["holiday"], "country": "US", "region": "XX"}, "such as `holidays` knows"),
        ({"calendar": []}, "known in advance was expected"),
        ({"horizon": 0}, "history and horizon"),
        ({"time": {"day": "day"}}, "year, day and hour"),
        ({"known": {"value": None}}, "value is the target"),
        ({"confirmed": {"h": "hours"}}, "confirmed"),
    ],
)
def test_settings_out_of_range_are_refused(other: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        small(tmp_path, hours(12), **other)
