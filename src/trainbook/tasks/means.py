"""Means of an epoch: each loss over the units that it averages."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors


class Means:
    """Losses are kept as tensors and looked at once a block: a look at each would wait for the device each time."""

    def __init__(self) -> None:
        self.losses: list[dict[str, Any]] = []
        self.weights: list[float] = []
        self.seen: dict[str, list[Tensor]] = {}

    def begin(self) -> None:
        """A new block."""
        self.losses, self.weights = [], []

    def note(self, losses: dict[str, Any], counts: bool) -> None:
        """Remember the losses of a batch; one that does not count stands for no units."""
        self.weights.append(float(losses["weight"]) if counts else 0.0)
        self.losses.append({name: value.detach() for name, value in losses.items() if name != "weight"})

    def look(self) -> tuple[str, int, float] | None:
        """At the block's losses, which must be finite: name, batch and value of the first one that is not, if there is one."""
        for name in {name: None for losses in self.losses for name in losses}:  # some may come with some batches only
            batches = [batch for batch, losses in enumerate(self.losses) if name in losses]
            values = torch.stack([self.losses[batch][name] for batch in batches]).cpu().double()
            if not values.isfinite().all():
                bad = int((~values.isfinite()).nonzero()[0])
                return name, batches[bad], float(values[bad])
            weights = torch.tensor([self.weights[batch] for batch in batches], dtype=torch.float64)
            self.seen.setdefault(name, []).append(torch.stack([values, weights]))
        return None

    def read(self, several: bool, device: torch.device) -> dict[str, float]:
        """The means of all ``several`` processes; added up at once, for it must not matter how an epoch is cut into blocks."""
        means = {}
        for name, seen in self.seen.items():
            values, weights = torch.cat(seen, dim=1)
            sums = torch.stack([values @ weights, weights.sum()])
            if several:
                sums = torch.stack(gather_all_tensors(sums.to(device))).sum(0)
            means[name] = float(sums[0] / sums[1])
        self.seen = {}
        return means
