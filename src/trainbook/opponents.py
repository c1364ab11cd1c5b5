"""Opponents: baselines fitted on the network's own splits, whose answers its task judges like its own."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook import assembly
from trainbook.columns import Array
from trainbook.data.facts import Facts
from trainbook.data.preparation import Preparation
from trainbook.faults import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from trainbook.data.module import DataModule
    from trainbook.tasks.task import Task

    Named = dict[str, Tensor]


@dataclass(frozen=True)
class Opponent:
    """A fitted baseline, and what it answers to the test rows."""

    name: str
    settings: Mapping[str, Any]
    task: "Task"
    """The network's task, but with thresholds of the opponent's own."""
    predictions: "Named"

    def at(self, rows: "Tensor") -> "Named":
        """Its answers to some rows (n,) of the test split."""
        return {name: value[rows] for name, value in self.predictions.items()}


def opponents(
    task: "Task",
    module: "DataModule",
    sections: Mapping[str, Any],
    prepared: Preparation,
    facts: Facts,
    offered: Mapping[str, Any],
) -> list[Opponent]:
    """Fit every baseline on the raw training examples, let the task decide on validation, and answer the test examples.

    Args:
        offered: what constructors may ask for by name.

    Raises:
        Fault: the data, or the task, are nothing for baselines.
    """
    from tqdm import tqdm

    splits = prepared.raw_splits() if sections else {}
    inputs, targets = {}, {}
    for split in splits:
        inputs[split] = module.sample.gather(splits[split], facts["raw"])
        targets[split] = module.sample.gather(splits[split], prepared.targets)
        if split != "train" and module.sample.count(splits[split]) != module.rows(split):
            raise Fault(f"{split}: an example for each raw one was expected by baselines; got others. Take baselines=none.")
    found = []
    for name, section in (bar := tqdm(sections.items(), disable=None, leave=False)):
        bar.set_description(name)
        baseline = assembly.constructor(f"evaluation.baselines.{name}", section, offered)()
        baseline.fit(inputs["train"], targets["train"])
        twin = _twin(task)
        said = {split: twin.express(_tensor(baseline.predict(inputs[split]))) for split in ("validation", "test")}
        twin.decide(said["validation"], {key: _tensor(values) for key, values in targets["validation"].items()})
        found.append(Opponent(name, section, twin, said["test"]))
    return found


def _tensor(values: Array) -> "Tensor":
    """In the types that tasks take, but for chances, which keep all their digits."""
    import torch

    return torch.from_numpy(np.array(values, np.int64 if values.dtype.kind in "iu" else None))


def _twin(task: "Task") -> "Task":
    """The same task, but for its own buffers, which are what ``decide`` changes."""
    twin = copy.copy(task)
    twin._buffers = {name: None if value is None else value.clone() for name, value in task._buffers.items()}
    return twin
