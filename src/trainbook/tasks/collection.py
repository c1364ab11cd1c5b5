"""A collection keeps what was predicted of each row until the epoch's end, when everything is measured at once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.utilities.distributed import gather_all_tensors

Named = dict[str, Tensor]


class Collection:
    """Predictions, targets and losses of a split; read once, sorted by row, each row once, from all processes."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []
        self.predictions: list[Named] = []
        self.targets: list[Named] = []
        self.losses: list[dict[str, Any]] = []

    def add(self, row: Tensor, predictions: Named, targets: Named, losses: dict[str, Any] | None = None) -> None:
        """Keep a batch; nothing is computed here."""
        self.rows.append(row)
        self.predictions.append(predictions)
        self.targets.append(targets)
        if losses is not None:
            self.losses.append(losses)

    def read(self, several: bool) -> tuple[Tensor, Named, Named]:
        """Rows (n,), predictions and targets by name, first dimension n, floats in float32; ``several`` processes gather."""
        everyones = _gather if several else _as_it_is
        rows = everyones(torch.cat(self.rows))
        order = torch.unique(rows, return_inverse=True)[1]
        first = torch.full((int(order.max()) + 1,), len(rows), device=rows.device)
        first.scatter_reduce_(0, order, torch.arange(len(rows), device=rows.device), "amin")
        first = first[rows[first] >= 0]
        tables = []
        for batches in (self.predictions, self.targets):
            joined = {name: everyones(_join([batch[name] for batch in batches])) for name in batches[0]}
            tables.append({name: value[first] for name, value in joined.items()})
        return rows[first], tables[0], tables[1]

    def mean_losses(self, several: bool) -> dict[str, float]:
        """Each loss averaged over the units that it averages itself."""
        means = {}
        weights = torch.tensor([float(losses["weight"]) for losses in self.losses], dtype=torch.float64)
        for name in [name for name in self.losses[0] if name != "weight"] if self.losses else []:
            values = torch.stack([losses[name].detach() for losses in self.losses]).double().cpu()
            sums = torch.stack([(values * weights).sum(), weights.sum()])
            if several:
                sums = torch.stack(gather_all_tensors(sums.to(self.rows[0].device))).sum(0)
            means[name] = float(sums[0] / sums[1])
        return means


def _gather(value: Tensor) -> Tensor:
    widest = [torch.tensor(value.shape[1:], device=value.device)]
    sizes = torch.stack(gather_all_tensors(widest[0])).amax(0).tolist() if value.ndim > 1 else []
    return torch.cat(gather_all_tensors(_widen(value, sizes).contiguous()))


def _as_it_is(value: Tensor) -> Tensor:
    return value


def _join(values: list[Tensor]) -> Tensor:
    """One tensor of all batches; ragged ones were padded to different lengths and are padded to the longest."""
    widest = [max(sizes) for sizes in zip(*(value.shape[1:] for value in values), strict=True)]
    joined = torch.cat([_widen(value.detach(), widest) for value in values])
    return joined.float() if joined.is_floating_point() else joined


def _widen(value: Tensor, sizes: list[int]) -> Tensor:
    if list(value.shape[1:]) == sizes:
        return value
    missing = [size - have for size, have in zip(sizes, value.shape[1:], strict=True)]
    return F.pad(value, [amount for more in reversed(missing) for amount in (0, more)])
