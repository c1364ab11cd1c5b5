"""Two processes train the network that one process trains with the same batches."""

from pathlib import Path

import numpy as np
import pytest

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
