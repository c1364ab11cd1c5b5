"""What a run leaves in MLflow, read back by MLflow's own client."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from safetensors.numpy import load_file

from conftest import Command, draw_digits, make_project
from mortal import Begun, lives
from trainbook import processes
from trainbook.address import client as opened_client
from trainbook.address import without_secrets
from trainbook.run import Run as TrackedRun
from trainbook.run import flatten
from trainbook.settings import WATCHED
from trainbook.tracking import PROCESS, close_abandoned

Inside = Callable[..., None]
TRAIN = ("train", "experiment=tiny_mlp")


def client(project: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{project}/mlflow.db")


def runs(project: Path, name: str = "tiny") -> list[Run]:
    experiment = client(project).get_experiment_by_name(name)
    return list(client(project).search_runs([experiment.experiment_id])) if experiment else []


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run, trained and evaluated by the command line."""
    folder = make_project(tmp_path_factory.mktemp("trained") / "project")
    shown = ("tracking.description=A first try.", "+tracking.tags.who=me", "tracking.figures=true")
    for words in (
        [*TRAIN, "tracking.run_name=first", *shown],
        ["evaluate", "model=runs/first/model", "evaluation.resamples=20"],
    ):
        lives(folder, *words)
    return folder


def test_parameters_are_complete(trained: Path) -> None:
    (run,) = runs(trained)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    parameters = run.data.params
    assert parameters["optimizer.lr"] == "0.001"
    assert parameters["network.widths"] == "[16, 8]"
    assert parameters["data.split.validation"] == "40"
    assert parameters["seed"] == "0"
    shown = lives(trained, "show", *TRAIN[1:]).stdout
    from trainbook.files import yaml

    settings = {key: value for key, value in yaml.safe_load(shown).items() if key not in WATCHED}
    assert parameters == {key: str(value) for key, value in flatten(settings).items()}


def test_metrics_of_every_epoch_and_of_the_test(trained: Path) -> None:
    (run,) = runs(trained)
    for name in (
        "train/loss",
        "train/accuracy",
        "train/f1",
        "train/gradient_norm",
        "train/learning_rate",
        "val/loss",
        "val/recall",
    ):
        history = client(trained).get_metric_history(run.info.run_id, name)
        assert [metric.step for metric in history] == [0, 1], name
    ours = json.loads((trained / "runs/first/model/history.json").read_text())
    assert [row["val/accuracy"] for row in ours] == [
        metric.value for metric in client(trained).get_metric_history(run.info.run_id, "val/accuracy")
    ]
    report = json.loads((trained / "runs/first/report/metrics.json").read_text())
    assert {name: value for name, value in run.data.metrics.items() if name.startswith("test/")} == report
    assert "trainbook.test_opened" in run.data.tags


def test_tags_artifacts_data_and_model(trained: Path) -> None:
    (run,) = runs(trained)
    tags = run.data.tags
    assert tags["trainbook.experiment"] == "tiny_mlp"
    assert tags["mlflow.source.git.commit"] == "unknown", "the project is under no git"
    assert tags["trainbook.dirty"] == "False"
    assert tags["mlflow.note.content"] == "A first try."
    assert tags["who"] == "me"
    assert len(tags["trainbook.raw"]) == len(tags["trainbook.prepared"]) == 64
    inputs = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert set(inputs) == {"train", "validation", "test"}
    assert inputs["train"].name == "tiny"
    assert inputs["train"].source.startswith("runs/prepared/"), "where the rows came from"
    paths = {each.path for each in client(trained).list_artifacts(run.info.run_id)}
    assert {"settings.yaml", "figures", "report"} <= paths
    figures = {each.path for each in client(trained).list_artifacts(run.info.run_id, "figures")}
    assert {"figures/learning_curves.png", "figures/validation"} <= figures
    drawn = {each.path for each in client(trained).list_artifacts(run.info.run_id, "figures/test")}
    assert drawn >= {f"figures/test/{name}.png" for name in ("confusion_matrix", "reliability_diagram", "worst_mistakes")}
    (output,) = run.outputs.model_outputs
    model = client(trained).get_logged_model(output.model_id)
    assert model.status == "READY"
    assert model.source_run_id == run.info.run_id
    assert {metric.key for metric in model.metrics} >= {"test/accuracy", "test/loss"}


def test_the_logged_model_takes_raw_pixels(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    (run,) = runs(trained)
    folder = Path(client(trained).get_logged_model(run.outputs.model_outputs[0].model_id).artifact_location)
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pt", ".pth", ".ckpt")]
    model = mlflow.pyfunc.load_model(str(folder))
    pictures, _ = draw_digits(30, seed=3)
    answers = model.predict(pictures.astype(np.uint8))
    assert model.metadata.signature.inputs is None, "MLflow would cast to it what does not fit"
    assert model.metadata.signature.outputs.input_names() == ["class", "probability", *"abcd"]
    np.save(trained / "p.npy", pictures.astype(np.uint8))
    lines = lives(trained, "predict", "model=runs/first/model", "input=p.npy").stdout.splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == answers["class"].tolist()
    weights = load_file(trained / "runs/first/model/weights.safetensors")
    learnt = load_file(trained / "runs/first/model/steps.safetensors")
    x = ((pictures - learnt["normalise/x.offset"]) / learnt["normalise/x.scale"]).reshape(30, -1)
    layers = sorted({name.rpartition(".")[0] for name in weights})
    for name in layers:
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        x = np.maximum(x, 0) if name != layers[-1] else x
    assert [model.metadata.flavors and "abcd"[at] for at in x.argmax(1)] == answers["class"].tolist(), "numpy agrees"


@pytest.fixture
def slow_training(project: Path) -> Iterator[Begun]:
    """A training of many epochs, in its first ones."""
    process = Begun(project, *TRAIN, "trainer.max_epochs=100000", "tracking.run_name=long")
    for _ in range(600):
        if process.poll() is not None or list((project / "runs/long/checkpoints").glob("*.ckpt")):
            break
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_gives_killed(slow_training: Begun, project: Path) -> None:
    slow_training.send_signal(signal.SIGINT)
    _, said = slow_training.communicate(timeout=60)
    assert slow_training.poll() == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "trainbook: interrupted"
    (run,) = runs(project)
    assert run.info.status == "KILLED"
    assert not (project / "runs/long/model").exists()


def test_a_killed_process_leaves_a_run_that_the_next_start_closes(
    slow_training: Begun, project: Path, trainbook: Command
) -> None:
    slow_training.kill()
    slow_training.communicate()
    assert [run.info.status for run in runs(project)] == ["RUNNING"]
    trainbook(*TRAIN, "trainer=one_batch", "tracking.run_name=next")
    assert {run.info.run_name: run.info.status for run in runs(project)} == {"long": "KILLED", "next": "FINISHED"}


def test_a_run_that_goes_on_is_left_alone(slow_training: Begun, project: Path, trainbook: Command) -> None:
    trainbook(*TRAIN, "trainer=one_batch", "tracking.run_name=beside")
    assert slow_training.poll() is None
    assert {run.info.run_name: run.info.status for run in runs(project)} == {"long": "RUNNING", "beside": "FINISHED"}
    said = trainbook("gc", "--yes").stdout
    assert "long" not in said, "gc leaves a run alone that is going on"
    assert list((project / "runs/prepared").iterdir()), "and the data that it is trained on"


@pytest.mark.parametrize("scheduler", ["none", "cosine"])
def test_nan_stops_the_run_and_says_where(trainbook: Command, project: Path, scheduler: str) -> None:
    done = trainbook(*TRAIN, "optimizer=sgd", "optimizer.lr=1e38", f"scheduler={scheduler}", "tracking.run_name=bad", code=1)
    assert "A finite loss was expected; got" in done.stderr
    for word in ("epoch 0", "step ", "learning rate"):
        assert word in done.stderr
    (run,) = runs(project)
    assert run.info.status == "FAILED"
    assert "finite loss" in run.data.tags["trainbook.error"]
    assert not (project / "runs/bad/model").exists()


def test_an_address_from_the_environment(trainbook: Command, project: Path, tmp_path: Path) -> None:
    (project / "mlflow.db").unlink()
    trainbook(*TRAIN, "trainer=one_batch", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/other.db")
    assert (tmp_path / "other.db").is_file()
    assert not (project / "mlflow.db").exists()
    trainbook(*TRAIN, "trainer=one_batch", "tracking=none")
    assert not (project / "mlflow.db").exists()


@pytest.mark.slow
def test_a_locked_database_is_said(project: Path, trainbook: Command) -> None:
    import sqlite3

    trainbook(*TRAIN, "trainer=one_batch")
    lock = sqlite3.connect(project / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        done = trainbook(*TRAIN, "trainer=one_batch", code=1)
    finally:
        lock.close()
    assert done.stderr.splitlines()[-1].startswith("trainbook: sqlite:///mlflow.db is locked by another process.")


def test_passwords_are_not_shown() -> None:
    assert without_secrets("http://me:secret@host:5000/x") == "http://host:5000/x"
    assert without_secrets("sqlite:////home/me/p/mlflow.db") == "sqlite:///mlflow.db"


def test_gc_removes_what_nothing_refers_to(trainbook: Command, project: Path) -> None:
    trainbook(*TRAIN, "trainer=smoke", "tracking.run_name=kept")
    trainbook(*TRAIN, "trainer=smoke", "tracking.run_name=loose", "tracking=none", "data.steps.normalise.method=min_max")
    before = sorted(path.name for path in (project / "runs/prepared").iterdir())
    assert len(before) == 2
    said = trainbook("gc", "--dry-run").stdout
    assert "runs/loose" in said
    assert (project / "runs/loose").exists(), "a dry run removes nothing"
    (project / "runs/loose/outbox/000001").mkdir(parents=True)
    assert "runs/loose" not in trainbook("gc", "--dry-run").stdout, "something waits to be delivered"
    shutil.rmtree(project / "runs/loose/outbox")
    assert "nobody to ask" in trainbook("gc", code=2).stderr
    trainbook("gc", "--yes")
    assert sorted(path.name for path in (project / "runs").iterdir() if path.is_dir()) == ["kept", "prepared"]
    assert (project / "runs/kept/model").exists()
    assert not (project / "runs/kept/checkpoints").exists()
    assert len(list((project / "runs/prepared").iterdir())) == 1
    assert "Nothing to remove." in trainbook("gc", "--yes").stdout


def test_a_database_that_was_killed_in_the_making_is_none(project: Path) -> None:
    (project / "mlflow.db").unlink()
    script = """
import os
from sqlalchemy import event
from sqlalchemy.engine import Engine
statements = 0
@event.listens_for(Engine, "before_cursor_execute")
def die(*_):
    global statements
    statements += 1
    if statements == 60:
        os.kill(os.getpid(), 9)
from trainbook.address import client
client(f"sqlite:///{os.getcwd()}/mlflow.db")
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=project).returncode == -signal.SIGKILL
    assert not (project / "mlflow.db").exists()
    assert "No runs yet" in lives(project, "runs").stdout


def test_two_that_come_first_at_once(project: Path) -> None:
    """A fresh database and one second: both find their place."""
    (project / "mlflow.db").unlink()
    both = [Begun(project, *TRAIN, "trainer=one_batch", "tracking.run_name=same", f"seed={seed}") for seed in range(2)]
    said = [process.communicate() for process in both]
    assert [process.poll() for process in both] == [0, 0], said
    assert {run.info.run_name: run.info.status for run in runs(project)} == {"same": "FINISHED", "same-2": "FINISHED"}
    assert (project / "runs/same/model").exists()
    assert (project / "runs/same-2/model").exists()


def test_several_at_once_enter_one_data_set_and_close_one_run(tmp_path: Path) -> None:
    """MLflow looks first and writes then: of two that do so together, one is refused."""
    opened = opened_client(f"sqlite:///{tmp_path / 'mlflow.db'}")
    together = Barrier(8, timeout=30)

    def enter(mine: TrackedRun) -> None:
        together.wait()
        mine.dataset("digits", "0123456789abcdef", "store", "{}", "train")
        together.wait()
        close_abandoned(opened)

    for name in ("first", "second", "third"):
        experiment = opened.create_experiment(name, str(tmp_path))
        opened.create_run(experiment, tags={PROCESS: f"{processes.machine()} 999999999@1.00"})
        mine = [TrackedRun(opened, opened.create_run(experiment).info.run_id, "") for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(enter, mine))
        assert [len(opened.get_run(each.id).inputs.dataset_inputs) for each in mine] == [1] * 8
        assert len(opened.search_runs([experiment], "attributes.status = 'KILLED'")) == 1
