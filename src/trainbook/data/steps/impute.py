"""Fill what is missing, and say where it was."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault

Matrix = NDArray[np.float64]


class Impute(Step):
    """Matrices (n, k) of numbers with NaN, or of text with empty cells, become whole.

    Args:
        columns: the columns to change.
        method: ``mean``, ``median``, ``most_frequent`` or ``constant`` of each feature; ``knn``, the mean of the rows that
            are nearest in what both have, on one scale; ``iterative``, each feature by ridge regression on the others, in
            rounds. Text takes ``most_frequent`` or ``constant``.
        value: what ``constant`` fills in.
        neighbours: rows that ``knn`` takes.
        rounds: of ``iterative``, at most.
        indicators: append a feature of 0 and 1 for each feature of numbers with gaps in training: whether it was missing.

    Source: scikit-learn's ``KNNImputer`` (Troyanskaya et al. 2001) and ``IterativeImputer`` (van Buuren & Groothuis 2011).
    """

    def __init__(
        self,
        columns: Sequence[str],
        method: Literal["mean", "median", "most_frequent", "constant", "knn", "iterative"] = "median",
        value: float | str = 0.0,
        neighbours: int = 5,
        rounds: int = 10,
        indicators: bool = True,
    ) -> None:
        if neighbours < 1 or rounds < 1:
            raise ValueError(f"neighbours and rounds of at least 1 were expected; got {neighbours} and {rounds}")
        self.columns, self.method, self.value = list(columns), method, value
        self.neighbours, self.rounds, self.indicators = neighbours, rounds, indicators
        self.learnt: dict[str, Any] = {}
        self.nearest: dict[str, Any] = {}

    def fit(self, columns: Columns) -> None:
        self.nearest = {}
        for name in self.columns:
            values = columns[name]
            if values.ndim != 2 or values.dtype.hasobject:
                raise Fault(f"{name}: numbers or words (n, features) were expected by impute; got {values.dtype} {values.shape}.")
            if values.dtype.kind == "U":
                self.learnt |= {f"{name}.{key}": each for key, each in self._learn_text(name, values).items()}
                continue
            known = values.astype(np.float64)
            if (empty := np.isnan(known).all(axis=0)).any() and self.method != "constant":
                raise Fault(
                    f"{name}: a known value in each feature was expected; number {int(empty.argmax())} has none. Leave it out."
                )
            self.learnt |= {f"{name}.{key}": each for key, each in self._learn(known).items()}
            self.learnt[f"{name}.gaps"] = np.flatnonzero(np.isnan(known).any(axis=0))

    def _learn_text(self, name: str, values: Array) -> dict[str, Array]:
        if self.method not in ("most_frequent", "constant"):
            raise Fault(f"{name} is text: most_frequent or constant was expected; got {self.method}.")
        fills = [str(self.value)] * values.shape[1]
        if self.method == "most_frequent":
            fills = [_commonest(values[:, at][values[:, at] != ""], "") for at in range(values.shape[1])]
        return {f"fill.{at}": np.frombuffer(fill.encode(), np.uint8) for at, fill in enumerate(fills)}

    def _learn(self, values: Matrix) -> dict[str, Array]:
        if self.method == "knn":
            return {"rows": values, "mean": np.nanmean(values, axis=0), "scale": _scale(values)}
        if self.method == "iterative":
            return self._learn_chain(values)
        if self.method == "constant":
            return {"fill": np.full(values.shape[1], float(self.value))}
        if self.method == "most_frequent":
            return {"fill": np.array([_commonest(each[~np.isnan(each)], np.nan) for each in values.T], np.float64)}
        return {"fill": (np.nanmean if self.method == "mean" else np.nanmedian)(values, axis=0)}

    def _learn_chain(self, values: Matrix) -> dict[str, Array]:
        """The regressions in the order in which they are to be done."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        imputer = IterativeImputer(max_iter=self.rounds, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # rounds are at most so many
            imputer.fit(values)
        chain = imputer.imputation_sequence_
        return {
            "fill": np.nanmean(values, axis=0),
            "feature": np.array([each.feat_idx for each in chain], np.int64),
            "others": np.array([each.neighbor_feat_idx for each in chain], np.int64).reshape(len(chain), values.shape[1] - 1),
            "weights": np.array([each.estimator.coef_ for each in chain], np.float64).reshape(len(chain), values.shape[1] - 1),
            "bias": np.array([each.estimator.intercept_ for each in chain], np.float64),
        }

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(**{name: self._filled(name, columns[name]) for name in self.columns if name in columns})

    def _filled(self, name: str, values: Array) -> Array:
        if values.dtype.kind == "U":
            fills = [self.learnt[f"{name}.fill.{at}"].tobytes().decode() for at in range(values.shape[1])]
            return np.where(values == "", np.array(fills), values)
        known = values.astype(np.float64)
        missing = np.isnan(known)
        whole = self._nearest(name, known) if self.method == "knn" else np.where(missing, self.learnt[f"{name}.fill"], known)
        if self.method == "iterative":
            chain = (self.learnt[f"{name}.{key}"] for key in ("feature", "others", "weights", "bias"))
            for feature, others, weights, bias in zip(*chain, strict=True):
                rows = missing[:, feature]
                whole[rows, feature] = whole[rows][:, others] @ weights + bias
        if self.indicators:
            whole = np.concatenate([whole, missing[:, self.learnt[f"{name}.gaps"]]], axis=1)
        return whole.astype(np.float32)

    def _nearest(self, name: str, values: Matrix) -> Matrix:
        """Distances are taken on one scale, for else the feature of the greatest numbers would decide alone."""
        from sklearn.impute import KNNImputer

        mean, scale = self.learnt[f"{name}.mean"], self.learnt[f"{name}.scale"]
        if name not in self.nearest:
            self.nearest[name] = KNNImputer(n_neighbors=self.neighbours).fit((self.learnt[f"{name}.rows"] - mean) / scale)
        near: Matrix = self.nearest[name].transform((values - mean) / scale) * scale + mean
        return np.where(np.isnan(values), near, values)

    def state(self) -> dict[str, Array]:
        return self.learnt

    def restore(self, state: Mapping[str, Array]) -> None:
        self.learnt, self.nearest = dict(state), {}

    def names(self, column: str, names: list[str]) -> list[str]:
        gaps = self.learnt.get(f"{column}.gaps") if self.indicators and column in self.columns else None
        return names if gaps is None else [*names, *(f"{names[at]} is missing" for at in gaps)]


def _commonest(values: Array, otherwise: Any) -> Any:
    """The most frequent value, the smallest of several."""
    found, counts = np.unique(values, return_counts=True)
    return found[counts.argmax()].item() if len(found) else otherwise


def _scale(values: Matrix) -> Matrix:
    deviation = np.nanstd(values, axis=0)
    return np.where(deviation > 0, deviation, 1.0)
