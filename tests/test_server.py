"""Everything against a real MLflow server on PostgreSQL, which is slow, away, or away for good."""

import json
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as Found
from mlflow.exceptions import RestException
from optuna.trial import TrialState

import mortal
from conftest import Command, make_digits, make_project
from mlflow_server import Server
from trainbook.address import address
from trainbook.outbox import Outbox
from trainbook.posted import Posted
from trainbook.run import Run
from trainbook.tracking import reopen

TRAIN = ("train", "experiment=tiny_mlp", "tracking=server")
QUICK = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "2", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""What a test waits for a server that does not answer."""
SECRET = "secret-word"


@dataclass(frozen=True)
class Work:
    """A project, and a training that takes long enough for a server to go away meanwhile."""

    folder: Path
    experiment: str
    epochs: int

    def words(self, name: str) -> tuple[str, ...]:
        own = (f"experiment={self.experiment}", f"trainer.max_epochs={self.epochs}", f"tracking.run_name={name}")
        return ("train", *own, "tracking.system_metrics=false")


@pytest.fixture(params=["tiny", pytest.param("digits", marks=[pytest.mark.acceptance, pytest.mark.timeout(1200)])])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Work:
    if request.param == "tiny":
        return Work(make_project(tmp_path / "work"), "tiny_mlp", 60)
    return Work(make_digits(tmp_path / "work"), "mnist_mlp_augmented", 30)


def found(uri: str, name: str) -> Found:
    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()], f"attributes.run_name = '{name}'")
    return run


def curves(uri: str, run: Found) -> dict[str, list[tuple[int, float]]]:
    """Every value of every metric."""
    client = MlflowClient(tracking_uri=uri)
    names = [name for name in run.data.metrics if not name.startswith("system/")]
    return {name: sorted((each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)) for name in names}


def artifacts(uri: str, run: Found, folder: str | None = None) -> set[str]:
    listed = MlflowClient(tracking_uri=uri).list_artifacts(run.info.run_id, folder)
    return {path for each in listed for path in ([each.path] if not each.is_dir else artifacts(uri, run, each.path))}


def history(project: Path, name: str) -> dict[str, list[tuple[int, float]]]:
    rows = json.loads((project / f"runs/{name}/model/history.json").read_text())
    names = {key for row in rows for key in row if key != "epoch"}
    return {name: [(row["epoch"], row[name]) for row in rows if name in row] for name in names}


def reached(project: Path, name: str, epoch: int, process: mortal.Begun) -> None:
    """Wait until a training has written a checkpoint of that epoch or a later one."""
    for _ in range(1200):
        files = (project / f"runs/{name}/checkpoints").glob("*.ckpt")
        if any(int(path.name.split("-")[0]) >= epoch for path in files):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_every_word_works_with_a_server(server: Server, project: Path, trainbook: Command) -> None:
    (project / "mlflow.db").unlink()
    where = {"MLFLOW_TRACKING_URI": server.uri.replace("://", f"://user:{SECRET}@")}
    (project / ".gitignore").write_text("/data/\n/runs/\n")
    for command in ("init -q", "add .gitignore conf dvc.yaml params.yaml", "-c user.name=a -c user.email=a@b.c commit -qm first"):
        subprocess.run(["git", *command.split()], cwd=project, check=True)
    (project / "conf/note.yaml").write_text("# not committed\n")
    said = [trainbook(*TRAIN, "tracking.run_name=far", "tracking.figures=true", "tracking.system_metrics=true", **where)]
    said.append(trainbook("evaluate", "model=runs/far/model", **where))
    said.append(trainbook("evaluate", "model=runs/far/model", "evaluation.resamples=50", **where))
    said.append(trainbook("register", "run=far", "--alias", "champion", **where))
    said.append(trainbook("predict", "model=models:/tiny_mlp@champion", "input=data/tiny/test-x.gz", **where))
    assert len(said[-1].stdout.splitlines()) == 61
    words = ("optimizer.lr=choice(0.001,0.003)", "search.sampler=grid", "search.pruner=none", "search.n_trials=2")
    said.append(trainbook("tune", "experiment=tiny_mlp", "tracking=server", "search.study=afar", *words, **where))
    refused = trainbook("reproduce", "models:/tiny_mlp@champion", code=1, **where)
    assert "+# not committed" in refused.stdout, "what would be run is shown"
    assert "--trust" in refused.stderr
    said.append(trainbook("reproduce", "models:/tiny_mlp@champion", "--trust", "--quiet", **where))
    assert said[-1].stdout.splitlines()[-1] == "equal"
    said.append(trainbook("lineage", "models:/tiny_mlp@champion", **where))
    said.append(trainbook("runs", **where))
    assert not (project / "mlflow.db").exists()

    run = found(server.uri, "far")
    assert run.info.status == "FINISHED"
    assert {name: curve for name, curve in curves(server.uri, run).items() if name in history(project, "far")} == history(
        project, "far"
    )
    details = json.loads((project / "runs/far/report/details.json").read_text())
    low = {f"test_interval/{name.removeprefix('test/')}_low": ends[0] for name, ends in details["intervals"].items()}
    assert len(curves(server.uri, run)["test/accuracy"]) == 1, "the same was measured twice"
    assert {name: run.data.metrics[name] for name in low} == low, "those of the last time"
    assert {"settings.yaml", "record.yaml", "report/details.json", "figures/learning_curves.png"} <= artifacts(server.uri, run)
    parent = found(server.uri, "afar")
    assert parent.info.status == "FINISHED"
    assert "figures/history.png" in artifacts(server.uri, parent)
    for number in range(2):
        child = found(server.uri, f"afar-00{number}")
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id

    # nothing that was said or written holds the password
    leaks = [line for each in said for line in (each.stdout + each.stderr).splitlines() if SECRET in line]
    assert leaks == []
    written = [path for root in (project, server.folder) for path in root.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    everything = json.dumps([run.to_dictionary() for run in (run, parent, child)], default=str)
    assert SECRET not in everything
    assert list(project.glob("runs/*/outbox/0*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stopped", "paused"])
def test_a_server_that_is_away_for_a_while(running: Server, work: Work, how: str) -> None:
    project, name = work.folder, f"while-{how}-{work.experiment}"
    words = (*work.words(name), "tracking=server", "tracking.patience=60")
    process = mortal.Begun(project, *words, MLFLOW_TRACKING_URI=running.uri, **QUICK)
    reached(project, name, 2, process)
    if how == "stopped":
        running.stop()
    else:
        running.tell(signal.SIGSTOP)
    for _ in range(6000):  # the training goes on to its end meanwhile
        if (project / f"runs/{name}/model/weights.safetensors").is_file():
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(4)  # longer than a request may take
    assert Outbox(project / f"runs/{name}/outbox").waiting()
    if how == "stopped":
        running.start()
    else:
        running.tell(signal.SIGCONT)
    said = process.communicate(timeout=120)
    assert process.poll() == 0, said
    assert "what is recorded waits" in said[1]
    assert "answers again" in said[1]
    run = found(running.uri, name)
    assert run.info.status == "FINISHED"
    recorded = curves(running.uri, run)
    assert {key: recorded[key] for key in history(project, name)} == history(project, name), "each value, once"
    assert len(run.outputs.model_outputs) == 1
    assert not Outbox(project / f"runs/{name}/outbox").waiting()


def test_a_search_loses_no_trial_while_the_server_is_away(
    running: Server, project: Path, tmp_path: Path, trainbook: Command
) -> None:
    tune = ("tune", "experiment=tiny_mlp", "tracking=server", "tracking.patience=1", "search.study=away")
    words = (*tune, "optimizer.lr=choice(0.001,0.002,0.003,0.004)", "search.sampler=grid", "search.pruner=none")
    where = {"MLFLOW_TRACKING_URI": running.uri.replace("://", f"://user:{SECRET}@"), **QUICK}
    (said := tmp_path / "said").mkdir()
    process = mortal.start(project, said, *words, "search.n_trials=4", **where)
    while not (project / "runs/away/001.log").exists():
        assert process.exitcode is None, (said / "stderr").read_text()
        time.sleep(0.02)
    running.stop()
    process.join(120)
    told = (said / "stderr").read_text()
    assert process.exitcode == 1, told
    assert "The search stops, and no trial is lost" in told
    assert "The same command goes on." in told
    assert "Traceback" not in told
    written = [path for root in (project, said) for path in root.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    running.start()
    trainbook(*words, "search.n_trials=4", **where)
    study = optuna.load_study(study_name="away", storage=f"sqlite:///{project / 'optuna.db'}")
    assert [each.state for each in study.get_trials()] == [TrialState.COMPLETE] * 4
    trainbook("sync", **where)
    client = MlflowClient(tracking_uri=running.uri)
    for name in ("away", *(f"away-00{number}" for number in range(4))):
        assert found(running.uri, name).info.status == "FINISHED"
    values = client.get_metric_history(found(running.uri, "away").info.run_id, "trial/val/accuracy")
    assert sorted(each.step for each in values) == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_server_that_is_away_for_good(running: Server, work: Work, trainbook: Command) -> None:
    """After `sync`, the server holds what a local run holds; a process that is killed meanwhile goes on, too."""
    project, name = work.folder, f"good-{work.experiment}"
    words, model = (*work.words(name), "tracking=server", "tracking.patience=1"), f"model=runs/{name}/model"
    where = {"MLFLOW_TRACKING_URI": running.uri.replace("://", f"://user:{SECRET}@"), **QUICK}
    process = mortal.Begun(project, *words, **where)
    reached(project, name, 2, process)
    running.stop()
    reached(project, name, 8, process)
    process.kill()
    said = [*process.communicate()]
    again = trainbook(*words, cwd=project, **where)
    assert "cannot be reached" in again.stderr
    assert "goes on with the interrupted training" in again.stderr
    assert "`trainbook sync` delivers them" in again.stderr
    judged = trainbook("evaluate", model, "tracking=server", "tracking.patience=1", cwd=project, **where)
    assert "test/accuracy" in judged.stdout
    assert "`trainbook sync` delivers them" in judged.stderr
    for words in (("sync",), ("predict", "model=models:/a@b", "input=data"), ("runs",), ("register", f"run={name}")):
        said.append(trainbook(*words, cwd=project, code=1, **where).stderr)
        assert "cannot be reached" in said[-1]
    anew = trainbook(*work.words("anew"), "tracking=server", cwd=project, code=1, **where)
    assert "cannot be reached" in anew.stderr, "a new run needs its server"
    said += [each.stdout + each.stderr for each in (again, judged, anew)]
    assert [each for each in said if SECRET in each] == []
    assert [path for path in project.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    running.start()
    other = trainbook("sync", cwd=project, code=1, MLFLOW_TRACKING_URI="sqlite:///other.db")
    assert "set MLFLOW_TRACKING_URI" in other.stderr
    assert "records delivered" in trainbook("sync", cwd=project, **where).stdout
    assert "Nothing waits." in trainbook("sync", cwd=project, **where).stdout

    local = f"sqlite:///{project}/mlflow.db"
    trainbook(*work.words("local"), cwd=project)
    trainbook("evaluate", "model=runs/local/model", cwd=project)
    far, near = found(running.uri, name), found(local, "local")
    assert far.info.status == near.info.status == "FINISHED"
    assert far.data.params == near.data.params
    assert curves(running.uri, far) == curves(local, near)
    assert len(far.data.metrics) > 10
    own = ("trainbook.files", "trainbook.process", "trainbook.token", "trainbook.run", "trainbook.test_opened", "mlflow.runName")
    facts: list[dict[str, str]] = [
        {key: value for key, value in run.data.tags.items() if key not in own and not key.startswith("mlflow.user")}
        for run in (far, near)
    ]
    assert facts[0] == facts[1]
    assert artifacts(running.uri, far) == artifacts(local, near)
    sets: list[Any] = [{(each.dataset.name, each.dataset.digest) for each in run.inputs.dataset_inputs} for run in (far, near)]
    assert sets[0] == sets[1]
    assert len(far.outputs.model_outputs) == 1


def test_no_step_waits_for_the_server(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a connection and says nothing: writing to the run is writing to disk."""
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        run = Posted(MlflowClient(tracking_uri=uri), "0" * 32, uri, Outbox(project / "runs/silent/outbox"), patience=2)
        slowest = 0.0
        for epoch in range(100):
            start = time.monotonic()
            run.metrics({"train/loss": float("nan"), "val/accuracy": 0.5}, epoch)
            slowest = max(slowest, time.monotonic() - start)
        assert slowest < 1
        start = time.monotonic()
        run.close()
        assert time.monotonic() - start < 20
    assert len(run.box.waiting()) == 100


def test_a_word_that_a_server_refuses_is_kept_and_stops_nothing(
    running: Server, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a number that was refused before is not taken again."""
    monkeypatch.chdir(project)
    client = MlflowClient(tracking_uri=running.uri)
    run_id = client.create_run("0").info.run_id
    box = Outbox(project / "runs/refused/outbox")
    for value in ("1", "2", "3"):
        run = Posted(client, run_id, running.uri, box, patience=20)
        run.parameters({"once": value})
        run.tags({"last": value})
        run.close()
    assert client.get_run(run_id).data.params == {"once": "1"}
    assert client.get_run(run_id).data.tags["last"] == "3"
    assert len(box.refused()) == 2
    assert not box.waiting()


def test_a_process_that_was_killed_while_it_delivered(running: Server, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had passed on lies there with a dot; the next word has the same number."""
    monkeypatch.chdir(project)
    client = MlflowClient(tracking_uri=running.uri)
    run = Run(client, client.create_run("0").info.run_id, running.uri)
    box = Outbox(project / "runs/killed/outbox")
    box.begin(run, "")
    box.post("tags", values={"one": "1"})
    shutil.copytree(box.waiting()[0], box.folder / f".{box.waiting()[0].name}")
    assert box.deliver(run) == 1
    box.post("parameters", settings={"once": "1"})
    box.post("parameters", settings={"once": "2"})
    box.post("tags", values={"two": "2"})
    assert box.deliver(run) == 2, "what is refused was not delivered"
    assert len(box.refused()) == 1
    assert not box.waiting()
    assert {"one", "two"} <= set(client.get_run(run.id).data.tags)


def test_several_that_write_into_one_outbox_lose_nothing(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "outbox")
    box.folder.mkdir()
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: box.post("tags", values={str(number): "x"}), range(40)))
    assert [int(path.name) for path in box.waiting()] == list(range(1, 41))
    entries = [json.loads((path / "entry.json").read_text()) for path in box.waiting()]
    assert {name for entry in entries for name in entry["with"]["values"]} == {str(number) for number in range(40)}


@pytest.mark.parametrize(("code", "waits"), [("TEMPORARILY_UNAVAILABLE", True), ("RESOURCE_DOES_NOT_EXIST", False)])
def test_a_server_that_does_not_answer_well_is_no_missing_run(
    code: str, waits: bool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answering:
        def get_run(self, _: str) -> None:
            raise RestException({"error_code": code, "message": "no"})

    monkeypatch.chdir(project)
    monkeypatch.setattr("trainbook.tracking.client", lambda _: Answering())
    run = reopen({"enabled": True, "uri": "http://127.0.0.1:1", "patience": 0}, "0" * 32, "odd")
    assert isinstance(run, Posted) == waits


def test_a_login_goes_into_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    for given, password in (
        ("http://me:a%2Fb@host:1/p", "a/b"),
        ("https://me:p@ss@host:1/p", "p@ss"),
        ("http://me:x/y@host:1/p", "x/y"),
    ):
        for tracking, inherited in (({"uri": given}, "sqlite:///a.db"), ({}, given)):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", inherited)
            assert address(tracking) in ("http://host:1/p", "https://host:1/p")
            assert os.environ["MLFLOW_TRACKING_USERNAME"] == "me"
            assert os.environ["MLFLOW_TRACKING_PASSWORD"] == password
            assert password not in os.environ["MLFLOW_TRACKING_URI"]
    assert address({"uri": "sqlite:///a@b.db"}) == "sqlite:///a@b.db"
