"""A training that was killed ends like one that never was: the same bits, in the same run."""

import json
import shlex
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

import mortal
from conftest import make_project
from kinds.points import drawn as points
from kinds.project import Project
from kinds.sequences import drawn as sequences
from kinds.test_table import made_up
from kinds.test_table import write as write_table
from mortal import Begun, dies, lives

MANY = (
    "train",
    "experiment=tiny_mlp",
    "trainer.max_epochs=4",
    "network.dropout=0.3",
    "scheduler=cosine",
    "callbacks=early_stopping",
    "callbacks.early_stopping.patience=2",
    "+data.augment.noise={_target_: trainbook.data.augmentations.noise.Noise, std: 0.1}",
)
"""Eight batches, one block, an epoch."""


def runs(folder: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    return [run for each in client.search_experiments() for run in client.search_runs([each.experiment_id])]


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every metric of the one training, as MLflow holds it."""
    client, (run,) = MlflowClient(f"sqlite:///{folder}/mlflow.db"), runs(folder)
    assert run.info.status == "FINISHED"
    names = [name for name in run.data.metrics if not name.startswith("system/")]  # of the machine, where it took long enough
    return {name: [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)] for name in names}


def model(folder: Path) -> Path:
    (found,) = folder.glob("runs/*/model")
    return found


def same(one: Path, other: Path) -> None:
    assert (model(one) / "weights.safetensors").read_bytes() == (model(other) / "weights.safetensors").read_bytes()
    assert (model(one) / "history.json").read_bytes() == (model(other) / "history.json").read_bytes()
    known = [
        {key: value for key, value in read(model(each) / "run.yaml").items() if key not in ("run", "name")}
        for each in (one, other)
    ]
    assert known[0] == known[1]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("undisturbed") / "project")
    lives(folder, *MANY)
    return folder


@pytest.mark.parametrize(
    "words",
    [(), ("checkpoints.minutes=0", "data.steps_per_execution=2"), ("checkpoints.minutes=0", "checkpoints.keep=1")],
    ids=["epochs", "blocks", "one"],
)
def test_killed_three_times(undisturbed: Path, project: Path, words: tuple[str, ...]) -> None:
    """In the middle of blocks of steps, in other epochs each time; with checkpoints at epochs' ends, and within epochs."""
    if "data.steps_per_execution=2" in words:  # another setting: another control
        undisturbed = make_project(project.parent / "control")
        lives(undisturbed, *MANY, *words)
    for after in (13, 9, 6):
        dies(project, after, *MANY, *words)
    done = lives(project, *MANY, *words)
    assert "goes on with the interrupted training in runs/tiny_mlp-" in done.stderr
    same(undisturbed, project)
    assert curves(undisturbed) == curves(project)


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_who_is_asked_to_leave_finishes_the_step(undisturbed: Path, project: Path, number: int, said: str) -> None:
    done = dies(project, 11, *MANY, by=number)
    assert done.stderr.splitlines()[-1] == f"trainbook: {said}"
    assert [run.info.status for run in runs(project)] == ["KILLED"]
    (folder,) = project.glob("runs/tiny*")
    assert sorted(path.name[:14] for path in (folder / "checkpoints").iterdir()) == ["0001-000000008", "0001-000000011"]
    lives(project, *MANY)
    same(undisturbed, project)
    assert curves(undisturbed) == curves(project)


@pytest.mark.parametrize("tear", ["cut", "flip"])
def test_a_torn_checkpoint_is_passed_over(undisturbed: Path, project: Path, tear: str) -> None:
    dies(project, 20, *MANY)
    last = sorted(project.glob("runs/*/checkpoints/*"))[-1]
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data[:-100] if tear == "cut" else data)
    done = lives(project, *MANY)
    assert f"{last.relative_to(project)} is torn, and passed over." in done.stderr
    same(undisturbed, project)
    assert curves(undisturbed) == curves(project)


@pytest.mark.parametrize(
    "words",
    [
        ("trainer.accumulate_grad_batches=3", "trainer.gradient_clip_val=0.5"),
        ("scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=10", "trainer.check_val_every_n_epoch=2"),
        ("trainer.max_steps=21", "data.workers=1"),
        ("network=convolutional", "network.channels=[4]", "network.kernel=3", "network.widths=[8]", "data.store=compact"),
        ("callbacks=weight_averaging",),
    ],
    ids=["accumulation", "plateau", "steps", "convolutional", "averaging"],
)
def test_other_recipes_go_on(tmp_path: Path, words: tuple[str, ...]) -> None:
    words = (
        "train",
        "experiment=tiny_mlp",
        "trainer.max_epochs=4",
        "checkpoints.minutes=0",
        "data.steps_per_execution=2",
        "tracking=none",
        *words,
    )
    folders = [make_project(tmp_path / name) for name in ("control", "killed")]
    lives(folders[0], *words)
    dies(folders[1], 5, *words)
    dies(folders[1], 4, *words)
    lives(folders[1], *words)
    same(*folders)


def test_a_training_that_ended_is_left_alone(undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(undisturbed, folder)
    done = lives(folder, *MANY, "tracking=none")
    assert "goes on" not in done.stderr
    assert len(list(folder.glob("runs/*/model"))) == 2


def test_fresh_starts_over(project: Path) -> None:
    dies(project, 13, *MANY, "tracking.run_name=first")
    done = lives(project, *MANY, "tracking.run_name=first", "--fresh")
    assert "goes on" not in done.stderr
    (session,) = read(project / "runs/first-2/record.yaml")["sessions"]
    assert session["command"] == shlex.join(["trainbook", "train", "--fresh", *MANY[1:], "tracking.run_name=first"])
    assert {run.info.run_name: run.info.status for run in runs(project)} == {"first": "KILLED", "first-2": "FINISHED"}
    assert "goes on" not in lives(project, *MANY, "tracking.run_name=first").stderr, "what --fresh left behind is over"
    assert "goes on" not in lives(project, *MANY, "tracking.run_name=other").stderr, "a name of its own is a run of its own"


@pytest.mark.parametrize("change", ["seed=1", "optimizer.lr=0.002", "network.dropout=0.2"])
def test_another_training_does_not_go_on(project: Path, change: str) -> None:
    dies(project, 9, *MANY, "tracking=none")
    assert "goes on" not in lives(project, *MANY, "tracking=none", change).stderr


def test_one_that_goes_on_elsewhere_is_refused(project: Path) -> None:
    words = [*MANY, "trainer.max_epochs=100000", "callbacks=none", "tracking=none"]
    words.remove("callbacks.early_stopping.patience=2")
    process = Begun(project, *words)
    try:
        while not list(project.glob("runs/tiny*/checkpoints/*.ckpt")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        done = lives(project, *words, code=1)
        assert f"process {process.pid}" in done.stderr
        assert "This very training is going on already" in done.stderr
    finally:
        process.kill()
        process.communicate()


def test_a_kill_after_the_last_epoch_costs_no_training(undisturbed: Path, project: Path) -> None:
    """The model is not written yet: the next process only writes it."""
    assert mortal.run(project, *MANY, DIES_BEFORE="trainbook.model.write").returncode == -signal.SIGKILL
    before = sorted(path.name for path in project.glob("runs/tiny*/checkpoints/*"))
    lives(project, *MANY)
    assert sorted(path.name for path in project.glob("runs/tiny*/checkpoints/*")) == before
    same(undisturbed, project)
    assert curves(undisturbed) == curves(project)


def test_the_run_is_found_again_in_whatever_experiment_it_lies(project: Path) -> None:
    dies(project, 13, *MANY)
    lives(project, *MANY, "tracking.experiment_name=another")
    assert [run.info.status for run in runs(project)] == ["FINISHED"]


def test_a_nan_is_no_interruption(project: Path) -> None:
    words = ("train", "experiment=tiny_mlp", "optimizer=sgd", "optimizer.lr=1e38", "tracking=none")
    lives(project, *words, code=1)
    assert "goes on" not in lives(project, *words, code=1).stderr


def test_nothing_but_tensors_and_plain_values_is_loaded(undisturbed: Path) -> None:
    import torch

    for path in undisturbed.glob("runs/*/checkpoints/*"):
        torch.load(path, weights_only=True)
    kept = {path.name.rpartition("-")[0] for path in undisturbed.glob("runs/*/checkpoints/*")}
    rows = json.loads((model(undisturbed) / "history.json").read_text())
    best = read(model(undisturbed) / "run.yaml")["best_epoch"]
    expected = {f"{epoch:04d}-{8 * epoch:09d}" for epoch in (len(rows) - 1, len(rows), best + 1)}
    assert expected <= kept, "the last two, and the best"
    assert len(kept) <= 4, "and the best that the last but one knew"


KINDS = {
    "sequences": ("data/sequences.json", lambda path: sequences.write(path, 151)),
    "table": ("data/table.csv", lambda path: write_table(path, made_up(401))),
    "points": ("data/points.csv", lambda path: points.write(path, 201)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_on_from_the_middle_of_an_epoch(tmp_path: Path, kind: str) -> None:
    """Ragged rows by length, a table with thresholds, two parts in turns; killed within a block of three, with checkpoints."""
    name, write = KINDS[kind]
    words = ("train", f"experiment={kind}", "trainer.max_epochs=4", "tracking=none")
    words += ("data.steps_per_execution=3", "checkpoints.minutes=0")
    words += ("+data.bucket=3",) if kind == "sequences" else ()
    folders = [Project(tmp_path / each).folder for each in ("control", "killed")]
    for folder in folders:
        (folder / "data").mkdir()
        write(folder / name)
    lives(folders[0], *words)
    for after in (5, 8):
        dies(folders[1], after, *words)
    lives(folders[1], *words)
    same(*folders)


def test_the_last_checkpoint_is_that_of_the_last_position(tmp_path: Path) -> None:
    from trainbook.checkpoints import latest
    from trainbook.files import sha256

    for name in ("9999-000099990", "10000-000100000"):
        (tmp_path / "new").write_text(name)
        (tmp_path / "new").rename(tmp_path / f"{name}-{sha256([tmp_path / 'new'])[:16]}.ckpt")
    found, torn = latest(tmp_path)
    assert found is not None
    assert found.name.startswith("10000-")
    assert torn == []
