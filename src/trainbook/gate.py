"""The gate: whether one model is better than another on the same test rows, by more than chance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook import bootstrap
from trainbook.evaluation import measuring, watched
from trainbook.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainbook.columns import Columns
    from trainbook.tasks.task import Task

RESAMPLES, CONFIDENCE = 1000, 0.95
"""How strict the gate is, whatever the models say of their own evaluation."""


@dataclass(frozen=True)
class Judged:
    """What a model answered to the test rows, as its evaluation recorded it."""

    said: str
    """How people call the model."""
    task: "Task"
    test: str
    """Digest of the test rows."""
    answers: "Columns"
    """``row``, predictions, and targets as ``target_<name>``."""
    learns: "Mapping[str, Any]"
    """Settings of the task: two losses are one metric only if they are computed alike."""

    def measure(self) -> bootstrap.Measure:
        """The task's metrics of any of the rows."""
        import torch

        named = {name: torch.from_numpy(np.array(value)) for name, value in self.answers.items() if name != "row"}
        targets = {name.removeprefix("target_"): value for name, value in named.items() if name.startswith("target_")}
        predictions = {name: value for name, value in named.items() if not name.startswith("target_")}
        return measuring(self.task, predictions, targets)


@dataclass(frozen=True)
class Verdict:
    """How much better the challenger is; a positive difference is good, whether the metric is to be great or small."""

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """Better by more than chance."""
        return self.low > 0

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.challenger:.4f} against {self.champion:.4f}, "
            f"difference {self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"
        )


def compare(champion: Judged, challenger: Judged) -> Verdict:
    """Paired bootstrap of the difference in the metric that the challenger's task watches: both models on the same drawn rows.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993; Koehn, Statistical Significance Tests …, 2004.

    Raises:
        Fault: they were judged on other rows, or have no metric in common.
    """
    import torch

    if champion.test != challenger.test or not np.array_equal(champion.answers["row"], challenger.answers["row"]):
        raise Fault(
            f"The same test data were expected; {champion.said} was judged on {champion.test[:16]}, {challenger.said} on "
            f"{challenger.test[:16]}. Prepare and evaluate both alike."
        )
    name = watched(challenger.task)
    measures, rows = [champion.measure(), challenger.measure()], len(challenger.answers["row"])
    before, now = (measure(torch.arange(rows)) for measure in measures)
    for said, measured in ((champion.said, before), (challenger.said, now)):
        if name not in measured:
            raise Fault(f"{name}, which {challenger.said} is chosen by, was expected of both; {said} has {', '.join(measured)}.")
    if name == "loss" and champion.learns != challenger.learns:
        raise Fault(
            f"loss is what {challenger.said} is chosen by, and {champion.said} computes it by other settings of its task."
        )
    small = name if challenger.task.mode == "min" else None
    drawn = zip(*bootstrap.drawn(measures, rows, RESAMPLES, "Gate"), strict=True)
    again = [bootstrap.differences(its, his, small) for his, its in drawn]
    difference, (low, high) = bootstrap.differences(now, before, small)[name], bootstrap.intervals(again, CONFIDENCE)[name]
    return Verdict(name, before[name], now[name], difference, low, high)
