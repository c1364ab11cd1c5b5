"""The one data module: batches of any prepared data, in an order that is a function of seed and epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from trainbook.batch import Batch
from trainbook.columns import Columns
from trainbook.data.augmentations.draws import Draws
from trainbook.data.order import FILLER, Indices, InOrder, TrainingOrder
from trainbook.data.samples.sample import Sample

Block = list[Batch]


class DataModule(LightningDataModule):
    """Loads the splits of a prepared data set; the test split only when a stage asks for it.

    Args:
        folder: a prepared data set.
        sample: its kind of sample.
        batch_size: training rows in an optimiser's micro-batch, over all processes together.
        evaluation_batch_size: rows at once where nothing is learnt, in each process.
        steps_per_execution: batches that one call of the training step handles.
        workers: processes that fetch batches; 0 = the training process itself.
        seed: of the order of rows and of augmentation.
        batches_per_epoch, validation_batches: limits, as a count or a share; None = all.
        max_batches: how many batches the whole training may take.
        shuffle: off, every epoch takes the first rows in their order.
        balance: a column of classes, of which each epoch takes as many rows as of any other; None = each row once.
        bucket: batches whose rows are drawn together and shared out by length, so that each needs little padding.
    """

    def __init__(
        self,
        folder: Path,
        sample: Sample,
        batch_size: int,
        evaluation_batch_size: int,
        steps_per_execution: int,
        workers: int,
        seed: int,
        batches_per_epoch: float | None = None,
        validation_batches: float | None = None,
        max_batches: int | None = None,
        shuffle: bool = True,
        balance: str | None = None,
        bucket: int = 1,
    ) -> None:
        super().__init__()
        self.folder, self.sample, self.seed, self.workers, self.shuffle = folder, sample, seed, workers, shuffle
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.steps_per_execution, self.max_batches, self.validation_batches = (
            steps_per_execution,
            max_batches,
            validation_batches,
        )
        self.balance, self.bucket = balance, bucket
        self.begun = (0, 0)
        self.loaded: dict[str, Columns] = {}
        self.batches_per_epoch = _limit(-(-self.rows("train") // batch_size), batches_per_epoch)

    def go_on(self, epochs: int, batches: int) -> None:
        """Begin after that many epochs, and after that many batches since the beginning of the training."""
        self.begun = (epochs, max(0, batches - epochs * self.batches_per_epoch))

    def limit_steps(self, steps: int, accumulate: int) -> None:
        """End the training after that many optimiser steps, each of ``accumulate`` batches or the last ones of an epoch."""
        per_epoch = -(-self.batches_per_epoch // accumulate)
        epochs, rest = divmod(steps, per_epoch)
        self.max_batches = epochs * self.batches_per_epoch + rest * accumulate

    def total_batches(self, epochs: int) -> int:
        """Batches of a training of that many epochs."""
        wanted = epochs * self.batches_per_epoch
        return wanted if self.max_batches is None else min(wanted, self.max_batches)

    def epochs(self, most: int) -> int:
        """How many epochs, whole or begun, a training of at most ``most`` epochs has."""
        return -(-self.total_batches(most) // self.batches_per_epoch)

    def columns(self, split: str) -> Columns:
        """The columns of a split, mapped from disk; ``shared`` belongs to no split and may be absent."""
        if split not in self.loaded:
            folder = self.folder / split
            self.loaded[split] = Columns({}) if split == "shared" and not folder.exists() else Columns.load(folder)
        return self.loaded[split]

    def rows(self, split: str) -> int:
        """How many samples a split holds."""
        return self.sample.count(self.columns(split))

    def train_dataloader(self) -> DataLoader[Block]:
        return self._loader("train", TrainingOrder(self, self._rank(), self._world()))

    def val_dataloader(self) -> DataLoader[Block]:
        return self._loader("validation", self._in_order("validation", self.validation_batches))

    def test_dataloader(self) -> DataLoader[Block]:
        return self._loader("test", self._in_order("test", None))

    def transfer_batch_to_device(self, batch: Block, device: torch.device, dataloader_idx: int) -> Block:
        return [one.to(device) for one in batch]

    def on_after_batch_transfer(self, batch: Block, dataloader_idx: int) -> "Finishing":
        """Finish a block on its device; augment while training."""
        assert self.trainer is not None
        draws = (self.seed, self.trainer.current_epoch) if self.trainer.training else None
        return Finishing(batch, self.sample, draws, self.trainer.profiler.profile)  # type: ignore[attr-defined]

    def _loader(self, split: str, order: "Sampler[list[Indices]]") -> DataLoader[Block]:
        fetch = Fetch(self.columns(split), self.columns("shared"), self.sample)
        return DataLoader(
            fetch,
            sampler=order,
            batch_size=None,
            collate_fn=_as_it_is,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _in_order(self, split: str, limit: float | None) -> "Sampler[list[Indices]]":
        rows, size = self.rows(split), self.evaluation_batch_size
        share = np.array_split(np.arange(rows)[: size * _limit(-(-rows // size), limit)], self._world())[self._rank()]
        share = share if len(share) else np.array([FILLER])  # every process takes part in gathering
        return InOrder([[share[start : start + size]] for start in range(0, len(share), size)])

    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    def _world(self) -> int:
        return self.trainer.world_size if self.trainer else 1


class Fetch(Dataset[Block]):
    """From indices to batches."""

    def __init__(self, columns: Columns, shared: Columns, sample: Sample) -> None:
        self.columns, self.shared, self.sample = columns, shared, sample

    def __getitem__(self, block: Any) -> Block:
        return [self.sample.fetch(self.columns, self.shared, indices) for indices in block]


class Finishing(Sequence[Batch]):
    """A block whose batches are finished when their turn comes: the block stays compact, and the batch is in the cache."""

    def __init__(self, block: Block, sample: Sample, seeds: tuple[int, int] | None, profile: Any) -> None:
        self.block, self.sample, self.seeds, self.profile = block, sample, seeds, profile

    def __len__(self) -> int:
        return len(self.block)

    def __getitem__(self, at: Any) -> Any:
        with self.profile("finish"):
            return self.sample.finish(self.block[at], Draws(*self.seeds) if self.seeds else None)


def _as_it_is(block: Block) -> Block:
    return block


def _limit(batches: int, limit: float | None) -> int:
    """A limit as Lightning reads it: an int counts batches, a float is a share of them."""
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else max(1, int(batches * limit))
