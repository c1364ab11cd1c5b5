"""Checkpoints: where a training can go on from, and the best epoch so far."""

from pathlib import Path

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.callbacks import ModelCheckpoint


def keeper(folder: Path, monitor: str, mode: str) -> ModelCheckpoint:
    """A callback that keeps the best epoch's checkpoint in ``folder``."""
    return ModelCheckpoint(
        folder,
        filename="epoch={epoch}",
        monitor=monitor,
        mode=mode,
        auto_insert_metric_name=False,
        save_on_train_epoch_end=monitor.startswith("train/"),
        enable_version_counter=False,
    )


def take_best(module: LightningModule, kept: ModelCheckpoint) -> int | None:
    """Put the best epoch's weights and buffers into a module; returns the epoch, None where none was kept."""
    if not kept.best_model_path:
        return None
    checkpoint = torch.load(kept.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    return int(checkpoint["epoch"])
