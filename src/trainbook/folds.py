"""Folds of a cross-validation: what each one gave, noted as soon as it is known, and what they have in common."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trainbook.files import read_yaml, write_text, write_yaml

NOTED, TABLE = "folds.yaml", "folds.csv"


@dataclass
class Folds:
    """The folds that are done, in a cross-validation's own folder."""

    folder: Path
    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By number: ``name`` and ``run`` of the training, and the ``metrics`` of its held-out rows."""

    @staticmethod
    def read(folder: Path) -> "Folds":
        """What is noted there; nothing, where nobody has been yet."""
        path = folder / NOTED
        return Folds(folder, read_yaml(path)["folds"] if path.is_file() else {})

    def note(self, number: int, name: str, run: str | None, metrics: dict[str, float]) -> None:
        """A fold is done."""
        self.done[number] = {"name": name, "run": run, "metrics": metrics}
        write_yaml(self.folder / NOTED, {"format": 1, "folds": self.done})

    @property
    def metrics(self) -> dict[str, list[float]]:
        """Metrics that every fold has, fold by fold."""
        every = [each["metrics"] for _, each in sorted(self.done.items())]
        return {name: [each[name] for each in every] for name in every[0] if all(name in each for each in every)}

    def write(self) -> Path:
        """A table of all metrics, a fold a row; a metric that was not finite is left open."""
        names = list(dict.fromkeys(name for each in self.done.values() for name in each["metrics"]))
        with io.StringIO(newline="") as text:
            table = csv.writer(text, lineterminator="\n")
            table.writerow(["fold", "name", "run", *names])
            for number, each in sorted(self.done.items()):
                table.writerow([number, each["name"], each["run"], *(each["metrics"].get(name) for name in names)])
            write_text(self.folder / TABLE, text.getvalue())
        return self.folder / TABLE

    def told(self) -> str:
        """Mean, deviation and folds of each metric, a line each."""
        return "\n".join(
            f"{name} {mean(values):.4f} ± {deviation(values):.4f} ({' '.join(f'{value:.4f}' for value in values)})"
            for name, values in self.metrics.items()
        )


def mean(values: list[float]) -> float:
    """Of the folds."""
    return float(np.mean(values))


def deviation(values: list[float]) -> float:
    """The sample's standard deviation: over one less than there are folds."""
    return float(np.std(values, ddof=1))
