"""Ragged sequences with masks go through every verb by new files only."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score

from kinds.project import Project, largest_difference
from kinds.sequences.drawn import CLASSES, made_up, write
from trainbook.columns import Columns
from trainbook.data.samples.rows import Rows
from trainbook.data.splits.holdout import Holdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("sequences") / "project")
    write(made.folder / "data" / "sequences.json", 151)
    made.run("prepare", "data=sequences", "--output", "build/prepared/sequences")
    made.run("train", "experiment=sequences", "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=50")
    return made


def answers(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_values_and_offsets_are_stored_and_only_training_rows_are_learnt_from(project: Project) -> None:
    train = project.prepared("sequences", "train")
    raw = made_up(151, 0)
    assert train.rows + project.prepared("sequences", "validation").rows + project.prepared("sequences", "test").rows == len(raw)
    assert train["x"].shape == (train.offsets["x"][-1], 2)
    np.testing.assert_allclose(train["x"].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train["x"].std(0), 1, atol=1e-5)
    assert abs(project.prepared("sequences", "test")["x"].mean(0)).max() > 1e-3


def test_it_learns(project: Project) -> None:
    assert project.metrics("first")["test/accuracy"] > 0.7


def test_metrics_equal_those_of_scikit_learn(project: Project) -> None:
    found, judged = project.metrics("first"), project.judged("first")
    true, logits = judged["target_label"], judged["logits"].astype(np.float64)
    np.testing.assert_array_equal(true, project.prepared("sequences", "test")["label"])
    odds = np.exp(logits - logits.max(1, keepdims=True))
    chosen, averaged = logits.argmax(1), {"average": "macro", "zero_division": 0}
    expected = {
        "accuracy": accuracy_score(true, chosen),
        "precision": precision_score(true, chosen, **averaged),
        "recall": recall_score(true, chosen, **averaged),
        "f1": f1_score(true, chosen, **averaged),
        "loss": log_loss(true, odds / odds.sum(1, keepdims=True), labels=[0, 1, 2]),
    }
    for name, value in expected.items():
        assert found[f"test/{name}"] == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("network", ["masked", "recurrent_last"])
def test_more_padding_changes_no_prediction(project: Project, tmp_path: Path, network: str) -> None:
    model = f"runs/{network}/model"
    project.train(network, "experiment=sequences", f"network={network}", "trainer.max_epochs=1")
    several, alone = made_up(12, 7), tmp_path / "alone.json"
    longest = {"values": np.random.default_rng(0).normal(size=(80, 2)).tolist()}
    together = tmp_path / "together.json"
    together.write_text(json.dumps([*several, longest]))
    padded = answers(project.run("predict", f"model={model}", f"input={together}"))
    assert len(padded) == 13
    for expected, sequence in zip(padded, several, strict=False):
        alone.write_text(json.dumps([{"values": sequence["values"]}]))
        (answer,) = answers(project.run("predict", f"model={model}", f"input={alone}"))
        assert answer["class"] == expected["class"]
        for name in CLASSES:
            assert float(answer[name]) == pytest.approx(float(expected[name]), abs=2e-6)


def test_predictions_of_the_raw_file_are_those_that_were_judged(project: Project) -> None:
    said = answers(project.run("predict", "model=runs/first/model", "input=data/sequences.json"))
    label = np.array([CLASSES.index(each["label"]) for each in made_up(151, 0)])
    cut = Holdout(validation=0.2, test=0.2, stratify="label", seed=0)
    rows = cut({"train": Columns({"label": label, "row": np.arange(151)})})["test"]["row"]
    chances = torch.tensor(project.judged("first")["logits"]).softmax(1).numpy()
    answered = np.array([[float(said[row][name]) for name in CLASSES] for row in rows])
    np.testing.assert_allclose(answered, chances, atol=2e-6)


def test_the_pipeline_takes_kinds_of_ones_own(project: Project) -> None:
    listed = "data:\n  sequences: {raw: data}\nexperiments:\n  sequences: {data: sequences}\n"
    (project.folder / "params.yaml").write_text(listed)
    project.run("compose")
    (project.folder / "build/settings/tracking/sequences.yaml").write_text(
        (project.folder / "build/settings/tracking/sequences.yaml").read_text().replace("enabled: true", "enabled: false")
    )
    project.run("train", "--settings", "build/settings/sequences.yaml", "--output", "build/model/sequences")
    assert largest_difference(project.folder / "runs/first/model", project.folder / "build/model/sequences") == 0


def test_normalising_on_the_device_gives_the_same_network(project: Project) -> None:
    ready = project.train("ready", "experiment=sequences", "trainer.max_epochs=2")
    compact = project.train("compact", "experiment=sequences", "data=sequences_compact", "trainer.max_epochs=2")
    assert largest_difference(ready, compact) < 1e-6
    project.run("evaluate", "model=runs/compact/model", "evaluation.resamples=2")
    project.run("evaluate", "model=runs/ready/model", "evaluation.resamples=2")
    np.testing.assert_allclose(project.judged("ready")["logits"], project.judged("compact")["logits"], atol=1e-5)


def test_padding_is_zero_again_after_a_step_on_the_device(project: Project) -> None:
    model = project.open("first")
    step = model.preparation.steps["normalise"]
    raw = Columns({"x": np.ones((5, 2), np.float32)}, {"x": np.array([0, 1, 5])})
    sample = Rows(["x"], [], deferred=[step])
    batch = sample.finish(sample.fetch(raw, Columns({}), np.arange(2)), None)
    assert batch.inputs["x"].shape == (2, 4, 2)
    assert (batch.inputs["x"][0, 1:] == 0).all()
    assert batch.inputs["x"][0, :1].abs().min() > 0


def test_the_served_model_takes_padded_arrays(project: Project) -> None:
    raw = made_up(151, 0)[:3]
    lengths = np.array([len(each["values"]) for each in raw])
    answered = []
    for length in (lengths.max(), 20):
        mask = np.arange(length) < lengths[:, np.newaxis]
        x = np.zeros((3, length, 2), np.float32)
        x[mask] = np.concatenate([each["values"] for each in raw])
        answered.append(project.served({"x": x, "x_mask": mask}))
    assert list(answered[0]["class"]) == list(answered[1]["class"])
    np.testing.assert_allclose(answered[0][CLASSES], answered[1][CLASSES], atol=1e-6)
