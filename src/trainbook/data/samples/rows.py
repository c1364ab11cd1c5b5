"""Rows: samples that are one row of each column, dense or ragged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.samples.sample import Sample
from trainbook.data.steps.step import Step

if TYPE_CHECKING:  # preparing data needs no torch
    import torch

    from trainbook.batch import Batch
    from trainbook.data.augmentations.draws import Draws


class Rows(Sample):
    """Fetches rows as one Batch with one index operation a column, and finishes the Batch on its device.

    Args:
        inputs: columns that are the network's inputs, named like the parameters of its ``forward``.
        targets: columns that are to be learnt.
        deferred: fitted steps that preparation left to the device (``store: compact``).
        augment: changes to training batches, in order.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        targets: Sequence[str],
        deferred: Sequence[Step] = (),
        augment: Sequence[Callable[[Batch, Draws], Batch]] = (),
    ) -> None:
        self.inputs, self.targets = list(inputs), list(targets)
        self.deferred, self.augment = list(deferred), list(augment)
        self.states: dict[tuple[str, str], dict[str, torch.Tensor]] = {}

    def offers(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What constructors may ask for by name: each fact of an input or target.

        The column's name goes before; a single input's, and then a single target's, are offered without it, too.
        """
        flat: dict[str, Any] = {"rows": facts["counts"]["rows"]["train"]}
        for kind in ("inputs", "targets"):
            for name, known in facts[kind].items():
                told = {key: value for key, value in known.items() if key != "names"}
                flat |= {f"{name}_{key}": value for key, value in told.items()}
                if len(facts[kind]) == 1:
                    flat |= {key: value for key, value in told.items() if key not in flat}
        return flat

    def count(self, columns: Columns) -> int:
        """How many samples the columns hold."""
        return columns.rows

    def lengths(self, columns: Columns) -> NDArray[np.int64] | None:
        """Length of each sample, to put samples of like length together; None where all are equal."""
        ragged = [np.diff(columns.offsets[name]) for name in self.inputs if name in columns.offsets]
        return np.max(ragged, axis=0) if ragged else None

    def fetch(self, columns: Columns, shared: Columns, indices: NDArray[np.int64]) -> Batch:
        """The samples at ``indices`` (n,), in types as stored; a negative index fills up and is row -1."""
        import torch

        from trainbook.batch import Batch

        at = np.maximum(indices, 0)
        return Batch(
            self._fetch(columns, self.inputs, at),
            self._fetch(columns, [name for name in self.targets if name in columns], at),
            torch.from_numpy(indices),
        )

    @staticmethod
    def _fetch(columns: Columns, names: list[str], at: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        import torch

        tensors: dict[str, torch.Tensor] = {}
        for name in names:
            if name in columns.offsets:
                values, mask = _pad(_only(columns, name).take(at), name)
                tensors[name], tensors[f"{name}_mask"] = torch.from_numpy(values), torch.from_numpy(mask)
            else:
                tensors[name] = torch.from_numpy(columns[name].take(at, axis=0))
        return tensors

    def finish(self, batch: Batch, draws: Draws | None) -> Batch:
        """Cast, apply the deferred steps, zero the padding; augment only when given ``draws``. The batch stays as it is."""
        import torch

        compact = {name for step in self.deferred for name in step.columns}  # bytes become floats in one go
        inputs = {
            name: value.to(torch.float32, copy=True) if name in compact else _cast(value) for name, value in batch.inputs.items()
        }
        targets = {name: _cast(value) for name, value in batch.targets.items()}
        for step in self.deferred:
            for name in step.columns:
                if name in inputs:
                    inputs[name] = step.apply(inputs[name], **self._state(step, name, inputs[name]))
                    if f"{name}_mask" in inputs:
                        mask = inputs[f"{name}_mask"]
                        inputs[name] = inputs[name] * mask.reshape(*mask.shape, *[1] * (inputs[name].ndim - mask.ndim))
        batch = batch._replace(inputs=inputs, targets=targets)
        if draws is not None:
            for augmentation in self.augment:
                batch = augmentation(batch, draws)
        return batch

    def _state(self, step: Step, name: str, like: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the step learnt of a column, as tensors on the device of ``like``; copied there once."""
        import torch

        key = (f"{id(step)}.{name}", str(like.device))
        if key not in self.states:
            self.states[key] = {
                part.removeprefix(f"{name}."): torch.as_tensor(value).to(like.device)
                for part, value in step.state().items()
                if part.startswith(f"{name}.")
            }
        return self.states[key]


def _only(columns: Columns, name: str) -> Columns:
    return Columns({name: columns[name]}, {name: columns.offsets[name]})


def _pad(ragged: Columns, name: str) -> tuple[Array, NDArray[np.bool_]]:
    """Rows of unequal length (as ``Columns``) -> zero-padded (rows, longest, …), one step at least, and mask (rows, longest)."""
    values, lengths = ragged[name], np.diff(ragged.offsets[name])
    mask = np.arange(lengths.max(initial=1)) < lengths[:, np.newaxis]
    padded = np.zeros(mask.shape + values.shape[1:], values.dtype)
    padded[mask] = values
    return padded, mask


def _cast(value: torch.Tensor) -> torch.Tensor:
    """The types that networks and losses take: float32, int64, bool."""
    import torch

    if value.dtype == torch.bool:
        return value
    return value.to(torch.float32 if value.is_floating_point() else torch.int64)
