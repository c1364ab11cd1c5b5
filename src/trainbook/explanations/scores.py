"""Scores: what a task is asked reasons for, what each of them is called, and what it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainbook.data.facts import Facts
from trainbook.faults import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from trainbook.tasks.task import Task


@dataclass
class Scores:
    """The logits of a task, one a class or label, of which a single one speaks for the second of two classes; or one number."""

    task: "Task"
    facts: Facts
    number: str | None = field(default=None, init=False)
    """What the number is called; None = there are logits, or nobody has asked for scores yet."""

    def __call__(self, inputs: "Mapping[str, Tensor]") -> "Tensor":
        """Inputs by name, rows first -> (n, scores).

        Raises:
            Fault: there are no inputs; the task says of no logits and no number of a row that they are what it explains.
        """
        import torch

        from trainbook.batch import Batch

        if not inputs:
            raise Fault("explain: a network that is given inputs was expected.")
        rows = len(next(iter(inputs.values())))
        predicted = self.task.predict(Batch(dict(inputs), {}, torch.arange(rows)))
        explained = self.task.explained(predicted)
        named = [name for name, value in explained.items() if value.ndim < (3 if name == "logits" else 2)]
        if len(named) != 1:
            got = ", ".join(f"{name} {tuple(value.shape)}" for name, value in predicted.items())
            raise Fault(
                f"explain: a task that predicts logits, one a row or class, was expected; this one predicts {got}, "
                "and its `explained` names no number of each row."
            )
        (name,) = named
        self.number = None if name == "logits" else name
        return explained[name].reshape(rows, -1)

    def names(self, count: int) -> list[str]:
        """What each of so many scores speaks for."""
        if self.number is not None:
            return [self.number]
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
