"""Features: the columns of a data set one by one, each with a name, whatever arrays they lie in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns, Mask
from trainbook.portrait.many import is_text, lengths, means

Splits = Mapping[str, Columns]
Known = Mapping[str, Mapping[str, Any]]
TEXT = "UOT"


@dataclass(frozen=True)
class Feature:
    """One value a row: numbers (NaN = missing) or text ("" = missing), by split."""

    name: str
    kind: Literal["number", "category"]
    role: Literal["input", "target"]
    values: Mapping[str, Array]
    is_length: bool = False
    """Whether it says how many steps or words a row has, as padding does."""

    def missing(self, split: str) -> Mask:
        """(n,) whether a row has no value."""
        values: Any = self.values[split]
        if self.kind == "category":
            return np.asarray(values == "")
        return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)

    def present(self, split: str) -> Array:
        """The values that there are."""
        return self.values[split][~self.missing(split)]


@dataclass(frozen=True)
class Classes:
    """A target: class ids (n,) of classes that exclude each other, or (n, labels) zeros and ones."""

    name: str
    names: list[str]
    held: Mapping[str, Array]

    @property
    def exclusive(self) -> bool:
        return next(iter(self.held.values())).ndim == 1

    def counts(self) -> dict[str, list[int]]:
        """Rows of each class, by split."""
        if self.exclusive:
            return {split: np.bincount(ids, minlength=len(self.names)).tolist() for split, ids in self.held.items()}
        return {split: labels.sum(axis=0, dtype=np.int64).tolist() for split, labels in self.held.items()}

    def questions(self) -> Iterator[tuple[str, dict[str, NDArray[np.int64]]]]:
        """What one asks of a row: the class, or of each label whether it holds; ids (n,) by split."""
        for at, name in enumerate([self.name] if self.exclusive else self.names):
            whole = {split: held if self.exclusive else held[:, at] for split, held in self.held.items()}
            yield name, {split: ids.astype(np.int64) for split, ids in whole.items()}

    def features(self) -> Iterator[Feature]:
        """The same as text: the names of the classes; ``yes`` or ``no`` for each label."""
        words = np.array(self.names if self.exclusive else ["no", "yes"])
        for name, ids in self.questions():
            yield Feature(name, "category", "target", {split: words[each] for split, each in ids.items()})


@dataclass(frozen=True)
class Contents:
    """What the raw columns of a data set hold.

    Pictures, series and texts have many values a row: means and lengths are the features that stand for them here.
    """

    rows: Mapping[str, int]
    features: Sequence[Feature]
    classes: Sequence[Classes]
    many: Mapping[str, Splits]
    """Columns of pictures, of ragged values and of free text, as tables of this one column."""


def contents(splits: Splits, known: Known, targets: Sequence[str], beside: Sequence[str] = ()) -> Contents:
    """Look at raw columns.

    Args:
        known: facts by column (``names``, ``classes``, ``labels``).
        targets: names of columns.
        beside: columns that are no features, such as the time of each row.
    """
    features: list[Feature] = []
    classes: list[Classes] = []
    many: dict[str, Splits] = {}
    for name, first in splits["train"].items():
        if name in beside:
            continue
        arrays = {split: columns[name] for split, columns in splits.items()}
        if found := _classes(name, arrays, known.get(name, {}), name in targets):
            classes.append(found)
            features += found.features()
        elif name in splits["train"].offsets or first.ndim > 2 or is_text(first):
            many[name] = {split: Columns({name: columns[name]}, _offsets(columns, name)) for split, columns in splits.items()}
            role: Literal["input", "target"] = "target" if name in targets else "input"
            features += [Feature(each, "number", role, values, counts) for each, values, counts in lengths(name, many[name])]
            names = known.get(name, {}).get("names")
            features += [Feature(each, "number", role, values) for each, values in means(name, many[name], names)]
        else:
            names = known.get(name, {}).get("names")
            features += _flat(name, arrays, names, "target" if name in targets else "input")
    return Contents({split: columns.rows for split, columns in splits.items()}, features, classes, many)


def _offsets(columns: Columns, name: str) -> dict[str, NDArray[np.int64]]:
    return {name: columns.offsets[name]} if name in columns.offsets else {}


def _classes(name: str, arrays: Mapping[str, Array], known: Mapping[str, Any], target: bool) -> Classes | None:
    first = next(iter(arrays.values()))
    for words in ("classes", "labels"):
        if words in known and first.dtype.kind in "biu" and first.ndim == (1 if words == "classes" else 2):
            return Classes(name, [str(each) for each in known[words]], arrays)
    if target and first.ndim == 1 and first.dtype.kind in TEXT:
        names = np.unique(np.concatenate([values.astype(str) for values in arrays.values()]))
        ids = {split: np.searchsorted(names, values.astype(str)) for split, values in arrays.items()}
        return Classes(name, names.tolist(), ids)
    return None


def _flat(
    name: str, arrays: Mapping[str, Array], names: Sequence[str] | None, role: Literal["input", "target"]
) -> Iterator[Feature]:
    """(n,) is one feature, (n, k) are k."""
    first = next(iter(arrays.values()))
    text = first.dtype.kind in TEXT
    for at in range(first.shape[1] if first.ndim == 2 else 1):
        called = name if first.ndim == 1 else str(names[at]) if names else f"{name}[{at}]"
        columns = {split: array if array.ndim == 1 else array[:, at] for split, array in arrays.items()}
        if text:
            columns = {split: values.astype(str) for split, values in columns.items()}
        yield Feature(called, "category" if text else "number", role, columns)
