"""Scores: a task's logits, what each of them is called, and the chance that it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainbook.data.facts import Facts
from trainbook.faults import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from trainbook.tasks.task import Task


@dataclass(frozen=True)
class Scores:
    """The logits of a task, one a class or label; a single one a row speaks for the second of two classes."""

    task: "Task"
    facts: Facts

    def __call__(self, inputs: "Mapping[str, Tensor]") -> "Tensor":
        """Inputs by name, rows first -> (n, scores).

        Raises:
            Fault: there are no inputs; the task predicts no logits, or several for each part of a row.
        """
        import torch

        from trainbook.batch import Batch

        if not inputs:
            raise Fault("explain: a network that is given inputs was expected.")
        rows = len(next(iter(inputs.values())))
        predicted = self.task.predict(Batch(dict(inputs), {}, torch.arange(rows)))
        if "logits" not in predicted or predicted["logits"].ndim > 2:
            got = ", ".join(f"{name} {tuple(value.shape)}" for name, value in predicted.items())
            raise Fault(f"explain: a task that predicts logits, one a row or class, was expected; this one predicts {got}.")
        return predicted["logits"].reshape(rows, -1)

    def names(self, count: int) -> list[str]:
        """What each of so many scores speaks for."""
        known = self._known()
        if len(known) == count:
            return known
        return [known[1]] if count == 1 and len(known) == 2 else [f"score {at}" for at in range(count)]

    def chances(self, logits: "Tensor") -> "Tensor":
        """Logits (n, scores) -> chances: of classes, of which one is right, they sum to 1; of labels each is for itself."""
        exclusive = any("classes" in each for each in self.facts["targets"].values())
        return logits.softmax(1) if exclusive and logits.shape[1] > 1 else logits.sigmoid()

    def _known(self) -> list[str]:
        named = (each.get("classes") or each.get("labels") for each in self.facts["targets"].values())
        return [str(name) for name in next(filter(None, named), [])]
