"""A sample is a kind of example: how prepared columns become the batches that a network sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns

if TYPE_CHECKING:  # preparing data needs no torch
    from trainbook.batch import Batch
    from trainbook.data.augmentations.draws import Draws


class Sample(ABC):
    """What a data set's rows are to a network. A kind says how many examples there are, and fetches and finishes them."""

    keeps: Sequence[str] = ()
    """Columns that are stored for it, beside inputs and targets."""

    @abstractmethod
    def offers(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What constructors may ask for by name, from the facts."""

    @abstractmethod
    def count(self, columns: Columns) -> int:
        """How many examples the columns hold."""

    def lengths(self, columns: Columns) -> NDArray[np.int64] | None:
        """Length of each example, to put those of like length together; None where all are equal."""
        return None

    @abstractmethod
    def fetch(self, columns: Columns, shared: Columns, indices: NDArray[np.int64]) -> Batch:
        """The examples at ``indices`` (n,), in types as stored; a negative index fills up and is row -1."""

    @abstractmethod
    def finish(self, batch: Batch, draws: Draws | None) -> Batch:
        """Cast and finish on the batch's device; augment only when given ``draws``. The batch stays as it is."""

    def gather(self, columns: Columns, names: Iterable[str]) -> dict[str, Array]:
        """The named columns with one entry an example, for those who are no network; a ragged one is an array of arrays."""
        return {name: columns.entries(name) for name in names}

    def beside(self, columns: Columns, indices: NDArray[np.int64]) -> dict[str, Array]:
        """What stands beside the answers to the examples at ``indices``, such as the time that each is for."""
        return {}
