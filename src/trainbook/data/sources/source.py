"""A source knows the raw files of a data set and turns them into columns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trainbook.columns import Array, Columns
from trainbook.faults import Fault
from trainbook.files import file_digest

AT_ONCE = 1000
"""Rows that are read, and answered, at once."""


class Inputs(NamedTuple):
    """Raw inputs of a file or folder of any size."""

    rows: int | None
    """How many there are; None where only reading them tells."""
    pieces: Iterator[tuple[list[str], Columns]]
    """A name for each row, and the rows, some at a time."""


class Source(ABC):
    """What raw files hold, and their official parts if they have some.

    Paths in settings are relative to the project's root. Everything read is checked here, once.
    """

    settles: Mapping[str, Any] = {}
    """What its settings say that split and sample may ask for by name, such as how long a window is."""

    @abstractmethod
    def files(self) -> list[Path]:
        """The raw files, in a fixed order; their contents identify the raw data."""

    def digests(self) -> dict[str, str]:
        """sha256 of each raw file, by path.

        Raises:
            Fault: one is missing.
        """
        found = {}
        for path in self.files():
            if not path.is_file():
                raise Fault(f"{path} does not exist. `dvc pull data.dvc` brings the raw data.")
            found[path.as_posix()] = file_digest(path)
        return found

    @abstractmethod
    def load(self) -> dict[str, Columns]:
        """Check and read everything: ``{"train": …, "test": …}``, or ``{"train": …}`` where no part is official.

        Raises:
            Fault: a file is missing, damaged, or not what the settings say.
        """

    @abstractmethod
    def facts(self) -> dict[str, dict[str, Any]]:
        """What is known of columns beforehand, such as ``{"label": {"classes": ["cat", "dog"]}}``; asked for after ``load``."""

    def restore(self, raw: Mapping[str, Mapping[str, Any]]) -> None:
        """Take back what the facts of a model say of its raw columns, in place of ``load``."""
        return

    @abstractmethod
    def read(self, path: Path) -> Inputs:
        """Read raw inputs without targets from a file or folder, for predicting.

        Raises:
            Fault: the path holds no inputs of this kind; some are found out only as the pieces come.
        """

    @abstractmethod
    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        """Check raw inputs that are already arrays (by input name, rows first), as a served model gets them.

        Raises:
            Fault: a name, type, shape or range does not fit.
        """

    @abstractmethod
    def example(self) -> dict[str, Array]:
        """A few raw inputs in the form that ``accept`` takes."""
