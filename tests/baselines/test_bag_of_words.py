"""The bag of words answers as scikit-learn's own pipeline does to the same made-up texts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from trainbook.baselines.bag_of_words import BagOfWords
from trainbook.faults import Fault

WORDS = ["tea", "cup", "good", "bad", "not", "very", "the", "ä", "schön", "again"]


def made(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts of 3 to 12 words, of which "good" and "not good" say what class it is."""
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(WORDS, int(draw.integers(3, 12)))) for _ in range(rows)]
    label = [("good" in text) + ("not good" in text) for text in texts]
    return np.array(texts, object), np.array(label, np.uint8)


def reference(longest: int, rarest: int, strength: float) -> Any:
    """Counts, their logarithm and the inverse document frequency in steps of their own."""
    return make_pipeline(
        CountVectorizer(ngram_range=(1, longest), min_df=rarest),
        TfidfTransformer(sublinear_tf=True),
        LogisticRegression(C=strength, max_iter=1000),
    )


@pytest.mark.parametrize(("longest", "rarest", "strength"), [(1, 1, 1.0), (2, 2, 3.0), (3, 5, 10.0)])
def test_it_answers_as_scikit_learn_does(longest: int, rarest: int, strength: float) -> None:
    (train, label), (test, wanted) = made(300, 1), made(80, 2)
    test[0] = "words that nobody knows"
    ours = BagOfWords(["a", "b", "c"], longest, rarest, strength)
    ours.fit({"x": train}, {"label": label})
    theirs = reference(longest, rarest, strength).fit(train, label)
    np.testing.assert_allclose(ours.predict({"x": test}), theirs.predict_proba(test), atol=1e-3)
    if longest > 1:
        assert (ours.predict({"x": test}).argmax(1) == wanted).mean() > 0.8


def test_phrases_say_what_words_do_not() -> None:
    (train, label), (test, wanted) = made(300, 1), made(200, 2)
    right = []
    for longest in (1, 2):
        ours = BagOfWords(["a", "b", "c"], longest)
        ours.fit({"x": train}, {"label": label})
        right.append((ours.predict({"x": test}).argmax(1) == wanted).mean())
    assert right[0] + 0.05 < right[1]


def test_columns_have_words_of_their_own_and_labels_are_learnt_one_by_one() -> None:
    (train, label), (title, _) = made(200, 1), made(200, 3)
    labels = np.stack([label > 0, np.zeros(200), label > 1], axis=1).astype(np.uint8)
    ours = BagOfWords()
    ours.fit({"x": title, "y": train}, {"labels": labels})
    chances = ours.predict({"x": title, "y": train})
    assert chances.shape == (200, 3)
    assert not chances[:, 1].any()
    assert ((chances[:, 0] > 0.5) == labels[:, 0]).mean() > 0.9
    swapped = ours.predict({"x": train, "y": title})
    assert ((swapped[:, 0] > 0.5) == labels[:, 0]).mean() < 0.9


def test_what_is_no_text_is_refused() -> None:
    label = np.array([0, 1], np.uint8)
    refused: list[Mapping[str, Any]] = [{"x": np.zeros((2, 3))}, {"x": np.array([np.zeros(3), np.zeros(2)], object)}]
    for inputs in refused:
        with pytest.raises(Fault, match="texts were expected; got x"):
            BagOfWords(["a", "b"]).fit(inputs, {"label": label})
    with pytest.raises(Fault, match="words that 2 training texts have were expected"):
        BagOfWords(["a", "b"]).fit({"x": np.array(["one", "two"], object)}, {"label": label})
    with pytest.raises(ValueError, match="C above 0"):
        BagOfWords(C=0)
