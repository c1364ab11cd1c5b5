"""A series that nobody here has seen, of days and with timestamps, goes through every verb by one YAML and no Python."""

import csv
import io
from pathlib import Path

import mlflow
import numpy as np
import pandas
import pytest
import yaml

from kinds.project import Project
from trainbook.columns import Columns
from trainbook.files import read_json

DATA = {
    "source": {
        "_target_": "trainbook.data.sources.timeline.Timeline",
        "path": "data/visits.tsv",
        "time": "date",
        "step": "1D",
        "target": "visitors",
        "history": 14,
        "horizon": 7,
        "observed": {"rain": [0, None]},
        "known": {"fair": [0, 1]},
        "calendar": ["weekday"],
        "left_out": ["remark"],
    },
    "split": {
        "_target_": "trainbook.data.splits.chronological.Chronological",
        "validation": "2021-09-01",
        "test": 98,
    },
    "steps": {
        "season": {"_target_": "trainbook.data.steps.season.Season", "columns": ["y"], "season": 7},
        "normalise": {"_target_": "trainbook.data.steps.normalise.Normalise", "columns": ["x"], "per": "feature"},
    },
    "store": "ready",
    "inputs": ["x", "known"],
    "targets": ["y"],
    "sample": {"_target_": "trainbook.data.samples.windows.Windows"},
    "augment": {},
    "balance": None,
    "batch_size": 32,
    "evaluation_batch_size": 100,
    "steps_per_execution": 4,
    "workers": 0,
}
EXPERIMENT = """# @package _global_
# Visitors of the next week.
defaults:
  - override /data: visits
  - override /network: temporal
  - override /task: forecast
  - override /baselines: forecast
optimizer:
  lr: 0.01
evaluation:
  baselines:
    lagged_boosting:
      max_iter: 20
trainer:
  max_epochs: 12
"""
DAYS = 700


@pytest.fixture(scope="module")
def frame() -> pandas.DataFrame:
    draw = np.random.default_rng(5)
    date = pandas.date_range("2020-02-01", periods=DAYS, freq="1D")
    fair = (draw.random(DAYS) < 0.1).astype(int)
    visitors = 100 + 40 * (date.day_of_week >= 5) + 60 * fair + draw.normal(0, 5, DAYS)
    made = pandas.DataFrame({"date": date.strftime("%Y-%m-%d"), "visitors": visitors.round(1), "fair": fair, "remark": "-"})
    return made.assign(rain=draw.exponential(2, DAYS).round(1)).drop(index=[50, 300, 301])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, frame: pandas.DataFrame) -> Project:
    made = Project(tmp_path_factory.mktemp("visits") / "project")
    (made.folder / "data").mkdir()
    (made.folder / "params.yaml").write_text("data: {}\nexperiments: {}\n")
    frame.to_csv(made.folder / "data/visits.tsv", index=False, sep="\t")
    (made.folder / "conf/data/visits.yaml").write_text(yaml.safe_dump(DATA))
    (made.folder / "conf/experiment/visits.yaml").write_text(EXPERIMENT)
    made.run("train", "experiment=visits", "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=20")
    return made


def recent(frame: pandas.DataFrame, until: int) -> pandas.DataFrame:
    """The days before one, and what is known of the week from it on."""
    given = frame.loc[until - 20 : until + 6].drop(columns="remark").copy()
    given.loc[until:, ["visitors", "rain"]] = np.nan
    return given


def test_it_learns_and_stands_beside_baselines(project: Project) -> None:
    found = project.metrics("first")
    assert found["test/mae"] < 10
    assert found["test/mase"] == pytest.approx(found["test/mae"] / scale(project))
    assert found["baseline/seasonal_naive/mae"] > 1.3 * found["test/mae"], "fairs are known in advance"
    assert found["baseline/lagged_boosting/mae"] < 15
    assert 0.4 < found["test/coverage"] <= 1
    details = read_json(project.folder / "runs/first/report/details.json")
    assert details["rows"] == 98 / 7
    assert len(details["test/mae_ahead"]) == 7
    drawn = {path.stem for path in (project.folder / "runs/first/report/figures").iterdir()}
    assert {"forecast", "quantile_reliability", "learning_curves", "baselines"} <= drawn


def scale(project: Project) -> float:
    (prepared,) = (project.folder / "runs/prepared").iterdir()
    y = Columns.load(prepared / "train")["y"].astype(float)
    return float(np.nanmean(np.abs(y[7:] - y[:-7])))


def test_predict_says_what_evaluate_said(project: Project, frame: pandas.DataFrame) -> None:
    judged = project.judged("first")["forecast"]
    for week in (0, 9):
        recent(frame, DAYS - 98 + 7 * week).to_csv(project.folder / "recent.csv", index=False)
        rows = list(csv.DictReader(io.StringIO(project.run("predict", "model=runs/first/model", "input=recent.csv"))))
        assert list(rows[0]) == ["input", "time", "point", "q0.1", "q0.5", "q0.9"]
        begin = pandas.Timestamp("2020-02-01") + pandas.Timedelta(days=DAYS - 98 + 7 * week)
        assert [row["time"] for row in rows] == [str(begin + pandas.Timedelta(days=ahead)) for ahead in range(7)]
        said = [[float(row[name]) for name in ("q0.1", "q0.5", "q0.9")] for row in rows]
        np.testing.assert_allclose(said, judged[week], rtol=1e-4)
        assert [row["point"] for row in rows] == [row["q0.5"] for row in rows]


def test_the_served_model_takes_the_columns_of_the_file(project: Project, frame: pandas.DataFrame) -> None:
    (made,) = project.folder.glob("mlartifacts/models/*/artifacts/MLmodel")
    records = recent(frame, DAYS - 98)
    with project.entered():
        served = mlflow.pyfunc.load_model(str(made.parent))
        answers = served.predict(records)
        nulls = records.astype(object).where(records.notna(), None)
        pandas.testing.assert_frame_equal(served.predict(nulls), answers)
        with pytest.raises(mlflow.exceptions.MlflowException, match="missing: rain"):
            served.predict(records.drop(columns="rain"))
        with pytest.raises(mlflow.exceptions.MlflowException, match="at least 14 steps up to the forecast were expected; got 5"):
            served.predict(records.loc[DAYS - 98 - 5 :])
    assert len(answers) == 7
    np.testing.assert_allclose(answers[["q0.1", "q0.5", "q0.9"]], project.judged("first")["forecast"][0], rtol=1e-4)


def test_a_longer_history_is_prepared_anew_and_a_backtest_goes_on_in_time(project: Project) -> None:
    words = ("experiment=visits", "tracking=none", "trainer.max_epochs=1", "evaluation.resamples=0", "evaluation.baselines=null")
    model = project.train("longer", *words[:1], *words[2:3], "data.source.history=28")
    facts = yaml.safe_load((model / "facts.yaml").read_text())
    assert facts["offers"]["x_shape"] == [28, 2]
    said = project.run("train", *words[:4], "folds=2", "tracking.run_name=back", "~evaluation.baselines.lagged_boosting")
    assert any(line.startswith("mase ") and " ± " in line for line in said.splitlines())
    assert any(line.startswith("baseline/seasonal_naive/mae ") for line in said.splitlines())
    ends = {}
    for path in (project.folder / "runs/prepared").glob("*/facts.yaml"):
        split = yaml.safe_load(path.read_text())["made_from"]["settings"]["split"]
        if split.get("folds"):
            ends[split["fold"]] = [Columns.load(path.parent / part)["time"][-1] for part in ("train", "validation", "test")]
    assert ends[0][0] < ends[0][1] < ends[0][2]
    assert ends[1][1] == ends[0][2], "the second fold validates on what the first one tested on"


def test_a_history_shorter_than_a_season_has_no_naive_forecast(project: Project) -> None:
    project.train("short", "experiment=visits", "data.source.history=5", "trainer.max_epochs=1")
    with pytest.raises(AssertionError, match="A history of at least 7 steps, a season, was expected by this baseline; got 5"):
        project.run("evaluate", "model=runs/short/model", "evaluation.resamples=0")


def test_other_networks_and_a_plain_mean_need_no_more_than_a_word(project: Project, frame: pandas.DataFrame) -> None:
    recent(frame, 400).to_csv(project.folder / "recent.csv", index=False)
    project.train("mean", "experiment=visits", "task.loss=squared", "network=gru", "trainer.max_epochs=1")
    said = project.run("predict", "model=runs/mean/model", "input=recent.csv")
    assert said.splitlines()[0] == "input,time,point"
    project.run("evaluate", "model=runs/mean/model", "evaluation.resamples=0")
    assert "test/coverage" not in project.metrics("mean")
    assert project.metrics("mean")["baseline/seasonal_naive/mae"] > 0


def test_a_task_or_a_network_for_other_data_is_refused(project: Project) -> None:
    with pytest.raises(AssertionError, match=r"task: Classification needs classes, class_counts, and these data do not"):
        project.train("classes", "experiment=visits", "task=classification")
    with pytest.raises(AssertionError, match=r"network\.shape: .*Mlp needs it"):
        project.train("mlp", "experiment=visits", "network=mlp")


def test_a_drifted_file_stops_before_training(project: Project, frame: pandas.DataFrame, tmp_path: Path) -> None:
    drifted = frame.assign(rain=frame["rain"] - 30)
    drifted.to_csv(project.folder / "data/drifted.tsv", index=False, sep="\t")
    with pytest.raises(AssertionError, match="rain: at least 0 was expected; 697 cells are otherwise"):
        project.run("train", "experiment=visits", "tracking=none", "data.source.path=data/drifted.tsv")
