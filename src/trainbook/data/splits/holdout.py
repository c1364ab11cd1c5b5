"""Hold rows out of training, by chance: for validation, and for the test where no official one exists."""

import numpy as np
from sklearn.model_selection import train_test_split

from trainbook.columns import Columns
from trainbook.faults import Fault


class Holdout:
    """Cuts validation rows (and test rows, where the source has no official test part) from the training part.

    Args:
        validation: how many rows, or which share if below 1.
        test: the same for the test; used only when the source has none.
        stratify: a column whose values keep their shares in every part; None = plain chance.
        seed: of this split alone, so that other seeds can change without moving rows.
    """

    def __init__(
        self, validation: int | float = 0.1, test: int | float = 0.1, stratify: str | None = None, seed: int = 0
    ) -> None:
        if validation <= 0 or test <= 0:
            raise ValueError(f"a positive count or share was expected; got validation={validation}, test={test}")
        self.validation, self.test, self.stratify, self.seed = validation, test, stratify, seed

    def __call__(self, parts: dict[str, Columns]) -> dict[str, Columns]:
        """``{"train", "validation", "test"}`` from ``{"train"}`` or ``{"train", "test"}``; rows keep their order.

        Raises:
            Fault: more rows are asked for than there are, or a class is too rare to be in each part.
        """
        train = parts["train"]
        if "test" not in parts:
            train, test = self._cut(train, self.test, "test")
            parts = {**parts, "test": test}
        train, validation = self._cut(train, self.validation, "validation")
        return {"train": train, "validation": validation, "test": parts["test"]}

    def _cut(self, columns: Columns, size: int | float, name: str) -> tuple[Columns, Columns]:
        by = columns[self.stratify] if self.stratify else None
        try:
            rest, cut = train_test_split(np.arange(columns.rows), test_size=size, random_state=self.seed, stratify=by)
        except ValueError as error:
            raise Fault(f"split.{name}={size} cannot be cut from {columns.rows} rows: {error}") from error
        return columns.take(np.sort(rest)), columns.take(np.sort(cut))
