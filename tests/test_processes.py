"""Two processes train the network that one process trains with the same batches."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mortal
from kinds.points import drawn as points
from kinds.project import Project, largest_difference
from kinds.sequences import drawn as sequences
from trainbook.files import read_json

TWO = (
    "trainer=ddp",
    "trainer.devices=2",
    "trainer.accelerator=cpu",
    "tracking=none",
    "tracking.run_name=two",
    "callbacks=witness",
)


def compare(project: Project, *words: str) -> None:
    """Train with one process and with two; weights and the metrics of every epoch must agree."""
    one = project.train("one", *words)
    project.process("train", *words, *TWO)
    two = project.folder / "runs" / "two" / "model"
    assert {path.name for path in two.parent.glob("process *")} == {"process 0 of 2", "process 1 of 2"}
    assert largest_difference(one, two) < 1e-5
    for alone, shared in zip(read_json(one / "history.json"), read_json(two / "history.json"), strict=True):
        assert alone.keys() == shared.keys()
        for name, value in alone.items():
            np.testing.assert_allclose(shared[name], value, rtol=1e-4, atol=1e-5, err_msg=f"{name}, epoch {alone['epoch']}")
    for name in ("one", "two"):
        project.run("evaluate", f"model=runs/{name}/model", "evaluation.resamples=2")
    assert project.judged("one").rows == project.judged("two").rows == 9
    for name, value in project.metrics("one").items():
        assert project.metrics("two")[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.mark.slow
def test_ragged_rows_and_unequal_weights(tmp_path: Path) -> None:
    """Batches of 8, 8, 8 and 1 rows, two to a step: in the last one a process has nothing of its own."""
    project = Project(tmp_path / "project")
    sequences.write(project.folder / "data" / "sequences.json", 25 + 13 + 9)
    split = ("data.split.validation=13", "data.split.test=9", "data.evaluation_batch_size=4")
    steps = ("data.batch_size=8", "trainer.max_epochs=10", "trainer.accumulate_grad_batches=2", "trainer.gradient_clip_val=0.5")
    compare(project, "experiment=sequences", *split, *steps, "task.class_weights=balanced")


@pytest.mark.slow
def test_two_parts(tmp_path: Path) -> None:
    """Batches of 8, 8 and 5 rows, a step of each part for each."""
    project = Project(tmp_path / "project")
    points.write(project.folder / "data" / "points.csv", 21 + 13 + 9)
    split = ("data.split.validation=13", "data.split.test=9")
    compare(project, "experiment=points", *split, "data.batch_size=8", "trainer.max_epochs=7")


@pytest.mark.slow
def test_two_processes_go_on(tmp_path: Path) -> None:
    """Killed within an epoch, in between two steps of accumulated batches: each process has gradients and rows of its own."""
    words = ("train", "experiment=sequences", "trainer.max_epochs=3", "trainer.accumulate_grad_batches=2")
    words += ("data.batch_size=16", "data.steps_per_execution=1", "checkpoints.minutes=0", *TWO[:-1])
    folders = [Project(tmp_path / name).folder for name in ("control", "killed")]
    for folder in folders:
        (folder / "data").mkdir()
        sequences.write(folder / "data" / "sequences.json", 151)
    whole = [sys.executable, "-m", "trainbook", *words]
    paths = {**os.environ, "PYTHONPATH": str(Path(mortal.__file__).parent)}  # Lightning starts the second one by the command line
    subprocess.run(whole, cwd=folders[0], env=paths, check=True, capture_output=True)
    dying = {**paths, "DIES_AFTER": "5", "DIES_BY": str(int(signal.SIGKILL))}
    script = tmp_path / "mortal_trainbook.py"  # a file, so that the second process can be started like the first
    script.write_text(mortal.SCRIPT)
    killed = subprocess.run([sys.executable, str(script), *words], cwd=folders[1], env=dying, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    done = subprocess.run(whole, cwd=folders[1], env=paths, check=True, capture_output=True, text=True)
    assert "goes on with" in done.stderr
    model = Path("runs/two/model")
    for name in ("weights.safetensors", "history.json"):
        assert (folders[0] / model / name).read_bytes() == (folders[1] / model / name).read_bytes()
