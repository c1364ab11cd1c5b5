"""Classifiers of scikit-learn for a class target, or one for each of several labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm


class Estimators:
    """Gives chances of all classes, also of those that no training row has; a label that never changes is no fault.

    Everything runs on one thread, for another number of them adds up in another order, and gives other bits.

    Args:
        make: gives a fresh classifier of scikit-learn.
        classes: how many there are; 0 = as many as the training rows have.
    """

    def __init__(self, make: Callable[[], Any], classes: int) -> None:
        self.make, self.classes, self.labels = make, classes, False
        self.fitted: list[Any] = []

    def fit(self, features: Any, target: NDArray[np.int64]) -> list[Any]:
        """Learn from features (n, …) and class ids (n,), or labels (n, labels); returns what was fitted, one a label."""
        from sklearn.dummy import DummyClassifier
        from threadpoolctl import threadpool_limits

        self.labels = target.ndim == 2
        self.classes = 2 if self.labels else max(self.classes, int(target.max()) + 1)
        columns = target.T if self.labels else target[np.newaxis]
        with threadpool_limits(1):
            for column in tqdm(columns, desc="Labels", disable=None if self.labels else True, leave=False):
                varies = column.min() < column.max()
                estimator = self.make() if varies else DummyClassifier(strategy="prior")
                self.fitted.append(estimator.fit(features, column))
        return self.fitted

    def predict(self, features: Any) -> NDArray[np.float64]:
        """Chances (n, classes), or of each label (n, labels)."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            found = [self._chances(estimator, features) for estimator in self.fitted]
        return np.stack([chances[:, 1] for chances in found], axis=1) if self.labels else found[0]

    def _chances(self, estimator: Any, features: Any) -> NDArray[np.float64]:
        chances = np.zeros((features.shape[0], self.classes))
        chances[:, estimator.classes_] = estimator.predict_proba(features)
        return chances
