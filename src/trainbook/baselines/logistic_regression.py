"""The linear opponent: logistic regression on scaled numbers and on words as ones and zeros."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.baselines.baseline import Baseline, only
from trainbook.baselines.estimators import Estimators
from trainbook.baselines.features import numbers, words
from trainbook.columns import Array


class LogisticRegression(Baseline):
    """scikit-learn's: softmax over the classes, or one regression a label; L2 penalty.

    Gaps become the median and a mark that they were gaps; then mean 0 and deviation 1. Words that training did not have
    are all zeros.

    Args:
        classes: their names, from the facts; none for labels.
        C: the inverse of the penalty's strength.
        max_iter: steps of the solver (L-BFGS) at most.
    """

    def __init__(self, classes: Sequence[str] = (), C: float = 1.0, max_iter: int = 1000) -> None:  # noqa: N803
        if C <= 0 or max_iter < 1:
            raise ValueError(f"C above 0 and max_iter of at least 1 were expected; got {C} and {max_iter}")
        self.strength, self.max_iter = C, max_iter
        self.estimators = Estimators(self._make, len(classes))
        self.transformers: list[Any] = []

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        self.transformers = [make_pipeline(imputer, StandardScaler()), OneHotEncoder(handle_unknown="ignore")]
        for transformer, values in zip(self.transformers, (numbers(inputs), words(inputs)), strict=True):
            if values.shape[1]:
                transformer.fit(values)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is told below, in a line
            fitted = self.estimators.fit(self._features(inputs), only(targets))
        if any(np.max(getattr(each, "n_iter_", 0)) >= self.max_iter for each in fitted):
            print(f"trainbook: logistic regression has not converged in max_iter={self.max_iter} steps.", file=sys.stderr)

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        return self.estimators.predict(self._features(inputs))

    def _features(self, inputs: Mapping[str, Array]) -> Any:
        from scipy.sparse import hstack

        both = zip(self.transformers, (numbers(inputs), words(inputs)), strict=True)
        parts = [transformer.transform(values) for transformer, values in both if values.shape[1]]
        return parts[0] if len(parts) == 1 else hstack(parts, format="csr")

    def _make(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.strength, max_iter=self.max_iter, random_state=0)
