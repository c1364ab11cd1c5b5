"""A small project for tests: the repository's own configuration over digits that are drawn in a second."""

import gzip
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from sqlalchemy import create_engine, text

import mortal
from mlflow_server import Server
from served import free_port

ROOT = Path(__file__).parent.parent
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first, so that at the end no process is left alone with one of them."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write bytes as an idx file, compressed where the name says so."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def draw_digits(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (rows, 12, 12) and labels 0 to 3: a bright corner says which, among noise."""
    chance = np.random.default_rng(seed)
    labels = np.arange(rows) % 4
    pictures = chance.integers(0, 120, (rows, 12, 12))
    for row, label in enumerate(labels):
        top, left = divmod(int(label), 2)
        pictures[row, top * 6 : top * 6 + 6, left * 6 : left * 6 + 6] += chance.integers(40, 135)
    return pictures, labels


TINY = {
    "source": {
        "_target_": "trainbook.data.sources.idx.Idx",
        "folder": "data/tiny",
        "inputs": {"train": "train-x.gz", "test": "test-x.gz"},
        "labels": {"train": "train-y.gz", "test": "test-y.gz"},
        "classes": ["a", "b", "c", "d"],
    },
    "split": {
        "_target_": "trainbook.data.splits.holdout.Holdout",
        "validation": 40,
        "test": 0.1,
        "stratify": "label",
        "seed": 0,
    },
}


STEPS = {
    "clean": {"_target_": "trainbook.data.steps.clean.Clean", "columns": ["x"], "duplicates": True, "blank": True},
    "normalise": {
        "_target_": "trainbook.data.steps.normalise.Normalise",
        "columns": ["x"],
        "method": "standardise",
        "per": "all",
    },
}


@cache
def empty_database() -> bytes:
    """MLflow's tables, which take seconds to make."""
    from trainbook.address import client

    with tempfile.TemporaryDirectory() as folder:
        client(f"sqlite:///{folder}/mlflow.db")
        return Path(folder, "mlflow.db").read_bytes()


def make_project(folder: Path) -> Path:
    """A project with the repository's conf/, a data set `tiny`, tiny_mlp and tiny_cnn, and an MLflow without runs."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "dvc.yaml", folder / "dvc.yaml")
    mnist = yaml.safe_load((ROOT / "conf/data/mnist.yaml").read_text())
    (folder / "conf/data/tiny.yaml").write_text(
        yaml.safe_dump(
            {**mnist, **TINY, "steps": STEPS, "store": "ready", "batch_size": 20, "steps_per_execution": 8}, sort_keys=False
        )
    )
    for name, network in (("tiny_mlp", "mlp"), ("tiny_cnn", "convolutional")):
        own = "channels: [4]\n  kernel: 3\n  widths: [8]" if network == "convolutional" else "widths: [16, 8]"
        (folder / f"conf/experiment/{name}.yaml").write_text(
            f"# @package _global_\n# A tiny one.\ndefaults:\n  - override /data: tiny\n  - override /network: {network}\n"
            f"network:\n  {own}\ntrainer:\n  max_epochs: 2\nevaluation:\n  resamples: 20\n"
            "tracking:\n  figures: false\n  system_metrics: false\n"
        )
    (folder / "params.yaml").write_text(
        "data:\n  tiny: {raw: data/tiny}\nexperiments:\n  tiny_mlp: {data: tiny}\n  tiny_cnn: {data: tiny}\n"
    )
    (folder / "mlflow.db").write_bytes(empty_database())
    for part, rows in (("train", 200), ("test", 60)):
        pictures, labels = draw_digits(rows, seed=rows)
        write_idx(folder / f"data/tiny/{part}-x.gz", pictures)
        write_idx(folder / f"data/tiny/{part}-y.gz", labels)
    return folder


def make_digits(folder: Path) -> Path:
    """A project over the real digits."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copytree(ROOT / "docs/data", folder / "docs/data")
    (folder / "data").symlink_to(ROOT / "data")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh tiny project."""
    return make_project(tmp_path / "project")


@pytest.fixture
def trainbook(project: Path) -> Command:
    """Runs the command line in the tiny project, in a process of its own."""

    def run(*words: str, code: int = 0, cwd: Path = project, **environment: str) -> subprocess.CompletedProcess[str]:
        done = mortal.run(cwd, *words, **environment)
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the command line in the tiny project, within this process (imports are paid once)."""

    def run(*words: str) -> None:
        from trainbook.__main__ import _dispatch

        monkeypatch.chdir(project)
        monkeypatch.setattr(sys, "argv", ["trainbook", *words])
        _dispatch(list(words))

    return run


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server of our own on loopback; it runs as an ordinary user."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    binaries = found[-1].parent if found else Path(shutil.which("pg_ctl") or "").parent
    if not (binaries / "initdb").is_file():
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing: make system installs it")
        pytest.skip("PostgreSQL is missing: make system installs it")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))  # its socket's path must be short
    user: dict[str, str] = {}
    if os.getuid() == 0:
        user = {"user": "postgres"}
        shutil.chown(folder, "postgres")
    port = free_port()

    def run(name: str, *words: str) -> None:
        done = subprocess.run([binaries / name, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **user)
        assert done.returncode == 0, done.stdout.decode()

    run("initdb", "-D", str(folder / "data"), "-U", "searcher", "--auth", "trust", "--no-sync")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    with (folder / "log").open("w") as log:
        words = [binaries / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "server.log", "-o", settings, "start"]
        started = subprocess.run(words, cwd=folder, stdout=log, stderr=log, **user)
    assert started.returncode == 0, (folder / "log").read_text() + (folder / "server.log").read_text()
    yield f"postgresql://searcher:secret-word@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    engine = create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("create database mlflow"))
    engine.dispose()
    store = postgresql.replace("postgresql:", "postgresql+psycopg:").replace("/postgres", "/mlflow")
    made = Server(store, tmp_path_factory.mktemp("server"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def running(server: Server) -> Iterator[Server]:
    """The server, up again whatever a test did to it."""
    yield server
    server.tell(signal.SIGCONT)
    if server.process is None:
        server.start()
