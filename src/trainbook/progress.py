"""The progress bar of a training."""

import time
from typing import Any

from pytorch_lightning.callbacks import TQDMProgressBar

PAUSE = 0.1
"""Seconds between two pictures of the bar: more often costs time, and nobody sees it."""


class Progress(TQDMProgressBar):
    """Lightning's bar, with the losses of the last block and the monitored metric of the last epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0.0

    def _should_update(self, current: int, total: int | float) -> bool:
        """Lightning's own counts batches; a clock serves short ones and long ones."""
        now = time.monotonic()
        if not self.is_enabled or (current < total and now - self.drawn < PAUSE):
            return False
        self.drawn = now
        return True

    def init_train_tqdm(self) -> Any:
        bar = super().init_train_tqdm()
        bar.unit = "block"  # of data.steps_per_execution batches
        return bar

    def get_metrics(self, trainer: Any, pl_module: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        losses = pl_module.descent.means.losses if pl_module.descent is not None else []
        if losses:
            shown |= {name: float(value) for name, value in losses[-1].items()}
        monitored = trainer.callback_metrics.get(pl_module.monitor)
        return shown | ({} if monitored is None else {pl_module.monitor: float(monitored)})
