"""Checkpoints: where a training can go on from, and the best epoch so far."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from trainbook.faults import Fault, Interrupted
from trainbook.files import sha256
from trainbook.mistakes import first_line

SUFFIX = ".ckpt"
DIGITS = 16
"""Of the sha256 of a checkpoint that its name carries."""


class Checkpoints(Checkpoint):
    """Saves at the end of each epoch, within an epoch every few minutes, and when the process is asked to leave.

    A checkpoint is named after its position, finished epochs and batches since the beginning, and after its digest:
    ``0003-000002814-0f32….ckpt`` appears whole or not at all, and what is torn does not fit its name.
    Ctrl-C and SIGTERM end the training after the step that is being made; a second one ends it at once.

    Args:
        folder: where checkpoints lie.
        monitor, mode: the metric that chooses the best epoch, and whether a small (``min``) or great (``max``) value is good.
        keep: how many of the last ones stay; the best epochs that they know stay, too.
        minutes: between two checkpoints within an epoch.
    """

    def __init__(self, folder: Path, monitor: str, mode: str, keep: int, minutes: float) -> None:
        self.folder, self.monitor, self.mode, self.keep, self.minutes = folder, monitor, mode, keep, minutes
        self.best: dict[str, Any] = {"epoch": None, "value": None, "position": None}
        self.needed: list[tuple[str, str | None]] = []
        self.asked = 0
        self.saved_at = time.monotonic()
        self.handlers: dict[int, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "needed": self.needed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.needed = state_dict["best"], [tuple(each) for each in state_dict["needed"]]

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Lightning's own loops shall begin the epoch anew; which batches of it are left is known to the order of rows."""
        checkpoint["stopped"] = trainer.should_stop
        checkpoint["epochs"] = trainer.logger.so_far(trainer.current_epoch, pl_module.noted)  # type: ignore
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
        finished = progress["current"]["processed"]
        for counted in progress["current"], progress["total"]:
            counted.update(dict.fromkeys(counted, finished))

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        trainer.should_stop = checkpoint["stopped"]
        trainer.logger.go_on(checkpoint["epochs"])  # type: ignore[union-attr]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # an epoch that was begun elsewhere has fewer blocks; Lightning takes those of the first epoch for those of all
        trainer.val_check_batch = float("inf")
        trainer.fit_loop._combined_loader.limits = None  # type: ignore[union-attr]
        self.saved_at = time.monotonic()
        for number in signal.SIGINT, signal.SIGTERM:
            self.handlers[number] = signal.signal(number, lambda number, _: self._ask(number, trainer, pl_module))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.fit_loop.max_batches = len(trainer.train_dataloader)  # type: ignore[arg-type]

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        if pl_module.recipe.ends_epoch(pl_module.descent.batches):
            return  # validation and the epoch's end come first
        due = trainer.is_global_zero and time.monotonic() - self.saved_at >= 60 * self.minutes
        wanted = _of_all(trainer, self.asked or int(due))
        if wanted:
            self._save(trainer, pl_module)
        if wanted > 1:
            raise Interrupted(wanted)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        value, epoch = pl_module.noted.get(self.monitor), trainer.current_epoch
        if value is not None and (self.best["value"] is None or self._better(float(value), self.best["value"])):
            self.best = {"epoch": epoch, "value": float(value), "position": _position(trainer, pl_module)}
        self._save(trainer, pl_module)
        if wanted := _of_all(trainer, self.asked):
            raise Interrupted(wanted)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        while self.handlers:
            signal.signal(*self.handlers.popitem())

    def _ask(self, number: int, trainer: Trainer, pl_module: Any) -> None:
        if self.asked:
            raise Interrupted(number)
        self.asked, pl_module.leaving = number, trainer.world_size == 1  # several processes leave at the end of a block

    def _better(self, value: float, best: float) -> bool:
        return value < best if self.mode == "min" else value > best

    def _save(self, trainer: Trainer, pl_module: Any) -> None:
        position = _position(trainer, pl_module)
        self.needed = [*self.needed, (position, self.best["position"])][-self.keep :]
        new = self.folder / f".{position}"
        with pl_module.profile("checkpoint"):
            trainer.save_checkpoint(new)
            if trainer.is_global_zero:
                with new.open("rb+") as file:
                    os.fsync(file.fileno())
                made = new.rename(self.folder / f"{position}-{sha256([new])[:DIGITS]}{SUFFIX}")
                self._tidy(made)
        self.saved_at = time.monotonic()

    def _tidy(self, made: Path) -> None:
        needed = {position for each in self.needed for position in each}
        for path in self.folder.iterdir():
            position = path.name.rpartition("-")[0]
            if path != made and (position not in needed or position == made.name.rpartition("-")[0]):
                path.unlink()


def latest(folder: Path) -> tuple[Path | None, list[Path]]:
    """The last whole checkpoint of a folder, and the torn ones that were passed over."""
    torn: list[Path] = []
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=position, reverse=True):
        if _whole(path):
            return path, torn
        torn.append(path)
    return None, torn


def position(path: Path) -> tuple[int, int]:
    """Finished epochs, and batches since the beginning of the training, of a checkpoint."""
    epochs, batches, _ = path.stem.split("-")
    return int(epochs), int(batches)


def take_best(module: LightningModule, kept: Checkpoints) -> int | None:
    """Put the best epoch's weights and buffers into a module; returns the epoch, None where none was kept.

    Raises:
        Fault: the checkpoint is damaged or gone.
    """
    if kept.best["epoch"] is None:
        return None
    path = next(kept.folder.glob(f"{kept.best['position']}-*{SUFFIX}"), None)
    if path is None or not _whole(path):
        raise Fault(f"{kept.folder}: the checkpoint of the best epoch ({kept.best['position']}) is damaged. Train with --fresh.")
    module.load_state_dict(read(path)["state_dict"])
    return int(kept.best["epoch"])


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's contents: tensors and plain values, and never code.

    Raises:
        Fault: it is damaged.
    """
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, by where it is damaged
        raise Fault(f"{path} is damaged ({type(error).__name__}: {first_line(error)[:100]}). Train with --fresh.") from error
    return found


def _whole(path: Path) -> bool:
    return path.stem.rpartition("-")[2] == sha256([path])[:DIGITS]


def _position(trainer: Trainer, module: Any) -> str:
    """Of this very moment, as names of checkpoints begin."""
    finished: Any = trainer.fit_loop.epoch_progress.current
    return f"{finished.processed:04d}-{module.descent.batches:09d}"


def _of_all(trainer: Trainer, wanted: int) -> int:
    """The greatest of all processes' wishes: they must save and leave together."""
    if trainer.world_size == 1:
        return wanted
    return int(trainer.strategy.reduce(torch.tensor(wanted, device=trainer.strategy.root_device), reduce_op="max"))
