"""Evaluation: metrics of judged rows, their intervals, and pictures of them."""

import inspect
import math
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainbook.bootstrap import Measure, Metrics
from trainbook.columns import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from trainbook.tasks.task import Task

    Named = dict[str, Tensor]


def scalars(measured: Mapping[str, "Tensor"]) -> dict[str, float]:
    """The metrics that are one number each; those that are not finite are left out."""
    values = {name: float(value) for name, value in measured.items() if value.ndim == 0}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def vectors(measured: Mapping[str, "Tensor"]) -> dict[str, list[float]]:
    """The metrics with one number for each class, say."""
    return {name: value.tolist() for name, value in measured.items() if value.ndim > 0}


def watched(task: "Task") -> str:
    """The metric that chose the best epoch, without its split."""
    return task.monitor.partition("/")[2]


def measuring(task: "Task", predictions: "Named", targets: "Named") -> Measure:
    """The scalar metrics of any of the rows, drawn again."""

    def measure(rows: "Tensor") -> Metrics:
        some = ({name: value[rows] for name, value in named.items()} for named in (predictions, targets))
        return scalars(task.measure(*some))

    return measure


def pictures(
    task: "Task",
    rows: "Tensor",
    predictions: "Named",
    targets: "Named",
    columns: Columns,
    history: list[dict[str, float]],
    more: Mapping[str, dict[str, Any]] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> "dict[str, Figure]":
    """Every figure that the task has plain arrays for, drawn, the learning curves, and ``more``.

    A figure that asks for ``pictures`` gets the inputs of the rows that the task names; one that asks for what stands ``beside``
    the rows, such as their ``time``, gets that, and is left out where the data have none.
    """
    drawn = {}
    wanted = {"learning_curves": {"history": history}} if history else {}
    for name, arrays in {**wanted, **(more or {}), **task.figures(predictions, targets)}.items():
        draw = import_module(f"trainbook.figures.{name}").draw
        needed = {key for key, each in inspect.signature(draw).parameters.items() if each.default is each.empty}
        arrays |= {key: value for key, value in (beside or {}).items() if key in needed}
        if needed - {*arrays, "pictures"}:
            continue
        chosen = rows.cpu().numpy()[arrays.pop("rows")] if "rows" in arrays else None
        if "pictures" in inspect.signature(draw).parameters:
            inputs = [value for value in columns.values() if value.ndim > 2]
            if chosen is None or not inputs:
                continue
            arrays["pictures"] = inputs[0][chosen]
        elif name == "first_layer_weights" and (shaped := _as_pictures(arrays["weights"], columns)) is None:
            continue
        elif name == "first_layer_weights":
            arrays["weights"] = shaped
        drawn[name] = draw(**arrays)
    return drawn


def _as_pictures(weights: Any, columns: Columns) -> Any:
    """Weights of a first layer as pictures (units, …), if the inputs are pictures; None else."""
    if weights.ndim == 4:
        return weights
    for value in columns.values():
        if value.ndim > 2 and math.prod(value.shape[1:]) == weights.shape[1]:
            return weights.reshape(len(weights), *value.shape[1:])
    return None
