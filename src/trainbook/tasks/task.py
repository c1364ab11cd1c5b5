"""A task is given a network, and says what it learns, predicts, measures and presents; how it steps is the same for all."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from trainbook.batch import Batch
from trainbook.faults import Fault
from trainbook.tasks.collection import Collection, Named, by_process, scalars
from trainbook.tasks.descent import Descent
from trainbook.tasks.recipe import Recipe


class Task(LightningModule, ABC):
    """What kinds of problem share. A kind supplies the methods above ``training_step``; the rest is final.

    Args:
        network: called as ``network(**batch.inputs)``.
        monitor: the metric that chooses the best epoch, such as ``val/loss``.
        mode: whether a small (``min``) or a great (``max``) value of it is good.
    """

    def __init__(self, network: nn.Module, monitor: str, mode: Literal["min", "max"]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network, self.monitor, self.mode = network, monitor, mode
        self.recipe: Recipe | None = None
        self.descent: Descent | None = None
        self.restored: dict[str, Any] = {}
        self.noted: dict[str, float] = {}
        self.leaving = False
        self.collected: dict[str, Collection] = {}
        self.judged: dict[str, tuple[Tensor, Named, Named]] = {}

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        """Sizes that only the task knows, for the network's constructor, from the facts and the task's settings."""
        return {}

    @abstractmethod
    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        """Losses (``loss`` is descended, ``weight`` says over how many units it averages), and predictions by row."""

    @abstractmethod
    def predict(self, batch: Batch) -> Named:
        """One entry a row, from inputs alone."""

    def judge(self, batch: Batch) -> Named:
        """Predictions, and columns that need the targets."""
        return self.predict(batch)

    @abstractmethod
    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        """Metrics of collected rows, whatever their order: scalars, and vectors (one entry a class, say) for the report."""

    def decide(self, predictions: Named, targets: Named) -> None:
        """Choose thresholds on validation and keep them as buffers."""
        return

    @abstractmethod
    def present(self, predictions: Named) -> dict[str, Any]:
        """What a person reads, as a table: words, units, text. By column, an array or list with one entry a row."""

    def explained(self, predictions: Named) -> Named:
        """What reasons can be given for: ``logits`` of classes or labels, or one number (n,) in its units, under its name."""
        return {name: value for name, value in predictions.items() if name == "logits"}

    def express(self, chances: Tensor) -> Named:
        """Predictions of this task from a baseline's chances of the classes (n, classes), or of the labels (n, labels)."""
        raise Fault(f"{type(self).__name__} does not say how it expresses what a baseline answers. Take baselines=none.")

    def figures(self, predictions: Named, targets: Named) -> dict[str, dict[str, Any]]:
        """Plain arrays for pictures, by the name of the figure that draws them."""
        return {}

    def parts(self) -> dict[str, nn.Module]:
        """What has an optimiser of its own, by name."""
        return {"network": self.network}

    def update(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        """One update from a batch: ``learn``, then ``descend``. Returns what ``learn`` does."""
        losses, predictions = self.learn(batch)
        self.descend("network", losses["loss"], losses["weight"])
        return losses, predictions

    @final
    def descend(self, part: str, loss: Tensor, weight: float | Tensor = 1) -> None:
        """Send a loss back through a part, and step its optimiser when that is due."""
        assert self.descent is not None
        self.descent.descend(part, loss, weight)

    @final
    def profile(self, action: str) -> AbstractContextManager[None]:
        """Whose time it is, for those who want to know."""
        return self.trainer.profiler.profile(action)  # type: ignore[attr-defined,no-any-return]

    @final
    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        assert self.recipe is not None, "assembly attaches a recipe before training"
        self.descent = Descent(self, self.recipe)
        if self.restored:
            self.descent.restore(self.restored["descent"])
        return self.descent.raw

    @final
    def on_train_epoch_start(self) -> None:
        assert self.recipe is not None
        assert self.descent is not None
        self.collected["train"] = Collection(self.recipe.measure_every)
        self.noted = {}
        if begun := self.restored.pop("begun", None):
            mine = begun[self.global_rank]
            self.collected["train"].restore(mine["collected"], self.device)
            self.descent.go_on(mine)

    @final
    def training_step(self, block: Sequence[Batch], _: int) -> None:
        assert self.descent is not None
        with self.descent.block(block) as batches:
            for batch in batches:
                with self.profile("update"):
                    losses, predictions = self.update(batch)
                self.descent.note(losses)
                self.collected["train"].add(batch.row, predictions, batch.targets)
                if self.leaving:
                    break

    @final
    def on_train_epoch_end(self) -> None:
        assert self.descent is not None
        _, predictions, targets = self.collected.pop("train").read(self.trainer.world_size > 1)
        self._note("train", self._measured(predictions, targets) | self.descent.figures())
        self.descent.end_epoch(self.noted.get(self.monitor))

    @final
    def on_validation_epoch_start(self) -> None:
        self.collected["val"] = Collection()

    @final
    def validation_step(self, block: Sequence[Batch], _: int) -> None:
        self._judge("val", block)

    @final
    def on_validation_epoch_end(self) -> None:
        _, predictions, targets = self._read("val")
        if not self.trainer.sanity_checking:
            self.decide(predictions, targets)
        measured = self._measured(predictions, targets)
        if self.trainer.sanity_checking and self.monitor.startswith("val/") and self.monitor not in scalars("val", measured):
            raise Fault(f"task.monitor: a metric among val/{', val/'.join(measured)} was expected; got {self.monitor}.")
        self._note("val", measured)

    @final
    def on_test_epoch_start(self) -> None:
        self.collected["test"] = Collection()

    @final
    def test_step(self, block: Sequence[Batch], _: int) -> None:
        self._judge("test", block)

    @final
    def on_test_epoch_end(self) -> None:
        self._read("test")

    @final
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.descent is None:
            return
        checkpoint["descent"] = self.descent.state()
        if "train" in self.collected:
            checkpoint["begun"] = by_process({**self.descent.begun(), "collected": self.collected["train"].state()})

    @final
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.restored = {key: checkpoint[key] for key in ("descent", "begun") if key in checkpoint}  # there is no optimiser yet

    def _judge(self, split: str, block: Sequence[Batch]) -> None:
        for batch in block:
            with self.profile("judge"):
                predictions = self.judge(batch)
            self.collected[split].add(batch.row, predictions, batch.targets)

    def _read(self, split: str) -> tuple[Tensor, Named, Named]:
        """Everybody's rows, kept for the report of a training or a test."""
        self.judged[split] = self.collected.pop(split).read(self.trainer.world_size > 1)
        return self.judged[split]

    def _measured(self, predictions: Named, targets: Named) -> dict[str, Any]:
        with self.profile("measure"):
            return self.measure(predictions, targets) if predictions else {}

    def _note(self, split: str, metrics: Mapping[str, Any]) -> None:
        named = scalars(split, metrics)
        self.log_dict(named)
        self.noted |= {name: float(value) for name, value in named.items()}
