"""Projection, selection, encoding and over-sampling do what scikit-learn and imbalanced-learn do, and can be taken up again."""

from typing import Any

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE, SMOTENC
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, mutual_info_classif
from sklearn.preprocessing import OrdinalEncoder
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from trainbook.columns import Columns
from trainbook.data.steps.encode import Encode
from trainbook.data.steps.oversample import Oversample
from trainbook.data.steps.project import Project
from trainbook.data.steps.select import Select
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


def wide(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """30 features, of which the first four say something about the class; number 29 never changes."""
    draw = np.random.default_rng(seed)
    label = draw.integers(3, size=rows)
    values = draw.normal(size=(rows, 30)) * np.linspace(0.5, 3, 30)
    values[:, :4] += label[:, None] * [2, -2, 1, 3]
    values[:, 29] = 7
    return values.astype(np.float32), label.astype(np.uint8)


def through(step: Step, again: Step, train: Columns, other: Columns) -> np.ndarray:
    """What a fitted step makes of other rows; one that is restored makes the same bytes."""
    step.fit(train)
    found = step.transform(other)["x"]
    again.restore(step.state())
    np.testing.assert_array_equal(again.transform(other)["x"], found)
    assert step.transform(Columns({"label": np.arange(3)}))["label"].tolist() == [0, 1, 2], "absent columns are tolerated"
    return found


@pytest.mark.parametrize(
    ("how", "independent"),
    [
        ({"components": 5}, PCA(5, svd_solver="full")),
        ({"components": 5, "whiten": True}, PCA(5, svd_solver="full", whiten=True)),
        ({"components": 0.8}, PCA(0.8, svd_solver="full")),
        ({"method": "gaussian", "components": 8, "seed": 3}, GaussianRandomProjection(8, random_state=3)),
        ({"method": "sparse", "components": 8, "seed": 3}, SparseRandomProjection(8, random_state=3)),
    ],
)
def test_projections_are_those_of_scikit_learn(how: Any, independent: Any) -> None:
    train, other = wide(200, 1)[0], wide(40, 2)[0]
    found = through(Project(["x"], **how), Project(["x"], **how), Columns({"x": train}), Columns({"x": other}))
    expected = independent.fit(train.astype(np.float64)).transform(other.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert found.dtype == np.float32


def test_more_components_than_there_are_is_a_fault() -> None:
    with pytest.raises(Fault, match=r"at most 10 components were expected of x, \(10, 30\); got 50"):
        Project(["x"]).fit(Columns({"x": wide(10, 1)[0]}))
    for bad in (0, -3, 2.5):
        with pytest.raises(ValueError, match="components"):
            Project(["x"], components=bad)
    with pytest.raises(ValueError, match="components"):
        Project(["x"], "gaussian", components=0.5)


@pytest.mark.parametrize(
    ("how", "independent"),
    [
        ({"method": "variance", "threshold": 2.0}, VarianceThreshold(2.0)),
        ({"method": "univariate", "keep": 6}, SelectKBest(f_classif, k=6)),
        ({"score": "mutual_information", "keep": 4}, SelectKBest(lambda x, y: mutual_info_classif(x, y, random_state=0), k=4)),
    ],
)
@pytest.mark.filterwarnings("ignore:Features .* are constant", "ignore:invalid value")
def test_selections_are_those_of_scikit_learn(how: Any, independent: Any) -> None:
    (train, label), (other, _) = wide(200, 1), wide(40, 2)
    columns = Columns({"x": train, "label": label})
    found = through(Select(["x"], **how), Select(["x"], **how), columns, Columns({"x": other}))
    np.testing.assert_array_equal(found, independent.fit(train.astype(np.float64), label).transform(other))


@pytest.mark.parametrize("model", ["logistic", "forest"])
def test_a_model_finds_the_features_that_matter(model: Any) -> None:
    train, label = wide(300, 1)
    step = Select(["x"], "model", keep=4, model=model)
    step.fit(Columns({"x": train, "label": label}))
    assert step.state()["x.chosen"].tolist() == [0, 1, 2, 3]
    assert step.names("x", [f"g{at}" for at in range(30)]) == ["g0", "g1", "g2", "g3"]


def test_with_several_labels_a_feature_counts_by_the_best() -> None:
    train, label = wide(300, 1)
    noise = np.random.default_rng(5).integers(2, size=300)
    labels = np.stack([noise, label > 0, label > 1], axis=1).astype(np.uint8)
    step = Select(["x"], keep=4, target="labels")
    step.fit(Columns({"x": train, "labels": labels}))
    assert {0, 1, 3} < set(step.state()["x.chosen"].tolist())


def test_words_are_numbered_and_unseen_ones_are_zero() -> None:
    words = np.array([["b", "x"], ["a", ""], ["a", "x"], ["c", "y"]])
    other = np.array([["c", "z"], ["never heard", "x"], ["a", ""]])
    step = Encode(["x"])
    found = through(step, Encode(["x"]), Columns({"x": words}), Columns({"x": other}))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(words)
    np.testing.assert_array_equal(found, encoder.transform(other) + 1)
    assert found[1, 0] == 0
    assert step.facts() == {"x": {"sizes": [4, 4]}}


def test_rare_words_are_taken_for_unseen() -> None:
    words = np.array([["a"], ["a"], ["b"]])
    step = Encode(["x"], rarest=2)
    step.fit(Columns({"x": words}))
    assert step.transform(Columns({"x": words}))["x"][:, 0].tolist() == [1, 1, 0]
    alone = Encode(["x"], rarest=9)
    again = Encode(["x"], rarest=9)
    assert through(alone, again, Columns({"x": words}), Columns({"x": words})).tolist() == [[0], [0], [0]]


def unequal() -> Columns:
    draw = np.random.default_rng(4)
    label = np.r_[np.zeros(60), np.ones(12)].astype(np.uint8)
    numbers = (draw.normal(size=(72, 3)) + 2 * label[:, None]).astype(np.float32)
    categories = np.stack([draw.integers(1, 4, 72), label + 1], axis=1).astype(np.int16)
    return Columns({"numbers": numbers, "categories": categories, "label": label})


def test_over_sampling_is_that_of_imbalanced_learn() -> None:
    columns = unequal()
    made = Oversample(["numbers", "categories"], seed=2).resample(columns)
    whole = np.concatenate([columns["numbers"].astype(float), columns["categories"]], axis=1)
    expected, labels = SMOTENC([3, 4], random_state=2).fit_resample(whole, columns["label"])
    np.testing.assert_array_equal(made["label"], labels)
    np.testing.assert_allclose(made["numbers"], expected[:, :3], rtol=1e-6)
    np.testing.assert_array_equal(made["categories"], expected[:, 3:])
    assert np.bincount(made["label"]).tolist() == [60, 60]
    np.testing.assert_array_equal(made["numbers"][:72], columns["numbers"], "rows that were there stay")
    assert set(made["categories"][72:, 1]) == {2}, "what all neighbours have is taken over"
    assert {name: made[name].dtype for name in made} == {name: columns[name].dtype for name in columns}
    alone = Oversample(["numbers"], seed=2).resample(Columns({name: columns[name] for name in ("numbers", "label")}))
    np.testing.assert_allclose(
        alone["numbers"], SMOTE(random_state=2).fit_resample(columns["numbers"].astype(float), columns["label"])[0]
    )


def test_repeated_rows_are_rows_that_were_there() -> None:
    columns = unequal()
    made = Oversample(["numbers", "categories"], method="random").resample(columns)
    assert np.bincount(made["label"]).tolist() == [60, 60]
    there = {row.tobytes() for row in columns["numbers"][columns["label"] == 1]}
    assert {row.tobytes() for row in made["numbers"][72:]} <= there


def test_too_few_neighbours_and_gaps_are_faults() -> None:
    columns = unequal()
    with pytest.raises(Fault, match="over 12 rows of each class"):
        Oversample(["numbers"], neighbours=12).resample(Columns({name: columns[name] for name in ("numbers", "label")}))
    holes = columns.replace(numbers=np.where(columns["numbers"] > 2, np.nan, columns["numbers"]))
    with pytest.raises(Fault, match="NaN"):
        Oversample(["numbers", "categories"]).resample(holes)


def test_indicators_stay_0_or_1_and_no_column_is_lost() -> None:
    columns = unequal()
    marked = np.concatenate([columns["numbers"], columns["label"][:, None] * (np.arange(72) % 2)[:, None]], axis=1)
    made = Oversample(["numbers", "categories"]).resample(columns.replace(numbers=marked.astype(np.float32)))
    assert set(np.unique(made["numbers"][:, 3])) == {0, 1}
    with pytest.raises(Fault, match="lacks categories"):
        Oversample(["numbers"]).resample(columns)
