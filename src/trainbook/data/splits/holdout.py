"""Hold rows out of training, by chance: for validation, and for the test where no official one exists, or none is wanted yet."""

import math
from itertools import islice
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns, Mask, Rows
from trainbook.faults import Fault


class Holdout:
    """Cuts validation rows (and test rows, where the source has no official test part) from the training part.

    Args:
        validation: how many rows, or which share if below 1.
        test: the same for the test; used only when the source has none.
        stratify: a column whose values keep their shares in every part, a class or several labels; None = plain chance.
        seed: of this split alone, so that other seeds can change without moving rows.
        folds: into so many equal parts the training part is cut, for a cross-validation; None = no cross-validation.
        fold: the one of them, 0 to folds - 1, that is the test. An official test part is left out then.
    """

    def __init__(
        self,
        validation: int | float = 0.1,
        test: int | float = 0.1,
        stratify: str | None = None,
        seed: int = 0,
        folds: int | None = None,
        fold: int = 0,
    ) -> None:
        if validation <= 0 or test <= 0:
            raise ValueError(f"a positive count or share was expected; got validation={validation}, test={test}")
        if folds is not None and (folds < 2 or not 0 <= fold < folds):
            raise ValueError(f"at least two folds, and one of them, counted from 0, were expected; got {fold} of {folds}")
        self.validation, self.test, self.stratify, self.seed = validation, test, stratify, seed
        self.folds, self.fold = folds, fold

    def __call__(self, parts: dict[str, Columns]) -> dict[str, Columns]:
        """``{"train", "validation", "test"}`` from ``{"train"}`` or ``{"train", "test"}``; rows keep their order.

        Raises:
            Fault: more rows are asked for than there are, or a class is too rare to be in each part.
        """
        train = parts["train"]
        if self.folds is not None:
            mask = self._fold(train, self.folds)
            train, test = train.take(~mask), train.take(mask)
        elif "test" in parts:
            test = parts["test"]
        else:
            train, test = self._cut(train, self.test, "test")
        train, validation = self._cut(train, self.validation, "validation")
        return {"train": train, "validation": validation, "test": test}

    def _fold(self, columns: Columns, folds: int) -> Mask:
        """Which rows are in this fold: in fold after fold each row once, and in each its share of every class, or label."""
        values = np.arange(columns.rows) if self.stratify is None else columns[self.stratify]
        least, each = columns.rows, ""
        if self.stratify is not None and values.ndim == 1:
            least, each = int(np.unique(values, return_counts=True)[1].min()), f" of each {self.stratify}"
        if least < folds:
            raise Fault(f"split.folds={folds}: a row{each} for every fold was expected; there are {least}. Take fewer folds.")
        kind = self._folding(values)
        mask = np.zeros(columns.rows, dtype=bool)
        cut = kind(folds, shuffle=True, random_state=self.seed).split(values, values)
        mask[next(islice(cut, self.fold, None))[1]] = True
        return mask

    def _folding(self, values: Array) -> Any:
        """By chance, by classes, or by several labels."""
        from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
        from sklearn.model_selection import KFold, StratifiedKFold

        if self.stratify is None:
            return KFold
        return StratifiedKFold if values.ndim == 1 else MultilabelStratifiedKFold

    def _cut(self, columns: Columns, size: int | float, name: str) -> tuple[Columns, Columns]:
        """The same rows as scikit-learn's ``train_test_split``, in a tenth of its memory and without its second of import."""
        rows, random = columns.rows, np.random.RandomState(self.seed)
        wanted = math.ceil(size * rows) if isinstance(size, float) else size
        if not 0 < wanted < rows or (isinstance(size, float) and size >= 1):
            raise Fault(f"split.{name}={size} cannot be cut from {rows} rows: some rows must be left.")
        mask = np.zeros(rows, dtype=bool)
        if self.stratify is None:
            mask[random.permutation(rows)[:wanted]] = True
        elif columns[self.stratify].ndim > 1:
            mask[self._balanced(columns[self.stratify], wanted)] = True
        else:
            values = columns[self.stratify]
            classes, counts = np.unique(values, return_counts=True)
            if counts.min() < 2 or len(classes) > min(wanted, rows - wanted):
                raise Fault(
                    f"split.{name}={size} cannot be cut from {rows} rows: at least two of each {self.stratify} were expected, "
                    f"and one of each in every part; the rarest has {counts.min()}, there are {len(classes)}."
                )
            kept = _shares(counts, rows - wanted, random)
            _shares(counts - kept, wanted, random)  # scikit-learn draws twice
            for value, staying in zip(classes, kept, strict=True):
                own = np.flatnonzero(values == value)
                mask[own[random.permutation(len(own))[staying:]]] = True
        return columns.take(~mask), columns.take(mask)

    def _balanced(self, labels: Array, wanted: int) -> Rows:
        """Rows with their share of each of several labels. Source: Sechidis et al., Stratification of Multi-Label Data, 2011."""
        from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

        splitting = MultilabelStratifiedShuffleSplit(1, test_size=wanted, random_state=self.seed)
        ((_, chosen),) = splitting.split(labels, labels)
        rows: Rows = chosen
        return rows


def _shares(counts: Rows, wanted: int, random: np.random.RandomState) -> Rows:
    """How many rows of each class make ``wanted`` rows: whole parts first, then the greatest remainders, ties by chance."""
    exact = counts / counts.sum() * wanted
    shares = np.floor(exact)
    remainders = exact - shares
    for remainder in np.sort(np.unique(remainders))[::-1]:
        missing = int(wanted - shares.sum())
        if missing > 0:
            tied = np.flatnonzero(remainders == remainder)
            shares[random.choice(tied, size=min(len(tied), missing), replace=False)] += 1
    whole: Rows = shares.astype(np.int64)
    return whole
