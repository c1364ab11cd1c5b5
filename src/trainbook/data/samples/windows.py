"""Windows: samples that are a stretch of one series, of which the past is given and the steps ahead are to be forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.samples.sample import Sample
from trainbook.faults import Fault

if TYPE_CHECKING:  # preparing data needs no torch
    from trainbook.batch import Batch
    from trainbook.data.augmentations.draws import Draws
    from trainbook.data.steps.step import Step


class Windows(Sample):
    """A window for each ``origin``, the first step ahead: ``x`` (n, history, channels) lies before it, targets (n, horizon) from
    it on; every other input is known in advance, and given for both (n, history + horizon, features).

    Columns without ``origin`` are those to forecast from: one window, whose steps ahead are the last ones.

    Args:
        inputs: ``x``, and columns that are known in advance.
        targets: columns to be forecast.
        history, horizon: steps before and from the origin; the source settles them.
        deferred: none; ``store: ready`` is expected.
        augment: changes to training batches, in order.
    """

    keeps = ("time", "origin")

    def __init__(
        self,
        inputs: Sequence[str],
        targets: Sequence[str],
        history: int,
        horizon: int,
        deferred: Sequence[Step] = (),
        augment: Sequence[Callable[[Batch, Draws], Batch]] = (),
    ) -> None:
        if history < 1 or horizon < 1:
            raise ValueError(f"history and horizon of at least 1 were expected; got {history} and {horizon}")
        if deferred:
            raise ValueError("store: ready was expected for windows")
        self.inputs, self.targets, self.augment = list(inputs), list(targets), list(augment)
        self.history, self.horizon = history, horizon

    def offers(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Shapes of a window's inputs, its lengths, and each fact of an input or target after the column's name.

        Raises:
            Fault: a split has no window.
        """
        if empty := [split for split, rows in facts["counts"]["rows"].items() if not rows]:
            raise Fault(f"split: a window in each part was expected; {', '.join(empty)} has none.")
        flat: dict[str, Any] = {"rows": facts["counts"]["rows"]["train"], "history": self.history, "horizon": self.horizon}
        for name, known in {**facts["inputs"], **facts["targets"]}.items():
            flat |= {f"{name}_{key}": value for key, value in known.items() if key not in ("names", "shape")}
        for name in self.inputs:
            flat[f"{name}_shape"] = [self.history + (0 if name == "x" else self.horizon), *facts["inputs"][name]["shape"]]
        return flat

    def origins(self, columns: Columns) -> NDArray[np.int64]:
        """The first steps ahead (n,) of all windows that lie within the columns."""
        if "origin" not in columns:
            return np.array([columns.rows - self.horizon])
        marked = np.flatnonzero(columns["origin"])
        return marked[(marked >= self.history) & (marked <= columns.rows - self.horizon)]

    def count(self, columns: Columns) -> int:
        """How many windows there are.

        Raises:
            Fault: the rows are no steps of one series, one after the other.
        """
        if "time" in columns and len(np.unique(np.diff(columns["time"]))) > 1:
            raise Fault("Rows in equal steps of time were expected of windows; some are missing. Take split: Chronological.")
        return len(self.origins(columns))

    def fetch(self, columns: Columns, shared: Columns, indices: NDArray[np.int64]) -> Batch:
        import torch

        from trainbook.batch import Batch

        at = self.origins(columns)[np.maximum(indices, 0)]
        inputs, targets = (
            {name: torch.from_numpy(values) for name, values in self._cut(columns, names, at).items()}
            for names in (self.inputs, [name for name in self.targets if name in columns])
        )
        return Batch(inputs, targets, torch.from_numpy(indices))

    def _cut(self, columns: Columns, names: Iterable[str], at: NDArray[np.int64]) -> dict[str, Array]:
        """What the windows with these origins hold of some columns."""
        ends = {name: (-self.history, 0 if name == "x" else self.horizon) for name in names}
        ends |= {name: (0, self.horizon) for name in (*self.targets, "time") if name in ends}
        return {name: columns[name].take(at[:, np.newaxis] + np.arange(*each), axis=0) for name, each in ends.items()}

    def finish(self, batch: Batch, draws: Draws | None) -> Batch:
        if draws is not None:
            for augmentation in self.augment:
                batch = augmentation(batch, draws)
        return batch

    def gather(self, columns: Columns, names: Iterable[str]) -> dict[str, Array]:
        return self._cut(columns, names, self.origins(columns))

    def beside(self, columns: Columns, indices: NDArray[np.int64]) -> dict[str, Array]:
        """The times that are forecast (n, horizon), as text."""
        times: Any = self._cut(columns, ["time"], self.origins(columns)[indices])["time"]
        return {"time": np.char.replace(times.astype("datetime64[s]").astype(str), "T", " ")}
