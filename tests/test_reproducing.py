"""A run derived again from its record, and every way in which that must fail."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

import mortal
from conftest import ROOT, make_project

BIN = Path(sys.executable).parent
AD_HOC = ("train", "experiment=tiny_mlp", "trainer.max_epochs=2", "network.dropout=0.2", "data.split.validation=60")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the package in it, its raw data in DVC, committed, and run once by ``dvc repro``."""
    folder = make_project(tmp_path_factory.mktemp("reproducing") / "project")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / ".dvcignore", folder)
    (folder / "params.yaml").write_text("data:\n  tiny: {raw: data/tiny}\nexperiments:\n  tiny_mlp: {data: tiny}\n")
    edit(folder / "conf/experiment/tiny_mlp.yaml", "  - override /data", "  - override /baselines: linear\n  - override /data")
    (folder / ".gitignore").write_text("/build/\n/runs/\n/mlflow.db*\n/mlartifacts/\n/data\n__pycache__/\n")
    for words in (["init", "-q"], ["config", "user.email", "a@b.c"], ["config", "user.name", "a"]):
        call(folder, "git", *words)
    call(folder, "dvc", "init", "-q")
    call(folder, "dvc", "remote", "add", "-q", "-d", "store", "../store")
    call(folder, "dvc", "add", "-q", "data")
    call(folder, "dvc", "push", "-q", "data.dvc")
    commit(folder, "first")
    call(folder, "dvc", "repro", "-q")
    return folder


def call(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def trainbook(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """By the package in the repository, whatever was done to it."""
    return call(folder, sys.executable, "-m", "trainbook", *words, code=code)


def commit(folder: Path, message: str) -> None:
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", message)


def newest(folder: Path) -> str:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = [run for each in client.search_experiments() for run in client.search_runs([each.experiment_id])]
    return str(max(found, key=lambda run: run.info.start_time).info.run_id)


def artifact(folder: Path, run: str, name: str) -> Path:
    (found,) = (folder / "mlartifacts").rglob(f"{run}/artifacts/{name}")
    return found


def test_the_run_of_the_pipeline_is_equal(workshop: Path) -> None:
    run = newest(workshop)
    for folder in ("build", "runs"):
        (workshop / folder).rename(workshop / f"{folder}.away")  # the record alone
    try:
        said = trainbook(workshop, "reproduce", run[:8], "--quiet").stdout
    finally:
        for folder in ("build", "runs"):
            shutil.rmtree(workshop / folder, ignore_errors=True)
            (workshop / f"{folder}.away").rename(workshop / folder)
    assert said.splitlines()[-1] == "equal"
    assert "weights: equal" in said
    assert "environment: the same" in said
    beside = [f"{kind}/logistic_regression/accuracy" for kind in ("baseline", "difference")]
    beside.append("difference_interval/logistic_regression/accuracy_low")
    for name in ("train/loss", "val/accuracy", "test/accuracy", "test/loss", *beside):
        (line,) = (line for line in said.splitlines() if line.startswith(f"{name} "))
        assert line.split()[-1] == "0"
    assert "worktree" not in call(workshop, "git", "worktree", "list").stdout.replace(str(workshop), "")
    assert (
        call(workshop, "git", "status", "--porcelain").stdout == " M dvc.lock\n"
        or not call(workshop, "git", "status", "--porcelain", "--", "src", "conf").stdout
    )


@pytest.fixture(scope="module")
def changed(workshop: Path) -> str:
    """A run that was killed and gone on with, made with uncommitted changes: of the network's code, and a new callback file."""
    edit(workshop / "src/trainbook/networks/mlp.py", "return", "x = x * 1.5\n        return", last=True)
    (workshop / "src/trainbook/networks/unused.py").write_text('"""New, and in no commit."""\n')
    (workshop / ".env").write_text("TOKEN=12345\n")
    (workshop / "notes.txt").write_text("key = AKIAIOSFODNN7EXAMPLQ\n")
    (workshop / "large.bin").write_bytes(bytes(2**20 + 1))
    paths = os.pathsep.join([str(workshop / "src"), str(ROOT / "tests")])
    died = os.environ | {"PYTHONPATH": paths, "DIES_AFTER": "7", "DIES_BY": str(int(signal.SIGKILL))}
    assert subprocess.run([sys.executable, "-c", mortal.SCRIPT, *AD_HOC], cwd=workshop, env=died).returncode == -9
    trainbook(workshop, *AD_HOC)
    run = newest(workshop)
    call(workshop, "git", "checkout", "-q", "--", "src")
    for name in ("src/trainbook/networks/unused.py", ".env", "notes.txt", "large.bin"):
        (workshop / name).unlink()
    return run


def edit(path: Path, old: str, new: str, last: bool = False) -> None:
    text = path.read_text()
    assert old in text
    head, _, tail = text.rpartition(old) if last else text.partition(old)
    path.write_text(head + new + tail)


def test_a_run_with_uncommitted_changes_that_was_killed_is_equal(workshop: Path, changed: str) -> None:
    said = trainbook(workshop, "reproduce", changed, "--quiet").stdout
    assert said.splitlines()[-1] == "equal"
    assert "with uncommitted changes" in said


def test_the_record_says_all(workshop: Path, changed: str) -> None:
    record: dict[str, Any] = yaml.safe_load(artifact(workshop, changed, "record.yaml").read_text())
    assert record["commit"] == call(workshop, "git", "rev-parse", "HEAD").stdout.strip()
    assert len(record["sessions"]) == 2, "it was killed once"
    assert record["sessions"][0]["command"].startswith("trainbook train experiment=tiny_mlp")
    assert record["sessions"][1]["ended"] >= record["sessions"][1]["started"]
    assert (record["seed"], record["threads"]) == (0, 1)
    assert record["left_out"].keys() == {".env", "notes.txt", "large.bin"}
    assert "aws access key" in record["left_out"]["notes.txt"]
    assert record["data"]["raw"].keys() == {f"data/tiny/{part}-{what}.gz" for part in ("train", "test") for what in "xy"}
    environment = record["environment"]
    assert environment["packages"]["torch"] == __import__("torch").__version__
    assert {"python", "system", "processor", "cores", "gpus"} <= environment.keys()
    assert {"networks/mlp.py", "data/steps/normalise.py", "tasks/classification.py"} <= record["code"].keys()
    patch = artifact(workshop, changed, "uncommitted.diff").read_text()
    assert "unused.py" in patch
    assert "12345" not in patch
    assert "AKIA" not in patch
    run = MlflowClient(f"sqlite:///{workshop}/mlflow.db").get_run(changed)
    assert run.data.tags["trainbook.weights"] == record["weights"]


def test_changes_that_were_changed_are_not_run(workshop: Path, changed: str) -> None:
    path = artifact(workshop, changed, "uncommitted.diff")
    before = path.read_bytes()
    path.write_bytes(before.replace(b"x * 1.5", b"x * 1.6"))
    try:
        said = mortal.lives(workshop, "reproduce", changed, code=1).stderr
    finally:
        path.write_bytes(before)
    assert "uncommitted.diff is not the one that the run recorded" in said
    assert "these files differ: networks/mlp.py (" in said
    assert "Nothing was run." in said


def test_other_weights_are_said(
    workshop: Path, changed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the run recorded is changed instead of what comes out: a library, and the weights."""
    from trainbook import reproduction
    from trainbook.__main__ import main

    path = artifact(workshop, changed, "record.yaml")
    before = path.read_text()
    record = yaml.safe_load(before)
    weights = record["weights"]
    monkeypatch.chdir(workshop)
    monkeypatch.setattr(reproduction, "derive", lambda recorded, _: (weights, recorded.curves))  # as the test above has seen
    record["weights"] = "0" * 64
    record["environment"]["packages"]["torch"] = "1.0.0"
    path.write_text(yaml.safe_dump(record, sort_keys=False))
    try:
        monkeypatch.setattr(sys, "argv", ["trainbook", "reproduce", changed])
        with pytest.raises(SystemExit, match="1"):
            main()
        done = capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["trainbook", "reproduce", changed, "--tolerance", "0"])
        main()
        close = capsys.readouterr()
    finally:
        path.write_text(before)
    now = __import__("torch").__version__
    assert "weights: not equal" in done.out
    assert f"  torch: 1.0.0 then, {now} now" in done.out
    assert f"not equal: the weights differ; torch 1.0.0 then, {now} now." in done.err
    assert close.out.splitlines()[-1] == "within 0", "the figures alone are equal"


def test_another_torch_alone_is_not_equal(workshop: Path) -> None:
    from trainbook.stages.reproduce import Verdict

    verdict = Verdict(True, {"val/loss": (0.5, 0.5, 0.0)}, {"torch": ("2.12.0", "2.13.0")})
    assert not verdict.passes(None)
    assert verdict.reason(None) == "torch 2.12.0 then, 2.13.0 now"
    assert verdict.passes(0.0)
    assert not Verdict(True, {"val/loss": (0.5, None, float("nan"))}, {}).passes(10.0)
    assert Verdict(True, {"val/loss": (0.5, 0.5, 0.0)}, {"tqdm": ("1", "2")}).passes(None)


def test_raw_data_that_were_changed(workshop: Path, changed: str) -> None:
    path = workshop / "data/tiny/train-x.gz"
    before = path.read_bytes()
    path.unlink()  # DVC may have linked it
    path.write_bytes(before[:-9] + b"tampered!")
    try:
        said = mortal.lives(workshop, "reproduce", changed, code=1).stderr
    finally:
        path.unlink()
        path.write_bytes(before)
    assert "The raw data are not what the run was trained on, though data.dvc is the same: data/tiny/train-x.gz" in said
    assert "dvc checkout" in said


@contextmanager
def away(path: Path, really: bool = True) -> Iterator[None]:
    """A folder that is not there for the time of a block."""
    if really:
        path.rename(path.with_name("elsewhere"))
    try:
        yield
    finally:
        if really:
            shutil.rmtree(path, ignore_errors=True)
            path.with_name("elsewhere").rename(path)


def test_raw_data_that_are_gone_are_pulled_or_named(workshop: Path, changed: str) -> None:
    from trainbook import reproduction
    from trainbook.faults import Fault
    from trainbook.recorded import Recorded

    (workshop / "data").rename(workshop / "data.away")
    work = workshop.parent / "work"
    call(workshop, "git", "worktree", "add", "-q", "--detach", str(work))
    record = yaml.safe_load(artifact(workshop, changed, "record.yaml").read_text())
    recorded = Recorded(None, "", "", record, {}, {}, None, {}, None)  # type: ignore[arg-type]
    here = Path.cwd()
    os.chdir(workshop)
    store, cache = workshop.parent / "store", workshop / ".dvc/cache"
    try:
        for left in ("both", "cache", "store"):  # the remote's path is relative to the project, not to the worktree
            shutil.rmtree(work / "data", ignore_errors=True)
            with away(store, left == "cache"), away(cache, left == "store"):
                reproduction.bring_data(recorded, work)
            assert (work / "data/tiny/train-x.gz").read_bytes() == (workshop / "data.away/tiny/train-x.gz").read_bytes()
        shutil.rmtree(work / "data")
        with away(store), away(cache), pytest.raises(Fault, match=r"neither here .* nor where DVC looked: FileNotFoundError"):
            reproduction.bring_data(recorded, work)
    finally:
        os.chdir(here)
        call(workshop, "git", "worktree", "remove", "--force", str(work))
        (workshop / "data.away").rename(workshop / "data")


def test_the_weights_that_a_training_starts_from_come_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainbook import record, reproduction
    from trainbook.faults import Fault
    from trainbook.recorded import Recorded

    (tmp_path / "first").mkdir()
    (tmp_path / "first/weights.safetensors").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainbook.project._started_in", tmp_path)
    settings = {"init_from": "first"}
    known = {"init_from": record.first_weights(settings)}
    recorded = Recorded(None, "", "", known, settings, {}, None, {}, None)  # type: ignore[arg-type]
    reproduction.bring_weights(recorded, tmp_path / "work")
    assert (tmp_path / "work/first/weights.safetensors").read_bytes() == b"weights"
    (tmp_path / "first/weights.safetensors").write_bytes(b"others")
    with pytest.raises(Fault, match="init_from: the model folder first with weights"):
        reproduction.bring_weights(recorded, tmp_path / "work")


def test_runs_lists_and_diff_compares(workshop: Path, changed: str) -> None:
    lines = mortal.lives(workshop, "runs").stdout.splitlines()
    assert lines[0].split() == ["run", "started", "status", "name", "metric", "test", "took", "commit"]
    assert lines[1].startswith(changed[:8]), "the newest first"
    assert "FINISHED" in lines[1]
    assert "val/accuracy 0." in lines[1]
    assert lines[1].endswith("*"), "it had uncommitted changes"
    assert not lines[-1].endswith("*")
    assert mortal.lives(workshop, "runs", "nobody").stdout == "No runs of nobody: trainbook train experiment=… makes one.\n"
    said = mortal.lives(workshop, "diff", lines[-1].split()[0], changed).stdout
    for line in ("  network.dropout: 0 → 0.2", "  data.split.validation: 40 → 60", "\nenvironment: the same"):
        assert line in said
    assert "  networks/mlp.py: " in said
    assert "weights.safetensors" in said
    same = mortal.lives(workshop, "diff", changed, changed).stdout
    assert same.count(" the same") == 6


def test_what_is_wrong_is_said(workshop: Path) -> None:
    assert "'nobody': the id or name of a run was expected" in mortal.lives(workshop, "reproduce", "nobody", code=1).stderr
    assert "--tolerance: a number" in mortal.lives(workshop, "reproduce", "x", "--tolerance", "-1", code=2).stderr


def test_a_commit_that_is_gone(workshop: Path, changed: str) -> None:
    """Last of all, for it rewrites history."""
    call(workshop, "git", "commit", "-q", "--amend", "-m", "rewritten", "--allow-empty", "--date", "2001-01-01T00:00:00")
    call(workshop, "git", "reflog", "expire", "--expire=now", "--all")
    call(workshop, "git", "gc", "-q", "--prune=now")
    said = mortal.lives(workshop, "reproduce", changed, code=1).stderr
    assert "is not in this repository; looked in" in said
    assert "git fetch --all" in said
