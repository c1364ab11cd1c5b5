"""Every experiment of the project runs a step: those in conf/experiment, found by their files."""

import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, draw_digits, write_idx
from trainbook import settings, signatures

EXPERIMENTS = sorted(file.stem for file in (ROOT / "conf/experiment").glob("*.yaml"))
DIGITS = Path("data/mnist")
FILES = [
    ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's conf/, without data."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(folder: Path) -> None:
    """A few made-up pictures of the digits' size."""
    for inputs, labels in FILES:
        pictures, _ = draw_digits(400, seed=1)
        large = pictures.repeat(2, axis=1).repeat(2, axis=2)
        padded = np.pad(large, ((0, 0), (2, 2), (2, 2)))
        write_idx(folder / inputs, padded)
        write_idx(folder / labels, np.arange(400) % 10)


def link(files: list[Path]) -> None:
    """The repository's own raw files, where the experiment looks for them."""
    for file in files:
        if not (ROOT / file).is_file():
            pytest.fail(f"{file} is missing: `dvc pull data.dvc` brings the raw data, and `dvc add data` takes in new ones.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(ROOT / file)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_takes_a_step(project: Path, monkeypatch: pytest.MonkeyPatch, experiment: str) -> None:
    from trainbook.__main__ import _dispatch

    whole = settings.compose([f"experiment={experiment}"])
    files = signatures.fill(whole["data"]["source"], {})().files()
    words = ["train", f"experiment={experiment}", "tracking=none", "--output", "model"]
    words += ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"]
    if DIGITS in files[0].parents:
        draw(DIGITS)
        words.append("data.split.validation=50")
    else:
        link(files)
    monkeypatch.setattr(sys, "argv", ["trainbook", *words])
    _dispatch(words)
    (row,) = json.loads((project / "model/history.json").read_text())
    assert math.isfinite(row["train/loss"])
    assert math.isfinite(row[whole["task"]["monitor"]])
