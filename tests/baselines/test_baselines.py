"""Each baseline answers as scikit-learn does to the same rows, whatever columns they have."""

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.preprocessing import StandardScaler

from trainbook.baselines import baseline
from trainbook.baselines.baseline import Baseline
from trainbook.baselines.gradient_boosting import GradientBoosting
from trainbook.baselines.logistic_regression import LogisticRegression
from trainbook.baselines.most_frequent import MostFrequent
from trainbook.faults import Fault

CLASSES = ["a", "b", "c"]
KINDS = [MostFrequent, LogisticRegression, GradientBoosting]


def table(rows: int, seed: int = 0) -> tuple[dict[str, Any], np.ndarray]:
    """Numbers with gaps, words with gaps, and a class that hangs on both."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(rows, 3)).astype(np.float32)
    words = draw.choice(["", "red", "green"], size=(rows, 2))
    target = (numbers[:, 0] + 2 * (words[:, 0] == "red") + 0.5 * draw.normal(size=rows) > 1).astype(np.uint8)
    target[numbers[:, 1] > 1] = 2
    numbers[draw.random(numbers.shape) < 0.1] = np.nan
    return {"numbers": numbers, "words": words}, target


def by_hand(inputs: dict[str, Any], known: dict[str, Any]) -> np.ndarray:
    """Medians and marks for gaps, one column for each word of the training rows, all of known deviation."""

    def filled(part: np.ndarray) -> np.ndarray:
        gaps = np.isnan(part)
        return np.hstack([np.where(gaps, np.nanmedian(known["numbers"], 0), part), gaps])

    scaled = StandardScaler().fit(filled(known["numbers"])).transform(filled(inputs["numbers"]))
    ones = [inputs["words"][:, at] == word for at in (0, 1) for word in np.unique(known["words"][:, at])]
    return np.hstack([scaled, np.stack(ones, 1)])


def test_logistic_regression_on_numbers_and_words() -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    test["words"][0, 0] = "violet"
    ours = LogisticRegression(CLASSES, C=0.5)
    ours.fit(train, {"kind": target})
    reference = Reference(C=0.5, max_iter=1000).fit(by_hand(train, train), target)
    np.testing.assert_allclose(ours.predict(test), reference.predict_proba(by_hand(test, train)), atol=2e-3)


def test_gradient_boosting_on_numbers_and_words() -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    ours = GradientBoosting(CLASSES, learning_rate=0.2, max_iter=20)
    ours.fit(train, {"kind": target})

    def coded(inputs: dict[str, Any]) -> np.ndarray:
        return np.hstack([inputs["numbers"], np.searchsorted(["", "green", "red"], inputs["words"])])

    reference = HistGradientBoostingClassifier(learning_rate=0.2, max_iter=20, categorical_features=[3, 4], early_stopping=False)
    np.testing.assert_allclose(ours.predict(test), reference.fit(coded(train), target).predict_proba(coded(test)), atol=1e-9)
    test["words"][0] = "violet"
    assert np.isfinite(ours.predict(test)).all()


def test_most_frequent_is_the_prior() -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    ours = MostFrequent(CLASSES)
    ours.fit(train, {"kind": target})
    reference = DummyClassifier(strategy="prior").fit(np.zeros((300, 1)), target)
    np.testing.assert_allclose(ours.predict(test), reference.predict_proba(np.zeros((80, 1))))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_learnt_one_by_one_also_those_that_never_change(kind: type[Baseline]) -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    labels = np.stack([target == 0, np.zeros(300), target == 2, np.ones(300)], axis=1).astype(np.uint8)
    ours, alone = kind(), kind()
    ours.fit(train, {"labels": labels})
    said = ours.predict(test)
    assert said.shape == (80, 4)
    np.testing.assert_array_equal(said[:, [1, 3]], np.tile([0, 1], (80, 1)))
    alone.fit(train, {"one": labels[:, 2]})
    np.testing.assert_allclose(said[:, 2], alone.predict(test)[:, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_without_training_rows_has_no_chance(kind: Any) -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    target[target == 1] = 2
    ours = kind([*CLASSES, "d"])
    ours.fit(train, {"kind": target})
    said = ours.predict(test)
    assert said.shape == (80, 4)
    np.testing.assert_array_equal(said[:, [1, 3]], 0)
    np.testing.assert_allclose(said.sum(1), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_columns_without_a_value_are_no_fault(kind: Any) -> None:
    draw = np.random.default_rng(0)
    target = np.arange(60) % 2
    pictures = (draw.integers(0, 99, (60, 1, 4, 4)) + 100 * target[:, None, None, None]).astype(np.uint8)
    ours = kind(CLASSES[:2])
    ours.fit({"x": pictures, "empty": np.full(60, np.nan, np.float32)}, {"kind": target})
    said = ours.predict({"x": pictures, "empty": np.zeros(60, np.float32)})
    assert (said.argmax(1) == target).mean() == (1 if kind is not MostFrequent else 0.5)


def test_many_words_are_no_fault() -> None:
    words = np.array([f"word {number}" for number in range(400)] * 2)
    ours = GradientBoosting(CLASSES[:2], max_iter=2)
    ours.fit({"words": words}, {"kind": np.arange(800) % 2})
    assert np.isfinite(ours.predict({"words": words})).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_again(kind: Any) -> None:
    (train, target), (test, _) = table(300), table(80, seed=1)
    ours = [kind(CLASSES) for _ in range(2)]
    for each in ours:
        each.fit(train, {"kind": target})
    np.testing.assert_array_equal(ours[0].predict(test), ours[1].predict(test))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("targets", [{"a": np.zeros(300, np.uint8), "b": np.zeros(300, np.uint8)}, {"price": np.ones(300)}])
def test_other_targets_are_a_fault(kind: Any, targets: dict[str, Any]) -> None:
    with pytest.raises(Fault, match=r"one target of class ids or labels; got .*baselines=none"):
        kind(CLASSES).fit(table(300)[0], targets)


def test_a_solver_that_stops_early_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    train, target = table(300)
    LogisticRegression(CLASSES, max_iter=2).fit(train, {"kind": target})
    assert "has not converged in max_iter=2 steps" in capsys.readouterr().err


LINEAR = "trainbook.baselines.logistic_regression.LogisticRegression"
BOOSTING = "trainbook.baselines.gradient_boosting.GradientBoosting"


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (3, "a mapping was expected; got 3"),
        ({"../up": {"_target_": LINEAR}}, "a name of letters, digits, _ and -"),
        ({"x": None}, "a section with _target_"),
        ({"x": {"_target_": "os.system"}}, "is not trusted"),
        ({"x": {"_target_": "trainbook.networks.mlp.Mlp"}}, "a baseline was expected, a class of trainbook.baselines.*"),
        ({"x": {"_target_": LINEAR, "D": 1}}, "takes no D; it takes classes, C, max_iter"),
        ({"x": {"_target_": LINEAR, "C": "much"}}, "x.C: a number was expected; got 'much'"),
        ({"x": {"_target_": LINEAR, "C": 0.0}}, "x: C above 0 and max_iter of at least 1 were expected; got 0.0 and 1000"),
        ({"x": {"_target_": BOOSTING, "learning_rate": 0.0}}, "learning_rate above 0"),
        ({"x": {"_target_": BOOSTING, "max_leaf_nodes": 1}}, "max_leaf_nodes of at least 2"),
    ],
)
def test_settings_that_are_wrong(sections: Any, said: str) -> None:
    (found,) = baseline.faults("baselines", sections)
    assert said in found
