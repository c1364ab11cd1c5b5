"""Evaluation: metrics of judged rows, their intervals, and pictures of them."""

import inspect
import math
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

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


def intervals(
    task: "Task", predictions: "Named", targets: "Named", resamples: int, confidence: float
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap of every scalar metric: rows drawn again with replacement, and measured again.

    The draws are the same for every model on the same rows. Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    import torch
    from tqdm import tqdm

    rows = len(next(iter(predictions.values())))
    generator, drawn = np.random.default_rng(0), []
    for _ in tqdm(range(resamples), desc="Intervals", disable=None, leave=False):
        again = torch.from_numpy(generator.integers(rows, size=rows))
        part = [{name: value[again] for name, value in named.items()} for named in (predictions, targets)]
        drawn.append(scalars(task.measure(*part)))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found = {}
    for name in drawn[0] if drawn else ():
        low, high = np.quantile([values[name] for values in drawn if name in values], tails)
        found[name] = (float(low), float(high))
    return found


def pictures(
    task: "Task", rows: "Tensor", predictions: "Named", targets: "Named", columns: Columns, history: list[dict[str, float]]
) -> "dict[str, Figure]":
    """Every figure that the task has plain arrays for, drawn, and the learning curves.

    A figure that asks for ``pictures`` gets the inputs of the rows that the task names.
    """
    drawn = {}
    wanted = {"learning_curves": {"history": history}} if history else {}
    for name, arrays in {**wanted, **task.figures(predictions, targets)}.items():
        draw = import_module(f"trainbook.figures.{name}").draw
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
