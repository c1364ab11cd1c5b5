"""The bootstrap: how far metrics would move if the rows were drawn again."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Metrics = dict[str, float]
Measure = Callable[["Tensor"], Metrics]
"""Metrics of the rows with the given numbers (n,)."""
Intervals = dict[str, tuple[float, float]]


def drawn(measures: Sequence[Measure], rows: int, resamples: int, title: str) -> list[list[Metrics]]:
    """Rows drawn again with replacement, and measured again: for each of ``measures`` its metrics by draw.

    The draws are the same for all of them, and for every model on the same rows.
    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    import torch
    from tqdm import tqdm

    generator, found = np.random.default_rng(0), []
    for _ in tqdm(range(resamples), desc=title, disable=None, leave=False):
        again = torch.from_numpy(generator.integers(rows, size=rows))
        found.append([measure(again) for measure in measures])
    return [[metrics[at] for metrics in found] for at in range(len(measures))]


def intervals(found: Sequence[Metrics], confidence: float) -> Intervals:
    """Percentile interval of each metric, over the draws that have it; nothing where nothing was drawn."""
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    bounds: Intervals = {}
    for name in dict.fromkeys(name for metrics in found for name in metrics):
        low, high = np.quantile([metrics[name] for metrics in found if name in metrics], tails)
        bounds[name] = (float(low), float(high))
    return bounds


def differences(ours: Metrics, theirs: Metrics, small: str | None = None) -> Metrics:
    """Ours minus theirs, of each metric that both have; of ``small``, which is good when small, theirs minus ours."""
    return {name: (ours[name] - theirs[name]) * (-1 if name == small else 1) for name in ours if name in theirs}
