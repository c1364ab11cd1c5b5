"""Keep the features that matter: by variance, by a test of each alone, or by a model of all."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Select(Step):
    """Matrices (n, k) -> (n, features kept), in their order, chosen on the training rows.

    Args:
        columns: the columns to change.
        method: ``variance`` keeps features whose variance is above ``threshold``; ``univariate`` the ``keep`` best by
            ``score``; ``model`` the ``keep`` that weigh most in ``model``. With several labels a feature counts by the label
            that it says most about.
        threshold: of the variance.
        keep: how many features.
        score: ``f`` (analysis of variance) or ``mutual_information``.
        model: ``logistic`` (absolute weights, on standardised features) or ``forest`` (importances).
        target: the class (n,) or labels (n, l).
        seed: of what is drawn.

    Source: scikit-learn's ``VarianceThreshold``, ``f_classif``, ``mutual_info_classif`` and ``SelectFromModel``.
    """

    def __init__(
        self,
        columns: Sequence[str],
        method: Literal["variance", "univariate", "model"] = "univariate",
        threshold: float = 0.0,
        keep: int = 100,
        score: Literal["f", "mutual_information"] = "f",
        model: Literal["logistic", "forest"] = "logistic",
        target: str = "label",
        seed: int = 0,
    ) -> None:
        if threshold < 0 or keep < 1:
            raise ValueError(f"a threshold of at least 0 and keep of at least 1 were expected; got {threshold} and {keep}")
        self.columns, self.method, self.threshold, self.keep_best = list(columns), method, threshold, keep
        self.score, self.model, self.target, self.seed = score, model, target, seed
        self.learnt: dict[str, Array] = {}

    def fit(self, columns: Columns) -> None:
        for name in self.columns:
            values = columns[name].astype(np.float64)
            if self.method == "variance":
                chosen = np.flatnonzero(values.var(axis=0) > self.threshold)
            else:
                answers = columns[self.target].reshape(len(values), -1).T
                scores = np.max([np.nan_to_num(self._scores(values, answer)) for answer in answers], axis=0)
                chosen = np.sort(np.argsort(-scores, kind="stable")[: self.keep_best])
            if not len(chosen):
                raise Fault(f"Select: a variance above {self.threshold} was expected of some feature of {name}; none has it.")
            self.learnt[f"{name}.chosen"] = chosen.astype(np.int64)

    def _scores(self, values: NDArray[np.float64], answer: Array) -> Any:
        """How much each feature says about one answer."""
        from sklearn.ensemble import ExtraTreesClassifier
        from sklearn.feature_selection import f_classif, mutual_info_classif
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        if len(np.unique(answer)) < 2:
            return np.zeros(values.shape[1])
        if self.method == "univariate" and self.score == "f":
            with np.errstate(invalid="ignore", divide="ignore"):  # a feature that never changes says nothing
                varied = values.std(axis=0) > 0
                return np.where(varied, f_classif(np.where(varied, values, np.arange(len(values))[:, None]), answer)[0], 0)
        if self.method == "univariate":
            return mutual_info_classif(values, answer, random_state=self.seed)
        if self.model == "forest":
            return ExtraTreesClassifier(300, random_state=self.seed).fit(values, answer).feature_importances_
        fitted = LogisticRegression(C=0.1, max_iter=2000).fit(StandardScaler().fit_transform(values), answer)
        return np.abs(fitted.coef_).sum(axis=0)

    def transform(self, columns: Columns) -> Columns:
        chosen = {name: self.learnt[f"{name}.chosen"] for name in self.columns}
        return columns.replace(
            **{name: np.ascontiguousarray(columns[name][:, chosen[name]]) for name in chosen if name in columns}
        )

    def state(self) -> dict[str, Array]:
        return self.learnt

    def restore(self, state: Mapping[str, Array]) -> None:
        self.learnt = dict(state)

    def names(self, column: str, names: list[str]) -> list[str]:
        return [names[at] for at in self.learnt[f"{column}.chosen"]] if column in self.columns else names
