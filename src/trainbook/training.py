"""A training: everything that settings and prepared data make together, from the first step to the best weights."""

import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from trainbook import assembly, checkpoints, compilation, descending, model
from trainbook.checkpoints import Checkpoints
from trainbook.data.facts import Facts, read_facts
from trainbook.data.module import DataModule
from trainbook.data.steps.states import STEPS
from trainbook.faults import Fault, Interrupted
from trainbook.journal import Journal
from trainbook.profile import Profile
from trainbook.progress import Progress
from trainbook.settings import Settings
from trainbook.tasks.task import Task

if TYPE_CHECKING:  # of Optuna a training needs nothing
    from trainbook.search.trial import Trial

INAPPLICABLE = (
    ".*does not have many workers",  # one process fetches fast enough
    "The number of training batches",  # blocks are no batches
    "GPU available but not",  # a setting, not an oversight
    ".*in eval mode at the start of training",  # frozen on purpose
    ".*sync_dist=True",  # metrics are gathered before they are measured
    ".*LeafSpec",  # Lightning's own, on this torch
)
"""Warnings of Lightning that do not apply here."""


@dataclass(frozen=True)
class Watching:
    """Who looks on while a training goes on."""

    bar: bool = False
    profile: Profile | None = None
    """What the time of the training is written to, by phase."""
    trial: "Trial | None" = None
    """A search, which may give the training up."""


@dataclass
class Training:
    """What is trained, on what, and what came of it."""

    settings: Settings
    prepared: Path
    facts: Facts
    task: Task
    module: DataModule
    history: list[dict[str, float]]
    best_epoch: int | None = None
    best_value: float | None = None
    leads: bool = True
    """Whether this is the process that writes, of several."""

    @staticmethod
    def build(settings: Settings, prepared: Path, weights: Path | None = None) -> "Training":
        """Fit everything together, before the first step.

        Args:
            settings: checked.
            prepared: a folder of prepared data.
            weights: a model folder whose weights (and whose steps) are taken, to judge and not to train.

        Raises:
            Fault: something does not fit.
        """
        torch.set_num_threads(settings["threads"])
        facts = read_facts(weights or prepared)
        task = assembly.task(settings, facts)
        if weights:
            model.load_weights(task, weights)
        elif settings["init_from"]:
            model.load_weights(task.network, Path(settings["init_from"]), "network.")
        descending.freeze(task, settings["freeze"])
        module = assembly.data_module(settings, facts, prepared, (weights or prepared) / STEPS)
        assembly.check_fit(task, module)
        task.recipe = descending.recipe(settings, task, module)
        if weights is None and settings["compile"]:
            compilation.compile_all(task.parts().values())
        return Training(settings, prepared, facts, task, module, [])

    def fit(self, folder: Path, journal: Journal, watching: Watching) -> None:
        """Train to the end, take the best epoch's weights, and judge the validation split with them.

        Args:
            folder: where checkpoints lie.
            journal: what the metrics are written to.
            watching: who looks on.

        Raises:
            Fault: a loss is no longer finite.
            Pruned: a search gives it up.
            Interrupted: Ctrl-C, or SIGTERM; a checkpoint was written before.
        """
        how = self.settings["checkpoints"]
        kept = Checkpoints(folder / "checkpoints", self.task.monitor, self.task.mode, how["keep"], how["minutes"])
        begun = self._begun(kept.folder)
        looking = [*([Progress()] if watching.bar else []), *([watching.trial] if watching.trial else [])]
        shown = {
            "logger": journal,
            "callbacks": [*assembly.callbacks(self.settings, self.task), kept, *looking],
            "enable_progress_bar": watching.bar,
            "enable_model_summary": self.settings["tracking"]["model_summary"],
        }
        if watching.profile is not None:
            shown["profiler"] = journal.profiler = watching.profile
        with _told_apart(), _quieted(bool(self.settings["trainer"].get("profiler"))), journal.profiler.profile("training"):
            trainer = assembly.trainer(self.settings, self.module, folder, shown)
            trainer.fit(self.task, datamodule=self.module, ckpt_path=begun, weights_only=True)
            journal.closed = True
            self.best_epoch = checkpoints.take_best(self.task, kept)
            trainer.callbacks = []  # type: ignore[attr-defined]  # an average would take the best weights' place
            trainer.validate(self.task, datamodule=self.module, verbose=False)
        self.history, self.leads = journal.history, trainer.is_global_zero
        self.best_value = kept.best["value"]

    def _begun(self, folder: Path) -> Path | None:
        """The checkpoint to go on from, if there is one; batches that it has seen do not come again."""
        begun, torn = checkpoints.latest(folder)
        for path in torn:
            print(f"trainbook: {path} is torn, and passed over.", file=sys.stderr)
        if begun is not None:
            self.module.go_on(*checkpoints.position(begun))
        return begun

    def test(self, folder: Path) -> None:
        """Judge the test split, in one process, whatever the training had."""
        alone = {**self.settings["trainer"], "devices": 1, "num_nodes": 1, "strategy": "auto"}
        with _told_apart(), _quieted():
            trainer = assembly.trainer({**self.settings, "trainer": alone}, self.module, folder, assembly.SILENT)
            trainer.test(self.task, datamodule=self.module, verbose=False)

    def collected(self, split: str) -> tuple[Any, Any, Any]:
        """Rows, predictions and targets of the last time that a split was judged, beside the task on the processor."""
        rows, *named = self.task.judged[split]
        return rows.cpu(), *({name: value.cpu() for name, value in each.items()} for each in named)  # type: ignore[return-value]


@contextmanager
def _told_apart() -> Iterator[None]:
    """Ctrl-C arrives from Lightning as SystemExit, or as the error of what it interrupted; a wrong Trainer is a fault."""
    try:
        yield
    except BaseException as error:
        if (interruption := _interruption(error)) is not None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise Interrupted(getattr(interruption, "number", signal.SIGINT)) from error
        if isinstance(error, MisconfigurationException):
            raise Fault(f"trainer: {' '.join(str(error).split())}") from error
        raise


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    if error is None or isinstance(error, KeyboardInterrupt):
        return error
    return _interruption(error.__cause__ or error.__context__)


@contextmanager
def _quieted(profiled: bool = False) -> Iterator[None]:
    """Lightning without its news and without the warnings that do not apply."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.INFO if profiled else logging.WARNING)  # a profile is told as news
    with warnings.catch_warnings():
        for hint in INAPPLICABLE:
            warnings.filterwarnings("ignore", hint)
        yield
