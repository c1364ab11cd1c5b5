"""A recipe: how a task descends, attached by assembly; predicting needs none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

MEASURED = 100_000
"""Training rows of an epoch whose predictions are kept for the metrics; of more rows, every so-manyth batch is."""


@dataclass(frozen=True)
class Scheduling:
    """A scheduler's factory, and whether it acts after each optimiser ``step`` or each ``epoch``."""

    create: Callable[[Optimizer], LRScheduler | ReduceLROnPlateau]
    interval: str


@dataclass(frozen=True)
class Recipe:
    """Optimisers and schedulers by part, and what holds for all parts.

    ``clip`` limits gradients by ``clip_by`` (``norm`` or ``value``); ``accumulate`` batches make one optimiser step;
    ``batches_per_epoch`` and ``max_batches`` say when an epoch's last step is due; ``measure_every`` is the distance of the
    batches whose predictions are kept.
    """

    optimizers: dict[str, Callable[[Iterable[Any]], Optimizer]]
    schedulers: dict[str, Scheduling] = field(default_factory=dict)
    seed: int = 0
    clip: float | None = None
    clip_by: str = "norm"
    accumulate: int = 1
    batches_per_epoch: int = 1
    max_batches: int | None = None
    measure_every: int = 1

    def ends_epoch(self, batches: int) -> bool:
        """Whether an epoch ends after that many batches since the beginning of the training."""
        return batches % self.batches_per_epoch == 0 or batches == self.max_batches
