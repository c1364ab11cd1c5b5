"""Permutation importance: how much worse a model is when one feature's values are shuffled among the rows."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.evaluation import watched
from trainbook.explanations.feature import Feature
from trainbook.faults import Fault
from trainbook.model import Model

ROWS = 2000
"""Rows that are judged; more would tell little more."""
REPEATS, SHUFFLES = (3, 10), 1000
"""How often each feature is shuffled: so many shuffles in all, within limits, for each is measured."""
AT_ONCE = 4096
"""Rows that go through the model at once."""
Measure = Callable[[Columns, int], list[float]]
Orders = NDArray[np.int64]


class Watched:
    """The metric that a model's task watches, of raw rows with their targets; greater is better."""

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, watched(model.task)
        self.sign = 1 if model.task.mode == "max" else -1

    def __call__(self, columns: Columns, tables: int) -> list[float]:
        """The metric of each of so many tables of the same length, which stand one below the other.

        Raises:
            Fault: the task does not measure what it watches.
        """
        import torch

        batch, size = finished(self.model.sample, self.model.preparation.transform(columns)), columns.rows // tables
        with torch.inference_mode():
            predictions = self.model.task.judge(batch)
        found = []
        for start in range(0, columns.rows, size):
            part = [
                {name: value[start : start + size] for name, value in named.items()} for named in (predictions, batch.targets)
            ]
            measured = self.model.task.measure(*part)
            if self.name not in measured:
                raise Fault(f"task.monitor: a metric among {', '.join(measured)} was expected; got {self.name}.")
            found.append(self.sign * float(measured[self.name]))
        return found


def orders(rows: int, features: int) -> Orders:
    """How rows are shuffled, the same for every feature: (repeats, rows)."""
    least, most = REPEATS
    repeats = min(most, max(least, SHUFFLES // features))
    draw = np.random.default_rng(0)
    return np.stack([draw.permutation(rows) for _ in range(repeats)])


def losses(table: Columns, features: Sequence[Feature], orders: Orders, measure: Measure, quiet: bool) -> NDArray[np.float64]:
    """How much of the metric is lost, by feature and repeat (features, repeats).

    Source: Breiman, "Random Forests", 2001; Fisher, Rudin, Dominici, "All Models are Wrong, but Many are Useful", 2019.
    """
    from tqdm import tqdm

    whole = measure(table, 1)[0]
    shuffles = [(feature, order) for feature in features for order in orders]
    found: list[float] = []
    together = max(1, AT_ONCE // table.rows)
    with tqdm(total=len(shuffles), desc="Importance", unit="shuffle", leave=False, disable=True if quiet else None) as bar:
        for start in range(0, len(shuffles), together):
            some = shuffles[start : start + together]
            stacked = repeated(table, len(some))
            for at, (feature, order) in enumerate(some):
                feature.put(stacked, slice(at * table.rows, (at + 1) * table.rows), feature.of(table)[order])
            found += [whole - each for each in measure(stacked, len(some))]
            bar.update(len(some))
    return np.array(found).reshape(len(features), len(orders))


def repeated(table: Columns, times: int) -> Columns:
    """Copies of a table, one below the other, to write into."""
    return table.take(np.tile(np.arange(table.rows), times))


def some_rows(table: Columns, most: int) -> Columns:
    """A table of at most so many rows, chosen by chance, always the same."""
    if table.rows <= most:
        return table
    return table.take(np.sort(np.random.default_rng(0).choice(table.rows, most, replace=False)))
