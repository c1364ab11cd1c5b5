"""A collection keeps what was predicted of each row until the epoch's end, when everything is measured at once."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.utilities.distributed import gather_all_tensors

Named = dict[str, Tensor]
Kept = tuple[Tensor, Named, Named]

TOGETHER = 32
"""Batches that are joined at once."""


class Collection:
    """Predictions and targets of a split; read once, sorted by row, each row once, from all processes.

    Args:
        every: only every so-manyth batch is kept, the first one always.
    """

    def __init__(self, every: int = 1) -> None:
        self.every, self.batches = every, 0
        self.fresh: list[Kept] = []
        self.joined: list[Kept] = []

    def add(self, row: Tensor, predictions: Named, targets: Named) -> None:
        """Keep a batch; nothing is computed here. Thousands of small tensors would leave holes in memory, so they are joined."""
        if self.batches % self.every == 0:
            self.fresh.append((row, {name: value.detach() for name, value in predictions.items()}, targets))
            if len(self.fresh) == TOGETHER:
                self.joined.append(_together(self.fresh))
                self.fresh = []
        self.batches += 1

    def state(self) -> dict[str, Any]:
        """What was kept so far, for a checkpoint within an epoch."""
        together = [*self.joined, *self.fresh]
        return {"batches": self.batches, "kept": _together(together) if together else None}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        """Take back what ``state`` gave."""
        self.batches = state["batches"]
        if state["kept"] is not None:
            rows, *tables = state["kept"]
            predictions, targets = ({name: value.to(device) for name, value in table.items()} for table in tables)
            self.joined = [(rows.to(device), predictions, targets)]

    def read(self, several: bool) -> Kept:
        """Rows (n,), predictions and targets by name, first dimension n, floats in float32; ``several`` processes gather."""
        everyones = _gather if several else _as_it_is
        rows, *tables = _together([*self.joined, *self.fresh])
        self.joined, self.fresh = [], []
        rows = everyones(rows)
        order = torch.unique(rows, return_inverse=True)[1]
        first = torch.full((int(order.max()) + 1,), len(rows), device=rows.device)
        first.scatter_reduce_(0, order, torch.arange(len(rows), device=rows.device), "amin")
        first = first[rows[first] >= 0]
        predictions, targets = ({name: everyones(value)[first] for name, value in named.items()} for named in tables)
        return rows[first], predictions, targets


def _together(batches: list[Kept]) -> Kept:
    """All batches as one."""
    rows, *tables = zip(*batches, strict=True)
    predictions, targets = ({name: _join([batch[name] for batch in table]) for name in table[0]} for table in tables)
    return torch.cat(rows), predictions, targets


def _gather(value: Tensor) -> Tensor:
    widest = [torch.tensor(value.shape[1:], device=value.device)]
    sizes = torch.stack(gather_all_tensors(widest[0])).amax(0).tolist() if value.ndim > 1 else []
    return torch.cat(gather_all_tensors(_widen(value, sizes).contiguous()))


def _as_it_is(value: Tensor) -> Tensor:
    return value


def _join(values: list[Tensor]) -> Tensor:
    """One tensor of all batches; ragged ones were padded to different lengths and are padded to the longest."""
    widest = [max(sizes) for sizes in zip(*(value.shape[1:] for value in values), strict=True)]
    joined = torch.cat([_widen(value, widest) for value in values])
    return joined.float() if joined.is_floating_point() else joined


def _widen(value: Tensor, sizes: list[int]) -> Tensor:
    if list(value.shape[1:]) == sizes:
        return value
    missing = [size - have for size, have in zip(sizes, value.shape[1:], strict=True)]
    return F.pad(value, [amount for more in reversed(missing) for amount in (0, more)])


def by_process(mine: Any) -> list[Any] | None:
    """What each process has, in the order of their ranks, for the first one, which writes; None for the others."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return [mine]
    mine = move_data_to_device(mine, torch.device("cpu"))
    first = torch.distributed.get_rank() == 0
    gathered = [None] * torch.distributed.get_world_size() if first else None
    torch.distributed.gather_object(mine, gathered)
    return gathered


def scalars(split: str, metrics: Mapping[str, Any]) -> Named:
    """The metrics that are one number each, as float32, by the names that a log has for them, such as ``val/loss``."""
    found = {f"{split}/{name}": torch.as_tensor(value).float() for name, value in metrics.items()}
    return {name: value for name, value in found.items() if value.ndim == 0}
