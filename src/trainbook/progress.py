"""The progress bar of a training."""

from typing import Any

from pytorch_lightning.callbacks import TQDMProgressBar


class Progress(TQDMProgressBar):
    """Lightning's bar, with the losses of the last block and the monitored metric of the last epoch."""

    def init_train_tqdm(self) -> Any:
        bar = super().init_train_tqdm()
        bar.unit = "block"  # of data.steps_per_execution batches
        return bar

    def get_metrics(self, trainer: Any, pl_module: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        losses = pl_module.descent.losses if pl_module.descent is not None else []
        if losses:
            shown |= {name: float(value) for name, value in losses[-1].items()}
        monitored = trainer.callback_metrics.get(pl_module.monitor)
        return shown | ({} if monitored is None else {pl_module.monitor: float(monitored)})
