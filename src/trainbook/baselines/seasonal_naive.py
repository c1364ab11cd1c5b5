"""The opponent that every forecast must beat: it will be as it was one season ago."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.baselines.baseline import Baseline
from trainbook.baselines.windows import outcomes, past, seasons_before
from trainbook.columns import Array


class SeasonalNaive(Baseline):
    """The newest value that lies whole seasons before a step, such as the same hour of last week; around it the quantiles, for
    each step ahead, of what training differed from it. The median stays the value itself, and no quantile crosses it.

    Source: Hyndman and Athanasopoulos, "Forecasting: principles and practice", 3rd edition, 5.2 and 5.5.

    Args:
        y_season: its steps; the data offer those of their step ``season``.
        quantiles: the task offers its own.
    """

    def __init__(self, y_season: int | None = None, quantiles: Sequence[float] | None = None) -> None:
        if y_season is not None and y_season < 1:
            raise ValueError(f"y_season of at least 1 was expected; got {y_season}")
        self.season, self.quantiles = y_season or 1, list(quantiles or [0.5])
        self.around: NDArray[np.float64] = np.empty(0)

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        came = outcomes(targets)
        apart = came - seasons_before(past(inputs).target, self.season, came.shape[1])
        around, shares = np.nanquantile(apart, self.quantiles, axis=0).T, np.array(self.quantiles)  # (horizon, quantiles)
        self.around = np.where(shares < 0.5, np.minimum(around, 0), np.where(shares > 0.5, np.maximum(around, 0), 0))

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        naive = seasons_before(past(inputs).target, self.season, len(self.around))
        return naive[:, :, np.newaxis] + self.around
