"""What the documentation promises of the real digits, at full size: `make acceptance`."""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from conftest import ROOT, make_digits

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project over the real digits."""
    return make_digits(tmp_path_factory.mktemp("real") / "digits")


def test_the_pipeline_takes_under_three_minutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a bare clone, after installation: raw data to report."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    start = time.perf_counter()
    for words in (["dvc", "pull", "-q", "data.dvc"], ["dvc", "repro", "-q"]):
        subprocess.run(words, cwd=tmp_path / "clone", check=True, capture_output=True, env={**os.environ, "PATH": path})
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nthe pipeline from a bare clone: {seconds:.0f} s, under 180 promised")
    assert seconds < 180


@pytest.mark.parametrize(("experiment", "reach"), [("mnist_mlp", 0.976), ("mnist_mlp_augmented", 0.986), ("mnist_cnn", 0.99)])
def test_accuracy_of_three_seeds(digits: Path, experiment: str, reach: float, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for seed in (0, 1, 2):
        folder = digits / f"{experiment}-{seed}"
        for words in (
            ["train", f"experiment={experiment}", f"seed={seed}", "tracking=none", "--output", str(folder / "model")],
            ["evaluate", f"model={folder / 'model'}", "evaluation.resamples=1"],
        ):
            subprocess.run(
                [sys.executable, "-m", "trainbook", *words], cwd=digits, check=True, capture_output=True, env=os.environ
            )
        test = json.loads((folder / "report/metrics.json").read_text())["test/accuracy"]
        history = json.loads((folder / "model/history.json").read_text())
        found.append(test)
        with capsys.disabled():
            best = max(row["val/accuracy"] for row in history)
            print(f"\n{experiment} seed {seed}: validation {best:.4f}, test {test:.4f}", end="")
    with capsys.disabled():
        print(f"\n{experiment}: mean test accuracy {statistics.mean(found):.4f}, at least {reach} promised")
    assert statistics.mean(found) >= reach


def test_killed_twenty_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGKILL at random moments, from the first import on; checkpoints within epochs, too."""
    recipe = ("network.dropout=0.1", "checkpoints.minutes=0.01", "tracking.system_metrics=false")
    words = [sys.executable, "-m", "trainbook", "train", "experiment=mnist_mlp_augmented", *recipe]
    folders = [tmp_path / name for name in ("undisturbed", "killed")]
    for folder in folders:
        make_digits(folder)
        prepare = ["prepare", "data=mnist", "--output", "build/prepared/mnist"]
        subprocess.run([*words[:3], *prepare], cwd=folder, check=True, capture_output=True)
    begun = time.perf_counter()
    control = subprocess.Popen(words, cwd=folders[0], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(folders[0].glob("runs/*/checkpoints/*.ckpt")):
        assert control.poll() is None
        time.sleep(0.1)
    start = time.perf_counter() - begun
    assert control.wait() == 0
    chance, positions = random.Random(0), []
    for number in range(20):
        process = subprocess.Popen(words, cwd=folders[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(start * chance.uniform(0.3, 1.5))
        assert process.poll() is None, f"kill {number + 1} came too late"
        process.kill()
        process.wait()
        found = sorted(path.name for path in folders[1].glob("runs/*/checkpoints/*.ckpt"))
        positions.append(found[-1].rpartition("-")[0] if found else "none")
    done = subprocess.run(words, cwd=folders[1], check=True, capture_output=True, text=True)
    assert "goes on with" in done.stderr
    weights = [next(folder.glob("runs/*/model/weights.safetensors")).read_bytes() for folder in folders]
    curves = []
    for folder in folders:
        client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        (run,) = [run for each in client.search_experiments() for run in client.search_runs([each.experiment_id])]
        assert run.info.status == "FINISHED"
        history = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
        curves.append({name: [(each.step, each.value) for each in values] for name, values in history.items()})
    with capsys.disabled():
        print(f"\nkilled 20 times; last checkpoints (epochs-batches): {' '.join(positions)}")
        print(f"weights equal: {weights[0] == weights[1]}; {len(curves[0])} metrics equal, each once: {curves[0] == curves[1]}")
    assert weights[0] == weights[1]
    assert curves[0] == curves[1]
    assert all([step for step, _ in values] == list(range(30)) for values in curves[1].values())
