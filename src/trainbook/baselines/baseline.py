"""A baseline is what a network is held against: it learns from the raw columns of the same training rows."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook import signatures
from trainbook.columns import Array
from trainbook.faults import Fault


class Baseline(ABC):
    """An opponent that gets columns as the source gives them, before any step, and prepares them itself.

    ``inputs`` are numbers (NaN = missing), text ("" = missing) or pictures by name, the row first; series of unequal length
    are an array of arrays (length, …), free text an array of strings, windows of a forecast (n, steps, channels). A constructor
    may ask by name for facts of the data, such as ``classes``, and for what the task offers, such as ``quantiles``.
    """

    @abstractmethod
    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        """Learn from the training rows.

        Raises:
            Fault: the targets, or the columns, are none of its kind.
        """

    @abstractmethod
    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        """Answers by row, in the target's own terms: chances of the classes (n, classes), or of the labels (n, labels);

        of a forecast the steps ahead (n, horizon), or their quantiles (n, horizon, quantiles).
        """


def only(targets: Mapping[str, Array]) -> NDArray[np.int64]:
    """The one target of rows that belong to a class (n,), or to each of several labels or not (n, labels).

    Raises:
        Fault: there are several targets, or it holds something else.
    """
    kinds = {name: f"{values.dtype} {values.shape[1:]}" for name, values in targets.items()}
    (first, *more) = targets.values()
    if more or first.dtype.kind not in "biu" or first.ndim not in (1, 2):
        raise Fault(f"This baseline takes one target of class ids or labels; got {kinds}. Take another, or baselines=none.")
    return first.astype(np.int64)


def faults(where: str, sections: Any) -> list[str]:
    """What is wrong with settings of baselines: a mapping from names, which folders bear, too, to sections with a target."""
    if not isinstance(sections, dict):
        return [f"{where}: a mapping was expected; got {sections!r}."]
    found = []
    for name, section in sections.items():
        if not re.fullmatch(r"[\w-]+", name) or not isinstance(section, dict) or "_target_" not in section:
            found.append(f"{where}.{name}: a name of letters, digits, _ and -, and a section with _target_ were expected.")
        else:
            found += _faults(f"{where}.{name}", section)
    return found


def _faults(where: str, section: dict[str, Any]) -> list[str]:
    if wrong := signatures.faults(where, section):
        return wrong
    kind: Any = signatures.locate(section["_target_"])
    if not issubclass(kind, Baseline):
        return [f"{where}: a baseline was expected, a class of trainbook.baselines.*; got {section['_target_']}."]
    try:
        signatures.fill(section, {})()
    except ValueError as error:
        return [f"{where}: {error}"]
    return []
