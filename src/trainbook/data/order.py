"""The order of rows: which rows make which batch, as a function of seed and epoch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

if TYPE_CHECKING:
    from trainbook.data.module import DataModule

Indices = NDArray[np.int64]

FILLER = -1
"""Stands for a row where a process has none; see ``Batch.row``."""


class TrainingOrder(Sampler[list[Indices]]):
    """Blocks of training batches: every process draws the same order and takes its share of each batch."""

    def __init__(self, module: "DataModule", rank: int, world: int) -> None:
        self.module, self.rank, self.world = module, rank, world
        self.epoch = module.begun[0]  # workers may ask for rows before anybody says which epoch it is

    def set_epoch(self, epoch: int) -> None:
        """Lightning says before each epoch which one it is."""
        self.epoch = epoch

    def batches(self) -> int:
        """Batches in this epoch: fewer where the training ends within it."""
        per_epoch, most = self.module.batches_per_epoch, self.module.max_batches
        return per_epoch if most is None else max(0, min(per_epoch, most - self.epoch * per_epoch))

    def done(self) -> int:
        """Batches of this epoch that an earlier process has made."""
        epoch, batches = self.module.begun
        return batches if epoch == self.epoch else 0

    def __len__(self) -> int:
        several = self.module.steps_per_execution
        return -(-self.batches() // several) - self.done() // several

    def __iter__(self) -> Iterator[list[Indices]]:
        rows, size, several = self.module.rows("train"), self.module.batch_size, self.module.steps_per_execution
        order = self._bucketed(self._order(rows), size)
        batches, done = self.batches(), self.done()
        for first in range(done - done % several, batches, several):
            block = range(max(first, done), min(first + several, batches))
            yield [self._share(order[at * size : (at + 1) * size]) for at in block]

    def _order(self, rows: int) -> Indices:
        """All rows, each once; or, balanced, as many rows of each class, drawn with replacement."""
        if not self.module.shuffle:
            return np.arange(rows)
        draws = np.random.default_rng([self.module.seed, self.epoch])
        if self.module.balance is None:
            return draws.permutation(rows)
        labels = self.module.columns("train")[self.module.balance]
        found, back, counts = np.unique(labels, return_inverse=True, return_counts=True)
        return draws.choice(rows, rows, p=1 / (len(found) * counts[back]))

    def _bucketed(self, order: Indices, size: int) -> Indices:
        """The rows of every so many batches shared out by length, batches of like lengths in an order drawn by chance.

        The last batch, which may be smaller, stays the last one.
        """
        lengths = self.module.sample.lengths(self.module.columns("train")) if self.module.bucket > 1 else None
        if lengths is None or not self.module.shuffle:
            return order
        whole, found = len(order) // size * size, []
        for start in range(0, whole, size * self.module.bucket):
            some = order[start : min(start + size * self.module.bucket, whole)]
            found.append(some[np.argsort(lengths[some], kind="stable")].reshape(-1, size))
        batches = np.concatenate(found) if found else order[:0].reshape(0, size)
        draws = np.random.default_rng([self.module.seed, self.epoch, 1])
        return np.concatenate([draws.permutation(batches).reshape(-1), order[whole:]])

    def _share(self, batch: Indices) -> Indices:
        mine = batch[self.rank :: self.world]
        return mine if len(mine) else np.array([FILLER])  # every process takes part in every step


class InOrder(Sampler[list[Indices]]):
    """Blocks of rows in their own order, each row once."""

    def __init__(self, blocks: list[list[Indices]]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[list[Indices]]:
        return iter(self.blocks)
