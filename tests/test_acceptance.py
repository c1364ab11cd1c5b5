"""What the documentation promises of the real digits, at full size: `make acceptance`."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project over the real digits."""
    folder = tmp_path_factory.mktemp("digits")
    shutil.copytree(ROOT / "conf", folder / "conf")
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "data").symlink_to(ROOT / "data")
    return folder


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
