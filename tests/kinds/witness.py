"""A callback that leaves a word about each process."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer


class Witness(Callback):
    """Writes a file for each process of a training, beside its model."""

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = trainer.strategy.broadcast(trainer.default_root_dir)
        Path(folder, f"process {trainer.global_rank} of {trainer.world_size}").touch()
