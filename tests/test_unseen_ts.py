"""Series that nobody here has seen, unequal in length and with gaps, go through every verb by two YAML files and no Python."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas
import pytest
import yaml

from kinds.project import HERE, Project
from served import free_port, served
from trainbook.files import read_json

DATA = {
    "source": {
        "_target_": "trainbook.data.sources.ts.Ts",
        "paths": {"train": "data/GESTURES_TRAIN.ts", "test": "data/GESTURES_TEST.ts"},
        "names": ["across", "up"],
    },
    "split": {
        "_target_": "trainbook.data.splits.holdout.Holdout",
        "validation": 0.2,
        "test": 0.2,
        "stratify": "label",
        "seed": 0,
    },
    "steps": {
        "impute": {
            "_target_": "trainbook.data.steps.impute.Impute",
            "columns": ["x"],
            "method": "median",
            "indicators": True,
        },
        "normalise": {"_target_": "trainbook.data.steps.normalise.Normalise", "columns": ["x"], "per": "feature"},
    },
    "store": "ready",
    "inputs": ["x"],
    "targets": ["label"],
    "sample": {"_target_": "trainbook.data.samples.rows.Rows"},
    "augment": {},
    "balance": None,
    "bucket": 4,
    "batch_size": 16,
    "evaluation_batch_size": 100,
    "steps_per_execution": 4,
    "workers": 0,
}
EXPERIMENT = """# @package _global_
# Gestures, by gated recurrent units.
defaults:
  - override /data: gestures
  - override /network: gru
  - override /baselines: linear
network:
  embedding: 8
  width: 16
optimizer:
  lr: 0.02
trainer:
  max_epochs: 4
"""
CLASSES = ["circle", "line", "zig-zag"]
WORDS = ("experiment=gestures",)
Series = list[np.ndarray]


def drawn(rows: int, seed: int) -> tuple[Series, list[str]]:
    """Paths of 6 to 20 steps with some gaps: round, straight, or up and down."""
    draw = np.random.default_rng(seed)
    made, labels = [], []
    for row in range(rows):
        along = np.linspace(0, 2 * np.pi, draw.integers(6, 21))
        kind = row % 3
        path = [
            np.stack([np.cos(along), np.sin(along)]),
            np.stack([along, along]) / 3,
            np.stack([along / 3, np.sign(np.sin(4 * along))]),
        ]
        values = (path[kind].T + draw.normal(0, 0.1, (len(along), 2))).round(3).astype(np.float32)
        values[draw.random(values.shape) < 0.03] = np.nan
        made.append(values)
        labels.append(CLASSES[kind])
    return made, labels


def write(path: Path, series: Series, labels: list[str] | None = None) -> Path:
    """As somebody else writes it: remarks, tags in capitals, an empty line, gaps as ?"""
    lines = ["# Gestures: paths of a pen", "@PROBLEMNAME gestures", "@univariate false", "@missing true", "@equalLength false"]
    lines += ["#", " ".join(["@classLabel", *(["true", *CLASSES] if labels else ["false"])]), "@data", ""]
    for row, each in enumerate(series):
        dimensions = [",".join("?" if np.isnan(value) else f"{value:g}" for value in column) for column in each.T]
        lines.append(":".join([*dimensions, *([labels[row]] if labels else [])]))
    path.write_text("\n".join(lines))
    return path


def table(series: Series) -> pandas.DataFrame:
    """One row a step."""
    frames = [pandas.DataFrame(each, columns=["across", "up"]).assign(series=f"pen {row}") for row, each in enumerate(series)]
    return pandas.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("unseen") / "project")
    (made.folder / "data").mkdir()
    (made.folder / "params.yaml").write_text("data: {}\nexperiments: {}\n")
    for part, rows, seed in (("TRAIN", 150, 0), ("TEST", 60, 1)):
        write(made.folder / f"data/GESTURES_{part}.ts", *drawn(rows, seed))
    (made.folder / "conf/data/gestures.yaml").write_text(yaml.safe_dump(DATA))
    (made.folder / "conf/experiment/gestures.yaml").write_text(EXPERIMENT)
    made.run("train", *WORDS, "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=20")
    return made


def predicted(project: Project, path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(project.run("predict", "model=runs/first/model", f"input={path}"))))


def chances(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([[float(row[name]) for name in CLASSES] for row in rows])


def test_it_learns_and_is_held_against_baselines(project: Project) -> None:
    assert project.metrics("first")["test/accuracy"] > 0.9
    assert project.metrics("first")["test/f1"] > 0.9
    found = project.metrics("first")
    assert found["baseline/logistic_regression/accuracy"] > 0.9
    assert found["baseline/most_frequent/accuracy"] < 0.5


def test_check_describes_the_series(project: Project) -> None:
    said = project.run("check", "data=gestures", "--quiet")
    assert "columns   x of 2 values and any length\n" in said
    assert "across" in said.split("missing   ")[1].splitlines()[0]
    profile = read_json(project.folder / "runs/check/gestures/profile.json")
    assert [each["name"] for each in profile["features"]] == ["length of x", "mean of across", "mean of up", "label"]
    assert (project.folder / "runs/check/gestures/figures/courses.png").is_file()


def test_predict_takes_series_as_ts_and_as_a_table(project: Project, tmp_path: Path) -> None:
    series, labels = drawn(30, 2)
    table(series).to_csv(tmp_path / "new.csv", index=False)
    table(series).to_parquet(tmp_path / "new.parquet")
    said = [
        predicted(project, write(tmp_path / "new.ts", series)),
        predicted(project, write(tmp_path / "known.ts", series, labels)),
    ]
    said += [predicted(project, tmp_path / f"new.{kind}") for kind in ("csv", "parquet")]
    for rows in said:
        np.testing.assert_allclose(chances(rows), chances(said[0]), atol=2e-6)
    assert [row["input"] for row in said[0]] == [f"new.ts[{row}]" for row in range(30)]
    assert [row["input"] for row in said[2]] == [f"new.csv[pen {row}]" for row in range(30)]
    assert np.mean([row["class"] == label for row, label in zip(said[0], labels, strict=True)]) > 0.8


def test_the_logged_model_takes_padded_arrays_and_lists(project: Project, tmp_path: Path) -> None:
    series, _ = drawn(12, 3)
    expected = chances(predicted(project, write(tmp_path / "new.ts", series)))
    mask = np.arange(25) < np.array([[len(each)] for each in series])
    padded = np.zeros((12, 25, 2), np.float32)
    padded[mask] = np.concatenate(series)
    lists = pandas.DataFrame({"x": [each.tolist() for each in series]})
    for given in ({"x": padded, "x_mask": mask}, lists, {"x": [each.tolist() for each in series]}):
        np.testing.assert_allclose(project.served(given)[CLASSES], expected, atol=2e-6)
    with pytest.raises(mlflow.exceptions.MlflowException, match="x, row 1: steps of 2 numbers each"):
        project.served(pandas.DataFrame({"x": [[[1, 2]], [[1, 2, 3]]]}))  # type: ignore[arg-type]


def test_a_server_takes_lists_of_unequal_length_and_padded_ones(project: Project, tmp_path: Path) -> None:
    series, _ = drawn(3, 4)
    expected = chances(predicted(project, write(tmp_path / "new.ts", series)))
    lists = [[[None if np.isnan(value) else float(value) for value in step] for step in each] for each in series]
    longest = max(map(len, lists))
    padded = [each + [[0.0, 0.0]] * (longest - len(each)) for each in lists]
    mask = [[step < len(each) for step in range(longest)] for each in lists]
    records = [{"x": each} for each in lists]
    port = free_port()
    with served(["trainbook", "serve", "model=runs/first/model", "--port", port], project.folder, port) as ask:
        for body in (
            {"dataframe_records": records},
            {"dataframe_split": {"columns": ["x"], "data": [[each] for each in lists]}},
            {"inputs": {"x": padded, "x_mask": mask}},
            {"dataframe_records": [{"x": each, "x_mask": real} for each, real in zip(padded, mask, strict=True)]},
        ):
            status, answer = ask(body)
            assert status == 200, answer
            np.testing.assert_allclose(chances(answer["predictions"]), expected, atol=2e-6)
        for body, said in (
            ({"dataframe_records": [{"x": [[1.0]]}]}, "x, row 0: steps of 2 numbers each, and one step at least, were expected"),
            ({"dataframe_records": [{"x": "long"}]}, "x, row 0: numbers of type float32 were expected; got text"),
            ({"dataframe_records": [{**records[0], "y": [1]}, {**records[1], "y": []}]}, "y: rows of one shape were expected"),
            ({"inputs": {"x": padded, "x_mask": mask[:2]}}, "x_mask: 3 rows were expected, as x has; got 2"),
        ):
            status, answer = ask(body)
            assert status == 400
            assert said in answer


def test_a_search_goes_as_for_anything_else(project: Project) -> None:
    words = (*WORDS, "tracking=none", "search.n_trials=2", "search.sampler=grid", "search.pruner=none", "trainer.max_epochs=1")
    command = [sys.executable, "-m", "trainbook", "tune", *words, "network=choice(gru,lstm)"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
