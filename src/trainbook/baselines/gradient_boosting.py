"""The opponent that is hard to beat on tables: gradient boosted trees."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.baselines.baseline import Baseline, only
from trainbook.baselines.estimators import Estimators
from trainbook.baselines.features import numbers, words
from trainbook.columns import Array

MOST = 254
"""Words of a column that are told apart; the rarest ones of more are one together. Trees take 255 at most."""


class GradientBoosting(Baseline):
    """scikit-learn's histogram-based trees, in the manner of LightGBM (Ke et al., NeurIPS 2017); one ensemble a label.

    Gaps and words are theirs to split on; a word that training did not have is a gap. All training rows are used, and
    all iterations: there is no early stopping.

    Args:
        classes: their names, from the facts; none for labels.
        learning_rate: by which each tree is shrunk.
        max_iter: trees, for each class where there are more than two.
        max_leaf_nodes: of a tree.
        min_samples_leaf: rows in a leaf at least.
        l2_regularization: of the leaves' values.
    """

    def __init__(
        self,
        classes: Sequence[str] = (),
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
    ) -> None:
        if learning_rate <= 0 or l2_regularization < 0:
            raise ValueError(
                "learning_rate above 0 and l2_regularization of at least 0 were expected; "
                f"got {learning_rate} and {l2_regularization}"
            )
        if max_iter < 1 or max_leaf_nodes < 2 or min_samples_leaf < 1:
            raise ValueError(
                "max_iter of at least 1, max_leaf_nodes of at least 2 and min_samples_leaf of at least 1 were expected; "
                f"got {max_iter}, {max_leaf_nodes} and {min_samples_leaf}"
            )
        self.settings = {
            "learning_rate": learning_rate,
            "max_iter": max_iter,
            "max_leaf_nodes": max_leaf_nodes,
            "min_samples_leaf": min_samples_leaf,
            "l2_regularization": l2_regularization,
        }
        self.estimators = Estimators(self._make, len(classes))
        self.encoder: Any = None
        self.of_words: list[bool] = []
        self.given: NDArray[np.bool_] = np.empty(0, bool)

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        from sklearn.preprocessing import OrdinalEncoder

        known, said = numbers(inputs), words(inputs)
        if said.shape[1]:
            self.encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST)
            self.encoder.fit(said)
        self.given = ~np.isnan(known).all(0)  # scikit-learn cannot bin a column without any value
        self.of_words = [False] * int(self.given.sum()) + [True] * said.shape[1]
        self.estimators.fit(self._features(inputs), only(targets))

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        return self.estimators.predict(self._features(inputs))

    def _features(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        known = numbers(inputs)[:, self.given]
        return known if self.encoder is None else np.hstack([known, self.encoder.transform(words(inputs))])

    def _make(self) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            **self.settings, categorical_features=self.of_words, early_stopping=False, random_state=0
        )
