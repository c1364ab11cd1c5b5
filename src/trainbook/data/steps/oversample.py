"""Give rare classes more training rows: repeated ones, or made-up ones between neighbours."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from trainbook.columns import Array, Columns, Mask
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Oversample(Step):
    """Training rows alone: each class gets as many as the most frequent one has. Stands after imputing and encoding.

    Args:
        columns: the inputs, numbers (n, k) and encoded categories (n, c); a made-up row takes its numbers from between two
            neighbours of a class, and the most frequent categories of its neighbours.
        target: the class (n,).
        method: ``smote`` (SMOTE-NC where there are categories), or ``random``: rows are repeated.
        neighbours: of ``smote``.
        seed: of what is drawn.

    Source: imbalanced-learn; Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique, 2002.
    """

    def __init__(
        self,
        columns: Sequence[str],
        target: str = "label",
        method: Literal["smote", "random"] = "smote",
        neighbours: int = 5,
        seed: int = 0,
    ) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours of at least 1 was expected; got {neighbours}")
        self.columns, self.target, self.method, self.neighbours, self.seed = list(columns), target, method, neighbours, seed

    def fit(self, columns: Columns) -> None:
        """Nothing is learnt that a model would need."""

    def transform(self, columns: Columns) -> Columns:
        return columns

    def resample(self, columns: Columns) -> Columns:
        """The rows that were there, then the new ones.

        Raises:
            Fault: a class has fewer rows than there should be neighbours, or something is missing.
        """
        labels = columns[self.target]
        if lost := [name for name in columns if name not in (*self.columns, self.target)]:
            raise Fault(f"Oversample: all columns were expected, for a made-up row needs each; columns: lacks {', '.join(lost)}.")
        if self.method == "random":
            from imblearn.over_sampling import RandomOverSampler

            rows = np.arange(len(labels))[:, np.newaxis]
            chosen, _ = RandomOverSampler(random_state=self.seed).fit_resample(rows, labels)
            return columns.take(chosen[:, 0].astype(np.int64))
        parts = [columns[name].reshape(len(labels), -1) for name in self.columns]
        try:
            made, of = self._smote(parts).fit_resample(np.concatenate(parts, axis=1, dtype=np.float64), labels)
        except ValueError as error:
            raise Fault(
                f"Oversample: whole numbers and encoded categories, and over {self.neighbours} rows of each class, were expected "
                f"({' '.join(str(error).split())[:160]}). Take fewer neighbours, or method: random."
            ) from error
        new: dict[str, Array] = {self.target: of.astype(labels.dtype)}
        for name, part in zip(
            self.columns, np.split(made, np.cumsum([part.shape[1] for part in parts])[:-1], axis=1), strict=True
        ):
            new[name] = part.reshape(len(made), *columns[name].shape[1:]).astype(columns[name].dtype)
        return Columns(new)

    def _smote(self, parts: Sequence[Array]) -> Any:
        from imblearn.over_sampling import SMOTE, SMOTENC

        words = np.concatenate([_worded(part) for part in parts])
        how = {"random_state": self.seed, "k_neighbors": self.neighbours}
        return SMOTENC(np.flatnonzero(words).tolist(), **how) if words.any() else SMOTE(**how)

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Nothing to take back."""


def _worded(part: Array) -> Mask:
    """Which features (k,) are taken as words: ids, and numbers that are 0 or 1, such as whether something was missing."""
    found: Mask = np.logical_and.reduce(np.isin(part, (0, 1)) | (part.dtype.kind in "iu"), axis=0)
    return found
