"""Bring values to a common scale: mean 0 and deviation 1, or the range 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step

ROWS_AT_ONCE = 4096


class Normalise(Step):
    """``(values - offset) / scale`` with offset and scale learnt from the training rows.

    Args:
        columns: the columns to change.
        method: ``standardise`` (mean and standard deviation) or ``min_max`` (smallest value and range).
        per: one offset and scale for ``all`` values, for each ``channel`` (dimension 1), or for each ``feature``
            (pixel, table column). Features that never change are only shifted.
    """

    on_device = True

    def __init__(
        self,
        columns: Sequence[str],
        method: Literal["standardise", "min_max"] = "standardise",
        per: Literal["all", "channel", "feature"] = "all",
    ) -> None:
        self.columns, self.method, self.per = list(columns), method, per
        self.learnt: dict[str, Array] = {}

    def fit(self, columns: Columns) -> None:
        for name in self.columns:
            values = columns[name]
            axes = {
                "all": tuple(range(values.ndim)),
                "channel": tuple(axis for axis in range(values.ndim) if axis != 1),
                "feature": (0,),
            }[self.per]
            offset, scale = (_moments if self.method == "standardise" else _range)(values, axes)
            self.learnt[f"{name}.offset"] = offset[0].astype(np.float32)
            self.learnt[f"{name}.scale"] = np.where(scale == 0, 1, scale)[0].astype(np.float32)

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(
            **{
                name: self.apply(
                    columns[name].astype(np.float32),
                    offset=self.learnt[f"{name}.offset"],
                    scale=self.learnt[f"{name}.scale"],
                )
                for name in self.columns
                if name in columns
            }
        )

    @staticmethod
    def apply(values: Any, **state: Any) -> Any:
        values -= state["offset"]
        values /= state["scale"]
        return values

    def state(self) -> dict[str, Array]:
        return self.learnt

    def restore(self, state: Mapping[str, Array]) -> None:
        self.learnt = dict(state)


def _moments(values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and standard deviation in double precision, in slices of rows to save memory; dimensions are kept."""
    slices = [values[start : start + ROWS_AT_ONCE] for start in range(0, len(values), ROWS_AT_ONCE)]
    count = np.prod([values.shape[axis] for axis in axes])
    mean = sum(part.sum(axes, dtype=np.float64, keepdims=True) for part in slices) / count
    squares = sum(np.square(part - mean).sum(axes, keepdims=True) for part in slices)
    return mean, np.sqrt(squares / count)


def _range(values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    low, high = values.min(axes, keepdims=True), values.max(axes, keepdims=True)
    return low.astype(np.float64), high.astype(np.float64) - low
