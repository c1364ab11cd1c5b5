"""A trial: a training that a search watches, and may give up."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from trainbook import tracking
from trainbook.faults import Fault, Pruned
from trainbook.files import digest, read_yaml, write_yaml
from trainbook.search.plan import PARAMETERS

OUTCOME = "trial.yaml"
STUDY = "trainbook.study"
"""Tag of a run: of which study it is a position."""


class Trial(Callback):
    """Tells the search the metric of each epoch, and what came of the training.

    Args:
        study: name of the study, and a token that no other study has.
        number: position in the plan.
        parent: the search's run in MLflow.
        objectives: what the search looks for.
        hopeless: why the search gave the trial up already, if it did.
        report: takes epoch and metric, gives the reason if the training is hopeless.
    """

    def __init__(
        self,
        study: tuple[str, str],
        number: int,
        parent: str | None,
        objectives: Mapping[str, str],
        hopeless: str | None,
        report: Callable[[int, float], str | None],
    ) -> None:
        self.name = name(study[0], number)
        self.identity = [study[1], number]
        self.tags = {STUDY: study[0], tracking.TRIAL: number} | ({} if parent is None else {tracking.PARENT: parent})
        self.objectives, self.hopeless, self.report = objectives, hopeless, report
        self.outcome: dict[str, Any] = {}

    def token(self, training: str) -> str:
        """By which the run is found again, wherever the trial goes on."""
        return digest([self.identity, training])[:32]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.hopeless:
            raise Pruned(self.hopeless)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Before the epoch's checkpoint is written: an epoch that a checkpoint knows, the search knows, too."""
        value = pl_module.noted.get(pl_module.monitor)
        if value is not None and not math.isfinite(value):
            raise Fault(
                f"{pl_module.monitor} is {float(value)} after epoch {trainer.current_epoch}; a finite value was expected."
            )
        if value is not None and (reason := self.report(trainer.current_epoch, float(value))):
            raise Pruned(reason)

    def judge(self, training: Any, folder: Path) -> None:
        """Note what came of it: the values of the best epoch.

        Raises:
            Fault: an objective was not measured, or is not finite.
        """
        row: dict[str, Any] = next((row for row in training.history if row["epoch"] == training.best_epoch), {})
        sizes = {PARAMETERS: float(sum(each.numel() for each in training.task.network.parameters()))}
        known = {**row, **sizes, training.task.monitor: training.best_value}
        if missing := [each for each in self.objectives if known.get(each) is None]:
            measured = ", ".join(sorted(known))
            raise Fault(f"search.objectives: a metric that is measured was expected ({measured}); got {', '.join(missing)}.")
        values = [float(known[each]) for each in self.objectives]
        if not all(map(math.isfinite, values)):
            raise Fault(f"{', '.join(self.objectives)}: finite values were expected; got {', '.join(map(str, values))}.")
        self.outcome = {
            "values": values,
            "about": {
                "run": read_yaml(folder / "model" / "run.yaml")["run"],
                "folder": str(folder),
                "epoch": training.best_epoch,
            },
        }

    def ended(self, folder: Path) -> None:
        """Write it down, for a search that may be killed before it hears of it; the run has its status then."""
        write_yaml(folder / OUTCOME, {"trial": self.identity, **self.outcome})


def name(study: str, number: int) -> str:
    """What a trial's run is called."""
    return f"{study}-{number:03d}"


def outcome(study: tuple[str, str], number: int, runs: Path) -> dict[str, Any] | None:
    """What a trial gave whose search was killed before it heard of it; None if there is nothing."""
    for path in runs.glob(f"{name(study[0], number)}*/{OUTCOME}"):
        known: dict[str, Any] = read_yaml(path)
        if known.get("trial") == [study[1], number]:
            return known
    return None
