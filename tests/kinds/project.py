"""A throwaway project around the kinds of this folder, worked on by the real command line."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainbook.__main__ import main
from trainbook.columns import Columns
from trainbook.files import read_json
from trainbook.model import Model

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"


class Terminal(io.StringIO):
    """A stream that passes for a screen, so that progress is shown."""

    def isatty(self) -> bool:
        return True


class Project:
    """A folder with an empty dvc.yaml, the repository's conf/ and the kinds' own YAML files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "dvc.yaml").touch()
        shutil.copytree(CONF, folder / "conf")
        shutil.copytree(HERE / "conf", folder / "conf", dirs_exist_ok=True)

    def run(self, *words: str, terminal: bool = False) -> str:
        """Run ``trainbook WORDS`` in this process, as if at a ``terminal`` if wanted; returns what it prints.

        Raises:
            AssertionError: it ends with another exit code than 0.
        """
        said, complained = (Terminal() if terminal else io.StringIO() for _ in range(2))
        with (
            self.entered(),
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
        ):
            patch.setattr(sys, "argv", ["trainbook", *words])
            try:
                main()
            except SystemExit as leaving:
                raise AssertionError(f"trainbook {' '.join(words)}: {leaving.code}\n{complained.getvalue()}") from leaving
        return said.getvalue()

    def process(self, *words: str, **environment: str) -> str:
        """Run ``python -m trainbook WORDS`` in a process of its own; returns what it prints.

        Raises:
            AssertionError: it ends with another exit code than 0.
        """
        command = [sys.executable, "-m", "trainbook", *words]
        more = {"PYTHONPATH": str(HERE.parent), "TRAINBOOK_TRACEBACK": "1", **environment}
        done = subprocess.run(command, cwd=self.folder, env={**os.environ, **more}, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def train(self, name: str, *words: str) -> Path:
        """Train an experiment in this process, without tracking; returns the model folder, in place of an earlier one."""
        shutil.rmtree(self.folder / "runs" / name, ignore_errors=True)
        self.run("train", "tracking=none", *words, f"tracking.run_name={name}")
        return self.folder / "runs" / name / "model"

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Within the project's folder, whose conf/trusted.yaml counts."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            yield

    def open(self, name: str) -> Model:
        """The model of a run."""
        with self.entered():
            return Model.open(Path("runs", name, "model"))

    def served(self, inputs: dict[str, NDArray[Any]]) -> Any:
        """What MLflow's copy of the one tracked model answers: a table."""
        import mlflow

        (made,) = self.folder.glob("mlartifacts/models/*/artifacts/MLmodel")
        with self.entered():
            return mlflow.pyfunc.load_model(str(made.parent)).predict(inputs)

    def metrics(self, name: str) -> dict[str, float]:
        """The test metrics of an evaluated run."""
        found: dict[str, float] = read_json(self.folder / "runs" / name / "report" / "metrics.json")
        return found

    def judged(self, name: str) -> Columns:
        """Predictions and targets of the test rows of an evaluated run."""
        return Columns.load(self.folder / "runs" / name / "report" / "predictions")

    def prepared(self, data: str, split: str) -> Columns:
        """A split of data that were prepared for the pipeline."""
        return Columns.load(self.folder / "build" / "prepared" / data / split)


def weights(model: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a model folder."""
    from safetensors.numpy import load_file

    found: dict[str, NDArray[Any]] = load_file(model / "weights.safetensors")
    return found


def largest_difference(one: Path, other: Path) -> float:
    """Between the weights of two models of the same shapes."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)
