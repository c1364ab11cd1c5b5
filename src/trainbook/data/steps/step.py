"""A step prepares columns: it learns from the training rows and changes all rows alike."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from trainbook.columns import Array, Columns, Mask


class Step(ABC):
    """One preparation. It tolerates absent columns, for targets are absent when predicting."""

    on_device = False
    """True: ``transform`` is ``apply`` on each of ``self.columns``, so that it can be left to the device."""
    columns: list[str]

    def keep(self, columns: Columns) -> Mask | None:
        """Which training rows stay, as a mask, before anything is split or learnt; None = all."""
        return None

    @abstractmethod
    def fit(self, columns: Columns) -> None:
        """Learn from the training rows."""

    @abstractmethod
    def transform(self, columns: Columns) -> Columns:
        """Change rows by what was learnt."""

    def resample(self, columns: Columns) -> Columns:
        """Training rows left out, repeated or made up, after ``transform``; no other rows come here."""
        return columns

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """What was learnt, as arrays."""

    @abstractmethod
    def restore(self, state: Mapping[str, Array]) -> None:
        """Take back what ``state`` gave."""

    def document(self) -> str | None:
        """What was learnt that is no array, as JSON, in a file of its own; a step that gives it needs it back."""
        return None

    def reopen(self, document: str) -> None:
        """Take back what ``document`` gave; called after ``restore``."""
        return

    def facts(self) -> dict[str, dict[str, Any]]:
        """What was learnt and a network may ask for, by column: ``{"colour": {"sizes": [4]}}``."""
        return {}

    def names(self, column: str, names: list[str]) -> list[str]:
        """What the features of a column are called after this step, from what they were called before."""
        return names

    def pieces(self, column: str, columns: Columns) -> list[list[str]] | None:
        """What each place of each row is called that this step makes of a column, such as a word; None = it has no names."""
        return None

    @staticmethod
    def apply(values: Any, **state: Any) -> Any:
        """The arithmetic alone, on float32 arrays of numpy or tensors of torch, with equal results; may write over ``values``."""
        raise TypeError("this step cannot be left to the device")
