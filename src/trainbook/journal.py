"""The journal of a training: each epoch's metrics, kept for the model folder and passed on to the run."""

from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.profilers import PassThroughProfiler, Profiler
from pytorch_lightning.utilities import rank_zero_only

from trainbook.run import Run


class Journal(Logger):
    """Lightning's logger: a row an epoch; the same numbers go to MLflow, if there is a run."""

    def __init__(self, run: Run | None) -> None:
        super().__init__()
        self.run = run
        self.closed = False
        self.profiler: Profiler = PassThroughProfiler()
        self.epochs: dict[int, dict[str, float]] = {}
        self.unsent: dict[str, float] = {}
        self.sent = {} if run is None else run.recorded()

    @property
    def name(self) -> str:
        return "journal"

    @property
    def version(self) -> str:
        return "" if self.run is None else self.run.id

    @property
    def history(self) -> list[dict[str, float]]:
        """A row an epoch, in order."""
        return [{"epoch": epoch, **values} for epoch, values in sorted(self.epochs.items())]

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if self.closed:
            return
        values = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        epoch = int(metrics.get("epoch", step or 0))
        self.epochs.setdefault(epoch, {}).update(values)
        self.unsent |= values
        if any(name.startswith("train/") for name in values):  # they come last in an epoch: one request for all
            self._send(epoch)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """An epoch that did not end still has what its validation gave."""
        if self.unsent and not self.closed:
            self._send(max(self.epochs))

    def so_far(self, epoch: int, values: dict[str, float]) -> dict[int, dict[str, float]]:
        """All rows, for a checkpoint, with those values of an epoch that has not come to log them yet."""
        return self.epochs | ({epoch: self.epochs.get(epoch, {}) | values} if values else {})

    @rank_zero_only
    def go_on(self, epochs: dict[int, dict[str, float]]) -> None:
        """Take back what ``so_far`` gave; the run gets what it lacks of it."""
        self.epochs = epochs
        for epoch, values in epochs.items():
            self.unsent = dict(values)
            self._send(epoch)

    def _send(self, epoch: int) -> None:
        values = {name: value for name, value in self.unsent.items() if epoch not in self.sent.get(name, ())}
        self.unsent = {}
        if self.run is not None and values:
            with self.profiler.profile("tracking"):
                self.run.metrics(values, epoch)

    @rank_zero_only
    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """The run has its parameters already."""
