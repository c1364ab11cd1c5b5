"""Forecasts learn nothing from the hours of the test, and see nothing of the hours that they are for."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from conftest import ROOT
from kinds.project import Project
from trainbook import assembly
from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.files import read_yaml

RAW = "data/bikes/bikes.csv"
DATA = read_yaml(ROOT / "conf/data/bikes.yaml")
FIRST = (pandas.Timestamp(DATA["split"]["test"]) - pandas.Timestamp("2011-01-01")).days + 1
"""Day of the year with which the test begins."""


def frame() -> pandas.DataFrame:
    return pandas.read_csv(ROOT / RAW, dtype=str, keep_default_na=False)


def scrambled(whole: pandas.DataFrame, from_hour: int) -> pandas.DataFrame:
    """Outcomes and weather shuffled among the hours from one on, counted from 1 January, 0 o'clock; the calendar stays."""
    rows = np.flatnonzero((whole["day"].astype(int) - 1) * 24 + whole["hr"].astype(int) >= from_hour)
    draw, made = np.random.default_rng(1), whole.copy()
    for columns in (["casual", "registered", "bikers"], ["temp"], ["hum"], ["windspeed"]):
        order = draw.permutation(rows)
        for column in columns:
            values = made[column].to_numpy(copy=True)
            values[rows] = values[order]
            made[column] = values
    return made


def test_what_is_learnt_does_not_hang_on_hours_of_the_test(tmp_path: Path) -> None:
    projects = [Project(tmp_path / each) for each in ("true", "scrambled")]
    for project in projects:
        (project.folder / RAW).parent.mkdir(parents=True)
    shutil.copy(ROOT / RAW, projects[0].folder / RAW)
    changed = scrambled(frame(), (FIRST - 1) * 24)
    changed.to_csv(projects[1].folder / RAW, index=False)
    for project in projects:
        project.run("prepare", "data=bikes", "--output", "build/prepared/bikes")
        project.train("one", "experiment=bikes_lstm", "trainer.max_epochs=1", "trainer.limit_train_batches=4")
    one, other = (project.folder / "build/prepared/bikes" for project in projects)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file() and path.name != "facts.yaml")
    differing = [path for path in files if (one / path).read_bytes() != (other / path).read_bytes()]
    assert {str(path) for path in differing} == {"test/x.npy", "test/y.npy"}
    facts, others = (read_yaml(folder / "facts.yaml") for folder in (one, other))
    for each in (facts, others):
        del each["made_from"], each["prepared"]["test"]
    assert facts == others
    learnt, again = (project.folder / "runs/one/model/weights.safetensors" for project in projects)
    assert learnt.read_bytes() == again.read_bytes()


@pytest.fixture(scope="module")
def true() -> dict[str, Columns]:
    return _prepared(DATA)


def _prepared(data: dict[str, Any]) -> dict[str, Columns]:
    import os

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return assembly.preparation(data).raw_splits()
    finally:
        os.chdir(before)


@pytest.mark.parametrize("day", [FIRST + 26, FIRST + 54, FIRST + 57])
def test_a_window_sees_nothing_of_the_hours_that_it_is_for(day: int, true: dict[str, Columns], tmp_path: Path) -> None:
    """Also beside holes: those days, or the ones before, have hours without a row."""
    path = tmp_path / "bikes.csv"
    changed = scrambled(frame(), (day - 1) * 24)
    changed.to_csv(path, index=False)
    other = _prepared({**DATA, "source": {**DATA["source"], "path": str(path)}})
    sample = assembly.preparation(DATA).sample
    batches = [finished(sample, splits["test"]) for splits in (true, other)]
    at = day - FIRST
    for name in ("x", "known"):
        one, again = (batch.inputs[name][: at + 1] for batch in batches)
        assert (one == again).all(), f"{name} of the windows up to the one that begins on that day"
    assert (batches[0].targets["y"][at] != batches[1].targets["y"][at]).any()
    assert (batches[0].inputs["x"][at + 1] != batches[1].inputs["x"][at + 1]).any()


def test_no_window_begins_behind_an_hour_that_was_filled_by_looking_ahead(true: dict[str, Columns]) -> None:
    sample = assembly.preparation(DATA).sample
    for columns in true.values():
        before = columns["y"][sample.origins(columns) - 1]  # type: ignore[attr-defined]
        assert not np.isnan(before).any()
