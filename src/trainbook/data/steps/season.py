"""How much a series changes from season to season: the unit in which errors of forecasts are told apart from each other's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Season(Step):
    """Learns the mean absolute difference between a target and itself one season before; changes nothing.

    It is the scale of the mean absolute scaled error: below 1, a forecast is better than the seasonal-naive one was on average
    in training. Source: Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006.

    Args:
        columns: targets.
        season: steps after which it comes again.
    """

    def __init__(self, columns: Sequence[str], season: int) -> None:
        if season < 1:
            raise ValueError(f"season of at least 1 was expected; got {season}")
        self.columns, self.season = list(columns), season
        self.scales: dict[str, float] = {}

    def fit(self, columns: Columns) -> None:
        for name in self.columns:
            values: Any = columns[name].astype(np.float64)
            apart = np.abs(values[self.season :] - values[: -self.season])
            if not (known := apart[~np.isnan(apart)]).size:
                raise Fault(f"steps: more than {self.season} training steps, a season, were expected; got {len(values)}.")
            self.scales[name] = float(known.mean())

    def transform(self, columns: Columns) -> Columns:
        return columns

    def state(self) -> dict[str, Array]:
        return {name: np.array([scale]) for name, scale in self.scales.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        self.scales = {name: float(value.item()) for name, value in state.items()}

    def facts(self) -> dict[str, dict[str, Any]]:
        return {name: {"season": self.season, "scale": scale} for name, scale in self.scales.items()}
