"""The opponent that is hard to beat on short texts: which words there are, whatever their order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.baselines.baseline import Baseline, only
from trainbook.baselines.estimators import Estimators
from trainbook.columns import Array
from trainbook.faults import Fault


class BagOfWords(Baseline):
    """scikit-learn's TF-IDF of words, and of phrases of neighbouring words, with its logistic regression; L2 penalty.

    A word's weight is its count in a text, dampened by the logarithm, times the logarithm of how rare the word is among the
    training texts (Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988); a text has length 1.
    Each column of texts has words of its own.

    Args:
        classes: their names, from the facts; none for labels.
        longest: words of a phrase at most.
        rarest: phrases that fewer training texts have are left out.
        C: the inverse of the penalty's strength.
        max_iter: steps of the solver (L-BFGS) at most.
    """

    def __init__(
        self,
        classes: Sequence[str] = (),
        longest: int = 2,
        rarest: int = 2,
        C: float = 3.0,  # noqa: N803
        max_iter: int = 1000,
    ) -> None:
        if longest < 1 or rarest < 1 or C <= 0 or max_iter < 1:
            raise ValueError(
                "longest, rarest and max_iter of at least 1 and C above 0 were expected; "
                f"got {longest}, {rarest}, {max_iter} and {C}"
            )
        self.longest, self.rarest, self.strength, self.max_iter = longest, rarest, C, max_iter
        self.estimators = Estimators(self._make, len(classes))
        self.vectorizers: dict[str, Any] = {}

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        for name, texts in _texts(inputs).items():
            made = TfidfVectorizer(ngram_range=(1, self.longest), min_df=self.rarest, sublinear_tf=True, dtype=np.float64)
            try:
                self.vectorizers[name] = made.fit(texts)
            except ValueError as error:
                raise Fault(f"{name}: words that {self.rarest} training texts have were expected ({error}).") from error
        self.estimators.fit(self._features(inputs), only(targets))

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        return self.estimators.predict(self._features(inputs))

    def _features(self, inputs: Mapping[str, Array]) -> Any:
        from scipy.sparse import hstack

        texts = _texts(inputs)
        return hstack([made.transform(texts[name]) for name, made in self.vectorizers.items()], format="csr")

    def _make(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.strength, max_iter=self.max_iter, random_state=0)


def _texts(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The columns of texts (n,).

    Raises:
        Fault: there is none.
    """
    found = {
        name: values for name, values in inputs.items() if values.ndim == 1 and all(isinstance(each, str) for each in values)
    }
    if not found:
        raise Fault(f"bag_of_words: texts were expected; got {', '.join(inputs)}. Take other baselines.")
    return found
