"""The journal of a training: each epoch's metrics, kept for the model folder and passed on to the run."""

from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.profilers import PassThroughProfiler, Profiler
from pytorch_lightning.utilities import rank_zero_only

from trainbook.tracking import Run


class Journal(Logger):
    """Lightning's logger: a row an epoch; the same numbers go to MLflow, if there is a run."""

    def __init__(self, run: Run | None) -> None:
        super().__init__()
        self.run = run
        self.closed = False
        self.profiler: Profiler = PassThroughProfiler()
        self.epochs: dict[int, dict[str, float]] = {}
        self.unsent: dict[str, float] = {}

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

    def _send(self, epoch: int) -> None:
        values, self.unsent = self.unsent, {}
        if self.run is not None:
            with self.profiler.profile("tracking"):
                self.run.metrics(values, epoch)

    @rank_zero_only
    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """The run has its parameters already."""
