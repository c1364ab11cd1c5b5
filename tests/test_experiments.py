"""Every experiment of the project runs a step: those in conf/experiment, found by their files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, draw_digits, write_idx

EXPERIMENTS = sorted(file.stem for file in (ROOT / "conf/experiment").glob("*.yaml"))
FILES = [
    ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
]


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The project's conf/ over a few made-up pictures of the digits' size."""
    import shutil

    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    for inputs, labels in FILES:
        pictures, _ = draw_digits(400, seed=1)
        large = pictures.repeat(2, axis=1).repeat(2, axis=2)
        padded = np.pad(large, ((0, 0), (2, 2), (2, 2)))
        write_idx(tmp_path / "data/mnist" / inputs, padded)
        write_idx(tmp_path / "data/mnist" / labels, np.arange(400) % 10)
    return tmp_path


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_takes_a_step(digits: Path, monkeypatch: pytest.MonkeyPatch, experiment: str) -> None:
    from trainbook.__main__ import _dispatch

    monkeypatch.chdir(digits)
    words = ["train", f"experiment={experiment}", "tracking=none", "data.split.validation=50", "--output", "model"]
    words += ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"]
    monkeypatch.setattr(sys, "argv", ["trainbook", *words])
    _dispatch(words)
    (row,) = json.loads((digits / "model/history.json").read_text())
    assert row["train/loss"] > 0
    assert 0 <= row["val/accuracy"] <= 1
