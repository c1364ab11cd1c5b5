"""Windows of a series as baselines for forecasts take them: past values, what is known in advance, and outcomes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array
from trainbook.faults import Fault

Floats = NDArray[np.floating[Any]]


class Past(NamedTuple):
    """What is given of each window."""

    target: Floats
    """(n, history) of the series that is to be forecast."""
    observed: Floats
    """(n, history, others)"""
    known: Floats
    """(n, history + horizon, features); no features where nothing is known."""


def past(inputs: Mapping[str, Array]) -> Past:
    """The past of windows, whose ``x`` (n, history, channels) has the target first.

    Raises:
        Fault: these are no windows.
    """
    if "x" not in inputs or "known" not in inputs or any(values.ndim != 3 for values in inputs.values()):
        got = ", ".join(f"{name} {values.shape[1:]}" for name, values in inputs.items())
        raise Fault(f"This baseline forecasts from windows with x and known; got {got}. Take another, or baselines=none.")
    x, known = (inputs[name].astype(np.float64) for name in ("x", "known"))
    return Past(x[:, :, 0], x[:, :, 1:], known)


def outcomes(targets: Mapping[str, Array]) -> Floats:
    """What came of each window (n, horizon); NaN where it is not known.

    Raises:
        Fault: the targets are of another kind.
    """
    (first, *more) = targets.values()
    if more or first.ndim != 2 or first.dtype.kind != "f":
        kinds = {name: f"{values.dtype} {values.shape[1:]}" for name, values in targets.items()}
        raise Fault(f"This baseline forecasts one series, float (n, horizon); got {kinds}. Take another, or baselines=none.")
    found: Floats = first.astype(np.float64)
    return found


def seasons_before(target: Floats, season: int, horizon: int) -> Floats:
    """The newest known value (n, horizon) that lies whole seasons before each step ahead.

    Raises:
        Fault: the past (n, history) is shorter than a season.
    """
    if target.shape[1] < season:
        raise Fault(f"A history of at least {season} steps, a season, was expected by this baseline; got {target.shape[1]}.")
    return target[:, target.shape[1] - season + np.arange(horizon) % season]
