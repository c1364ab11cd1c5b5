"""A table that nobody here has seen, with gaps and text categories, goes through every verb by one YAML and no Python."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas
import pytest
import yaml
from safetensors.numpy import load_file

from kinds.project import HERE, Project
from trainbook.columns import Columns
from trainbook.files import read_json

DATA = {
    "source": {
        "_target_": "trainbook.data.sources.table.Table",
        "paths": {"train": "data/customers.csv"},
        "numbers": {"age": [0, 120], "income": None},
        "categories": {"city": None, "plan": None},
        "target": "left",
        "classes": ["stays", "leaves"],
        "left_out": ["id"],
    },
    "split": {
        "_target_": "trainbook.data.splits.holdout.Holdout",
        "validation": 0.2,
        "test": 0.2,
        "stratify": "label",
        "seed": 0,
    },
    "steps": {
        "impute": {"_target_": "trainbook.data.steps.impute.Impute", "columns": ["numbers"], "method": "knn", "neighbours": 5},
        "normalise": {"_target_": "trainbook.data.steps.normalise.Normalise", "columns": ["numbers"], "per": "feature"},
        "encode": {"_target_": "trainbook.data.steps.encode.Encode", "columns": ["categories"]},
        "oversample": {"_target_": "trainbook.data.steps.oversample.Oversample", "columns": ["numbers", "categories"]},
    },
    "store": "ready",
    "inputs": ["numbers", "categories"],
    "targets": ["label"],
    "sample": {"_target_": "trainbook.data.samples.rows.Rows"},
    "augment": {},
    "balance": None,
    "batch_size": 32,
    "evaluation_batch_size": 100,
    "steps_per_execution": 4,
    "workers": 0,
}
EXPERIMENT = """# @package _global_
# Customers who leave.
defaults:
  - override /data: customers
  - override /network: tabular
  - override /task: binary
optimizer:
  lr: 0.01
trainer:
  max_epochs: 6
"""
WORDS = ("experiment=customers",)


@pytest.fixture(scope="module")
def frame() -> pandas.DataFrame:
    draw = np.random.default_rng(8)
    age, income = draw.normal(45, 15, 500).clip(18, 100).round(), draw.normal(3000, 900, 500).round()
    plan = draw.choice(["basic", "full", ""], 500, p=[0.6, 0.35, 0.05])
    leaves = (age - 45) / 15 + 2 * (plan == "full") + 0.4 * draw.normal(size=500) > 1.4
    made = pandas.DataFrame({"id": np.arange(500), "age": age, "income": income, "plan": plan})
    made["city"] = draw.choice(["Århus", "Bergen", "Turku"], 500)
    made["left"] = np.where(leaves, "leaves", "stays")
    made.loc[draw.random(500) < 0.1, "age"] = np.nan
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, frame: pandas.DataFrame) -> Project:
    made = Project(tmp_path_factory.mktemp("unseen") / "project")
    (made.folder / "data").mkdir()
    (made.folder / "params.yaml").write_text("data: {}\nexperiments: {}\n")
    frame.to_csv(made.folder / "data/customers.csv", index=False)
    (made.folder / "conf/data/customers.yaml").write_text(yaml.safe_dump(DATA))
    (made.folder / "conf/experiment/customers.yaml").write_text(EXPERIMENT)
    made.run("train", *WORDS, "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=50")
    return made


def test_it_learns_and_training_rows_are_balanced(project: Project) -> None:
    assert project.metrics("first")["test/roc_auc"] > 0.9
    (prepared,) = (project.folder / "runs/prepared").iterdir()
    train, test = (Columns.load(prepared / part) for part in ("train", "test"))
    assert len(set(np.bincount(train["label"]))) == 1
    assert test["label"].mean() == pytest.approx(0.33, abs=0.1)
    assert test.rows == 100


def test_predict_takes_csv_and_parquet_and_words_never_seen(project: Project, frame: pandas.DataFrame, tmp_path: Path) -> None:
    new = frame.drop(columns=["left", "id"]).head(40).copy()
    new.loc[0, "city"] = "a town that nobody has heard of"
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet")
    said = [project.run("predict", "model=runs/first/model", f"input={tmp_path / name}") for name in ("new.csv", "new.parquet")]
    rows, others = (list(csv.DictReader(io.StringIO(text))) for text in said)
    assert [row["leaves"] for row in rows] == [row["leaves"] for row in others]
    assert [row["input"] for row in others] == [f"new.parquet[{at}]" for at in range(40)]
    right = np.mean([row["class"] == left for row, left in zip(rows, frame["left"], strict=False)])
    assert right > 0.8
    threshold = float(load_file(project.folder / "runs/first/model/weights.safetensors")["threshold"])
    assert [row["class"] for row in rows] == [["stays", "leaves"][float(row["leaves"]) >= threshold] for row in rows]


def test_the_served_model_takes_records_by_the_names_of_the_file(project: Project, frame: pandas.DataFrame) -> None:
    (made,) = project.folder.glob("mlartifacts/models/*/artifacts/MLmodel")
    records = frame.drop(columns=["left", "id"]).head(20)
    with project.entered():
        answers = mlflow.pyfunc.load_model(str(made.parent)).predict(records)
        assert list(answers.columns) == ["class", "probability", "stays", "leaves"]
        with pytest.raises(mlflow.exceptions.MlflowException, match="missing: 'plan'"):
            mlflow.pyfunc.load_model(str(made.parent)).predict(records.drop(columns="plan"))
    records.to_csv(project.folder / "some.csv", index=False)
    said = csv.DictReader(io.StringIO(project.run("predict", "model=runs/first/model", "input=some.csv")))
    np.testing.assert_allclose(answers["leaves"], [float(row["leaves"]) for row in said], atol=1e-6)


def test_a_search_and_a_training_of_its_own_go_as_for_anything_else(project: Project) -> None:
    again = project.train("again", *WORDS)
    assert (again / "weights.safetensors").read_bytes() == (project.folder / "runs/first/model/weights.safetensors").read_bytes()
    words = (*WORDS, "tracking=none", "search.n_trials=2", "search.sampler=random", "search.pruner=none", "trainer.max_epochs=1")
    command = [sys.executable, "-m", "trainbook", "tune", *words, "data.steps.impute.neighbours=choice(3,7)"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(list((project.folder / "runs/prepared").iterdir())) == 3, "each trial prepared the data its own way"


def test_a_drifted_file_stops_before_training(project: Project, frame: pandas.DataFrame) -> None:
    drifted = frame.copy()
    drifted.loc[[3, 5, 8, 13], "age"] = 999
    drifted.to_csv(project.folder / "data/drifted.csv", index=False)
    with pytest.raises(
        AssertionError,
        match=r"age: at most 120 was expected; 4 cells are otherwise \(row 4: 999.0, row 6: 999.0, row 9: 999.0 …\)",
    ):
        project.run("train", *WORDS, "tracking=none", "data.source.paths.train=data/drifted.csv")


def test_gaps_that_nothing_fills_are_refused(project: Project, frame: pandas.DataFrame) -> None:
    without = project.folder / "conf/data/gapless.yaml"
    plain = {**DATA, "steps": {name: step for name, step in DATA["steps"].items() if name in ("normalise", "encode")}}  # type: ignore[attr-defined]
    plain["source"] = {**DATA["source"], "numbers": {"income": None}, "left_out": ["id", "age"]}  # type: ignore[dict-item]
    without.write_text(yaml.safe_dump(plain))
    project.train("gapless", *WORDS, "data=gapless", "trainer.max_epochs=1")
    frame.head(5).assign(income=[1, None, 3, 4, 5]).to_csv(project.folder / "holes.csv", index=False)
    with pytest.raises(AssertionError, match="numbers has gaps that none of them fills"):
        project.run("predict", "model=runs/gapless/model", "input=holes.csv")
    plain["source"] = DATA["source"]
    without.write_text(yaml.safe_dump(plain))
    with pytest.raises(AssertionError, match="numbers has gaps that none of them fills"):
        project.run("prepare", "data=gapless")


def test_a_model_opens_without_its_raw_data(project: Project, tmp_path: Path) -> None:
    import shutil

    alone = tmp_path / "elsewhere"
    shutil.copytree(project.folder / "runs/first/model", alone)
    shutil.copy(project.folder / "data/customers.csv", tmp_path / "rows.csv")
    said = project.process("predict", f"model={alone}", f"input={tmp_path / 'rows.csv'}")
    assert len(said.splitlines()) == 501
    assert read_json(alone / "history.json")
