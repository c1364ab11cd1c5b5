"""The opponent that is hard to beat in forecasts: gradient boosted trees on lags and on what is known in advance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trainbook.baselines.baseline import Baseline
from trainbook.baselines.windows import outcomes, past, seasons_before
from trainbook.columns import Array
from trainbook.faults import Fault


class LaggedBoosting(Baseline):
    """scikit-learn's histogram-based trees, an ensemble for each quantile, and one for all steps ahead (a direct forecast).

    Features of a step ahead: how far ahead it is, the last values before the forecast, the newest values that lie whole seasons
    before the step, means of the last seasons, the last observed others, and what is known of the step in advance.

    Args:
        quantiles: the task offers its own.
        y_season: steps of a season; the data offer theirs.
        seasons: several seasons, such as a day and a week of hours; null = the data's alone.
        lags: how many of the last values.
        rows: so many pairs of a training window and a step ahead are learnt from, drawn by chance.
        learning_rate, max_iter, max_leaf_nodes, min_samples_leaf: see ``GradientBoosting``; the trees are those of one quantile.
    """

    def __init__(
        self,
        quantiles: Sequence[float] | None = None,
        y_season: int | None = None,
        seasons: Sequence[int] | None = None,
        lags: int = 3,
        rows: int = 30000,
        learning_rate: float = 0.1,
        max_iter: int = 200,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 20,
    ) -> None:
        self.seasons = list(seasons or [y_season or 1])
        if min([lags, rows, max_iter, min_samples_leaf, *self.seasons]) < 1 or max_leaf_nodes < 2 or learning_rate <= 0:
            raise ValueError(
                "seasons, lags, rows, max_iter and min_samples_leaf from 1, max_leaf_nodes from 2 and a "
                "learning_rate above 0 were expected"
            )
        self.quantiles, self.lags, self.rows, self.horizon = list(quantiles or [0.5]), lags, rows, 0
        self.settings = {
            "learning_rate": learning_rate,
            "max_iter": max_iter,
            "max_leaf_nodes": max_leaf_nodes,
            "min_samples_leaf": min_samples_leaf,
        }
        self.fitted: list[Any] = []

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        came = outcomes(targets)
        self.horizon = came.shape[1]
        pairs = np.flatnonzero(~np.isnan(came))
        if len(pairs) > self.rows:
            pairs = np.sort(np.random.default_rng(0).choice(pairs, self.rows, replace=False))
        features, values = self._features(inputs, pairs), came.flat[pairs]
        with threadpool_limits(1):
            for share in tqdm(self.quantiles, desc="Quantiles", disable=None, leave=False):
                model = HistGradientBoostingRegressor(
                    loss="quantile", quantile=share, early_stopping=False, random_state=0, **self.settings
                )
                self.fitted.append(model.fit(features, values))

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        from threadpoolctl import threadpool_limits

        windows = len(inputs["x"])
        features = self._features(inputs, np.arange(windows * self.horizon))
        with threadpool_limits(1):
            found = np.stack([model.predict(features) for model in self.fitted], axis=1)
        return np.sort(found.reshape(windows, self.horizon, -1), axis=2)

    def _features(self, inputs: Mapping[str, Array], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of pairs of window and step ahead, counted through."""
        given = past(inputs)
        if given.target.shape[1] < self.lags:
            raise Fault(
                f"A history of at least {self.lags} steps, the lags of this baseline, was expected; got {given.target.shape[1]}."
            )
        window, ahead = np.divmod(pairs, self.horizon)
        columns = [ahead, *(given.target[window, -lag] for lag in range(1, self.lags + 1))]
        for season in self.seasons:
            columns.append(seasons_before(given.target, season, self.horizon)[window, ahead])
            columns.append(given.target[:, -season:].mean(1)[window])
        columns += [*given.observed[:, -1].T[:, window]]
        columns += [*given.known[window, given.target.shape[1] + ahead].T]
        return np.stack(columns, 1).astype(np.float64)
