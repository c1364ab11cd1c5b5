"""Sequences of unequal length with one label each, from a JSON file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.sources.source import Inputs, Source
from trainbook.faults import Fault


class Sequences(Source):
    """Columns ``x`` (ragged, channels) and ``label`` from a list of ``{"values": [[…], …], "label": …}``.

    Args:
        path: the file.
        channels: numbers at each moment.
        classes: the labels, in order.
    """

    def __init__(self, path: str, channels: int, classes: Sequence[str]) -> None:
        self.path, self.channels, self.classes = Path(path), channels, list(classes)

    def files(self) -> list[Path]:
        return [self.path]

    def facts(self) -> dict[str, dict[str, Any]]:
        return {"label": {"classes": self.classes}}

    def load(self) -> dict[str, Columns]:
        listed = _listed(self.path)
        x = self._ragged([each["values"] for each in listed])
        return {"train": x.replace(label=np.array([self.classes.index(each["label"]) for each in listed]))}

    def read(self, path: Path) -> Inputs:
        listed = _listed(path)
        names = [f"{path.name}[{row}]" for row in range(len(listed))]
        return Inputs(len(listed), iter([(names, self._ragged([each["values"] for each in listed]))]))

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        if set(arrays) != {"x"}:
            raise Fault(f"Sequences x were expected; got {sorted(arrays)}.")
        return self._ragged(arrays["x"])

    def example(self) -> dict[str, Array]:
        x = self.load()["train"].take(np.arange(3))
        lengths = np.diff(x.offsets["x"])
        mask = np.arange(lengths.max()) < lengths[:, np.newaxis]
        padded = np.zeros((*mask.shape, self.channels), np.float32)
        padded[mask] = x["x"]
        return {"x": padded, "x_mask": mask}

    def _ragged(self, sequences: Sequence[Any]) -> Columns:
        values = [np.asarray(each, np.float32).reshape(len(each), -1) for each in sequences]
        wrong = [row for row, each in enumerate(values) if each.shape[1] != self.channels]
        if wrong:
            raise Fault(f"Sequences of {self.channels} channels were expected; sequence {wrong[0]} has others.")
        offsets = np.cumsum([0, *(len(each) for each in values)])
        return Columns({"x": np.concatenate(values)}, {"x": offsets})


def _listed(path: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return listed
