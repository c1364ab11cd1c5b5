"""A callback that times epochs; a project names it in conf/trusted.yaml, and an experiment under callbacks."""

import json
import os
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback

FILE = "BENCHMARK_EPOCHS"


class Stopwatch(Callback):
    """Seconds from the start of each epoch to that of the next one, validation and book-keeping included."""

    epochs: list[float] = []  # noqa: RUF012  # of the last training in this process
    ended = 0.0

    def __init__(self) -> None:
        self.starts: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self.starts.append(time.perf_counter())

    def on_fit_end(self, trainer: Any, *_: Any) -> None:
        Stopwatch.ended = time.perf_counter()
        self.starts.append(Stopwatch.ended)
        Stopwatch.epochs = [later - earlier for earlier, later in zip(self.starts, self.starts[1:], strict=False)]
        if os.environ.get(FILE) and trainer.is_global_zero:
            Path(os.environ[FILE]).write_text(json.dumps(Stopwatch.epochs), encoding="utf-8")


class FirstStep(Callback):
    """Notes the time of the first optimiser step, to the hundredth of a second, and lets the training go on."""

    def on_train_start(self, *_: Any) -> None:
        from torch.optim.optimizer import register_optimizer_step_post_hook

        def note(*_: Any) -> None:
            handle.remove()
            Path(os.environ["BENCHMARK_STEPPED"]).write_text(str(time.time()), encoding="utf-8")

        handle = register_optimizer_step_post_hook(note)
