"""From a run to a version: the gate, the card, the lineage."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.metrics import accuracy_score

from conftest import Command, draw_digits, make_project, write_idx
from mortal import lives
from trainbook.card import LONGEST
from trainbook.files import read_yaml

NAMES = {"middle": ("0.001", 3), "worse": ("0.0003", 1), "better": ("0.003", 25)}
"""Runs, their learning rates, and for how many epochs they train."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a data card and three evaluated runs."""
    folder = make_project(tmp_path_factory.mktemp("registered") / "project")
    (folder / "docs/data").mkdir(parents=True)
    card = "# tiny\n\nCorners that are bright.\n\n## Limits\n\n- **Too easy.** Really.\n\n**Licence.** Public domain.\n"
    (folder / "docs/data/tiny.md").write_text(card)
    for name, (rate, epochs) in NAMES.items():
        words = (f"optimizer.lr={rate}", f"trainer.max_epochs={epochs}", f"tracking.run_name={name}")
        assert lives(folder, "train", "experiment=tiny_mlp", *words).returncode == 0
        done = lives(folder, "evaluate", f"model=runs/{name}/model", "evaluation.resamples=200", "baselines=most_frequent")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Path:
    """A copy of it with nothing registered; by MLflow's absolute paths the artifacts are those of the first one."""
    return Path(shutil.copytree(trained, tmp_path / "project"))


def client(project: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{project}/mlflow.db")


def champion(project: Path) -> tuple[str, str]:
    """Version and name of the run that is champion."""
    version = client(project).get_model_version_by_alias("tiny_mlp", "champion")
    return str(version.version), client(project).get_run(version.run_id).info.run_name


def answers(project: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    folder = project / "runs" / name / "report/predictions"
    return np.load(folder / "logits.npy").argmax(1), np.load(folder / "target_label.npy")


def test_the_gate(project: Path, trainbook: Command) -> None:
    first = trainbook("register", "run=middle", "--alias", "champion")
    assert "models:/tiny_mlp/1 is models:/tiny_mlp@champion (passed: the first of this name)" in first.stdout
    refused = trainbook("register", "model=runs/worse/model", "--alias", "champion", code=1)
    assert "is not better than tiny_mlp@champion (version 1) by more than chance: accuracy" in refused.stderr
    assert "--force" in refused.stderr
    assert len(client(project).search_model_versions("name = 'tiny_mlp'")) == 1, "nothing is registered"
    passed = trainbook("register", "run=better", "--alias", "champion").stdout
    assert champion(project) == ("2", "better")
    again = trainbook("register", "run=better", "--alias", "champion").stdout
    assert "is version 2, and that is this model already" in again

    # the same interval by scikit-learn and numpy
    (old, labels), (new, _) = answers(project, "middle"), answers(project, "better")
    chance, drawn = np.random.default_rng(0), []
    for _ in range(1000):  # however often the models were resampled themselves
        rows = chance.integers(60, size=60)
        drawn.append(accuracy_score(labels[rows], new[rows]) - accuracy_score(labels[rows], old[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert low > 0
    both = f"accuracy {accuracy_score(labels, new):.4f} against {accuracy_score(labels, old):.4f}"
    assert f"passed: {both}, difference {accuracy_score(labels, new) - accuracy_score(labels, old):+.4f}" in passed
    assert f"[{low:+.4f}, {high:+.4f}] to version 1" in passed

    forced = trainbook("register", "run=worse", "--alias", "champion", "--force").stdout
    assert champion(project) == ("3", "worse")
    assert "forced at" in forced
    assert "forced at" in client(project).get_model_version("tiny_mlp", "3").tags["trainbook.gate.champion"]
    again = trainbook("register", "run=middle", "--alias", "champion").stdout
    assert "to version 3, which was forced" in again
    trainbook("register", "run=worse")
    trainbook("register", "run=worse", "--alias", "other")
    gates = client(project).get_model_version("tiny_mlp", "3").tags
    assert "forced at" in gates["trainbook.gate.champion"], "it is not forgotten"
    assert gates["trainbook.gate.other"].startswith("passed")
    assert "models:/tiny_mlp/2" in trainbook("register", "run=better").stdout
    assert len(client(project).search_model_versions("name = 'tiny_mlp'")) == 3, "a model that has a version gets no second one"


def test_other_test_data_are_no_comparison(project: Path, trainbook: Command) -> None:
    trainbook("register", "run=middle", "--alias", "champion")
    pictures, labels = draw_digits(60, seed=5)
    write_idx(project / "data/tiny/test-x.gz", pictures)
    write_idx(project / "data/tiny/test-y.gz", labels)
    trainbook("train", "experiment=tiny_mlp", "optimizer.lr=0.003", "trainer.max_epochs=25", "tracking.run_name=elsewhere")
    trainbook("evaluate", "model=runs/elsewhere/model")
    refused = trainbook("register", "run=elsewhere", "--alias", "champion", code=1).stderr
    before, now = (read_yaml(project / f"runs/{name}/model/facts.yaml")["prepared"]["test"] for name in ("middle", "elsewhere"))
    assert "The same test data were expected" in refused
    assert before[:16] in refused
    assert now[:16] in refused
    trainbook("register", "run=elsewhere", "--alias", "champion", "--force")
    assert champion(project) == ("2", "elsewhere")
    assert now[:16] in client(project).get_model_version("tiny_mlp", "2").tags["trainbook.gate.champion"], (
        "the version says what was passed"
    )


def test_a_version_carries_its_card_and_its_facts(project: Path, trainbook: Command) -> None:
    trainbook("register", "run=better", "name=corners")
    version = client(project).get_model_version("corners", "1")
    measured = json.loads((project / "runs/better/report/metrics.json").read_text())
    details = json.loads((project / "runs/better/report/details.json").read_text())
    card = version.description
    low, high = details["intervals"]["test/accuracy"]
    assert f"| accuracy | {measured['test/accuracy']:.4f} | {low:.4f} … {high:.4f} |" in card
    assert f"| calibration_error | {measured['test/calibration_error']:.4f} |" in card
    apart, low, high = details["baselines"]["most_frequent"]["difference"]["accuracy"]
    assert f"- most_frequent: accuracy 0.2500, difference {apart:+.4f} [{low:+.4f}, {high:+.4f}]" in card
    for at, name in enumerate("abcd"):
        assert f"| {name} | {details['test/precision_per_class'][at]:.4f} |" in card
    for said in (
        "A tiny one.",
        "Corners that are bright.",
        "Public domain.",
        "- **Too easy.** Really.",
        f"trainbook reproduce {version.run_id}",
    ):
        assert said in card
    assert len(card) <= LONGEST
    run = client(project).get_run(version.run_id)
    for tag in ("trainbook.weights", "trainbook.test", "trainbook.raw", "trainbook.prepared"):
        assert version.tags[tag] == run.data.tags[tag]
    logged = client(project).get_logged_model(run.outputs.model_outputs[0].model_id)
    assert logged.tags["trainbook.weights"] == run.data.tags["trainbook.weights"]


def test_the_lineage_is_the_same_from_every_end(project: Path, trainbook: Command) -> None:
    trainbook("register", "run=better", "--alias", "champion")
    run = client(project).get_model_version_by_alias("tiny_mlp", "champion").run_id
    prepared = next((project / "runs/prepared").iterdir()).relative_to(project)
    ends = ("runs/better/model", run, "better", f"runs:/{run}", "models:/tiny_mlp@champion", "models:/tiny_mlp/1")
    trees = {end: trainbook("lineage", end).stdout for end in ends}
    assert len(set(trees.values())) == 1
    (tree,) = set(trees.values())
    facts, tags = read_yaml(project / "runs/better/model/facts.yaml"), client(project).get_run(run).data.tags
    for path, raw in facts["made_from"]["raw"].items():
        assert f"{path} {raw[:12]}, as it lies here" in tree
    for said in (tags["trainbook.prepared"], tags["trainbook.weights"], tags["trainbook.test"]):
        assert said[:12] in tree
    assert f"run {run[:8]} better FINISHED ◄" in tree
    assert "models:/tiny_mlp/1 @champion" in tree
    assert "middle FINISHED" in tree, "what else was trained on the same"
    for end in ("data/tiny/train-x.gz", "data/tiny", str(prepared)):
        tree = trainbook("lineage", end).stdout
        assert all(f"{name} FINISHED" in tree for name in NAMES)
        assert tree.count("◄") == 1
        assert "@champion" in tree
    (project / "data/tiny/train-y.gz").write_bytes(b"changed")
    assert "nothing came" in trainbook("lineage", "data/tiny/train-y.gz", code=1).stderr.lower()
    assert "lies here" in next(line for line in trainbook("lineage", run).stdout.splitlines() if "train-y" in line)


def test_what_cannot_be_registered(project: Path, trainbook: Command) -> None:
    trainbook("train", "experiment=tiny_mlp", "tracking.run_name=fresh")
    assert "`trainbook evaluate" in trainbook("register", "run=fresh", code=1).stderr
    trainbook("train", "experiment=tiny_mlp", "tracking.run_name=alone", "tracking=none", "seed=4")
    assert "tracked" in trainbook("register", "model=runs/alone/model", code=1).stderr
    shutil.copy(project / "runs/fresh/model/weights.safetensors", project / "runs/better/model/weights.safetensors")
    assert "it has others" in trainbook("register", "model=runs/better/model", code=1).stderr
    assert "`dvc repro`" in trainbook("register", "experiment=tiny_mlp", code=1).stderr
    for words in (
        [],
        ["run=better", "--force"],
        ["experiment=a", "run=b"],
        ["model"],
        ["run=better", "name=a/b"],
        ["run=better", "--alias", "v3"],
    ):
        trainbook("register", *words, code=2)
    for model in ("models:/none@champion", "models:/none/1", "models:/m-0", "models:/"):
        said = trainbook("predict", f"model={model}", "input=data/tiny/test-x.gz", code=1).stderr
        assert said.startswith(f"trainbook: {model}: models:/NAME@ALIAS")
    said = trainbook("predict", "model=runs:/none", "input=data/tiny/test-x.gz", code=1).stderr
    assert "the id or name of a run was expected" in said
    assert not client(project).search_registered_models()


def test_a_kept_model_that_was_changed_is_refused(project: Path, trainbook: Command, tmp_path: Path) -> None:
    trainbook("train", "experiment=tiny_mlp", "tracking.run_name=own", "seed=9")
    (found,) = client(project).search_runs(
        [client(project).get_experiment_by_name("tiny").experiment_id], "attributes.run_name = 'own'"
    )
    kept = client(project).get_logged_model(found.outputs.model_outputs[0].model_id)
    whole = Path(kept.artifact_location)
    ask = ("predict", f"model=models:/{kept.model_id}", "input=data/tiny/test-x.gz")
    assert len(trainbook(*ask).stdout.splitlines()) == 61
    folder = next(whole.glob("data/*"))
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-4] + b"\0\0\0\0")
    assert "its run recorded; it has another" in trainbook(*ask, code=1).stderr
    (folder / "weights.safetensors").write_bytes(weights)
    for name in ("facts.yaml", "settings.yaml", "run.yaml"):
        text = (folder / name).read_text()
        (folder / name).write_text(f"{text}# another\n")
        assert "another" in trainbook(*ask, code=1).stderr
        (folder / name).write_text(text)
    moved = project / "kept.db"
    (project / "mlflow.db").rename(moved)
    local = project / "conf/tracking/local.yaml"
    local.write_text(local.read_text().replace("uri: null", f"uri: sqlite:///{moved}"))
    assert str(moved) in local.read_text()
    assert len(trainbook(*ask).stdout.splitlines()) == 61, "the address may stand in the settings alone"
    assert not (project / "mlflow.db").exists()
    described = (whole / "MLmodel").read_text()
    outside = tmp_path / "outside"
    shutil.copytree(folder, outside)
    for data in (str(outside), "../outside", f"data/../../../{outside}"):
        (whole / "MLmodel").write_text(described.replace(f"data: data/{folder.name}", f"data: {data}"))
        assert "a model that trainbook.serving loads was expected" in trainbook(*ask, code=1).stderr
    (whole / "MLmodel").write_text(described.replace("loader_module: trainbook.serving", "loader_module: os"))
    assert "got 'os'" in trainbook(*ask, code=1).stderr
