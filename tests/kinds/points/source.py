"""Points in the plane, from a csv file: nothing but targets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.sources.source import Inputs, Source


class Points(Source):
    """Column ``point`` (n, 2). For predicting, a text file with a line for each point that is wanted.

    Args:
        path: the file: two numbers a line.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def files(self) -> list[Path]:
        return [self.path]

    def facts(self) -> dict[str, dict[str, Any]]:
        return {}

    def load(self) -> dict[str, Columns]:
        return {"train": Columns({"point": np.loadtxt(self.path, np.float32, delimiter=",")})}

    def read(self, path: Path) -> Inputs:
        names = path.read_text(encoding="utf-8").splitlines()
        return Inputs(len(names), iter([(names, self.accept({"wanted": np.arange(len(names))}))]))

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        return Columns({"wanted": np.asarray(arrays["wanted"])})

    def example(self) -> dict[str, Array]:
        return {"wanted": np.arange(3)}
