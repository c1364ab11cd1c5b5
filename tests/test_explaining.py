"""`trainbook explain`: attributions, importance and dependence equal closed formulas, scikit-learn's and plain loops."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from torch import Tensor, nn

from kinds.project import Project, weights
from kinds.table.network import Embedded
from kinds.test_table import FEATURES, LABELS, ROWS, made_up, split, write
from trainbook.columns import Columns
from trainbook.data.splits.holdout import Holdout
from trainbook.explanations import saliency
from trainbook.explanations.attribution import integrated_gradients
from trainbook.explanations.continuous import Continuous
from trainbook.explanations.dependence import VALUES, dependence, values_of
from trainbook.explanations.feature import Feature
from trainbook.explanations.importance import losses
from trainbook.explanations.scores import Scores
from trainbook.faults import Fault
from trainbook.networks.mlp import Mlp
from trainbook.tasks.classification import Classification

CLASSES = ["one", "other", "third"]
FACTS: dict[str, Any] = {"targets": {"label": {"classes": CLASSES}}}
DRAW = np.random.default_rng(0)


def scores_of(network: nn.Module) -> Scores:
    return Scores(Classification(network, CLASSES, [1, 1, 1]).eval(), FACTS)


def attributed(network: nn.Module, baseline: tuple[Tensor, ...], target: Tensor, **inputs: Tensor) -> dict[str, Any]:
    scores = scores_of(network)
    found, _ = integrated_gradients(Continuous(scores, network, inputs), inputs, baseline, target)
    return found


class Linear(nn.Module):
    """Nothing but a weight a value."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = nn.Linear(int(np.prod(shape)), 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layer(x.flatten(1))
        return logits


class Words(nn.Module):
    """One embedding for all columns, each with numbers of its own, one of positions, and a weight a value."""

    def __init__(self) -> None:
        super().__init__()
        self.position, self.word = nn.Embedding(3, 2), nn.Embedding(12, 2)
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        words = self.word(ids + 4 * torch.arange(3)) + self.position(torch.arange(3))
        logits: Tensor = self.layer(torch.cat([words.flatten(1), x], 1))
        return logits


class Filters(nn.Module):
    """A convolution, and a weight for each of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.filters, self.layer = nn.Conv2d(1, 4, 1), nn.Linear(4 * 36, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layer(self.filters(x).flatten(1))
        return logits


class Raw(nn.Module):
    """Takes numbers of words for numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float()


def test_a_linear_network_attributes_each_weight_times_the_distance_from_the_mean() -> None:
    network, x, target = Linear((5,)), torch.randn(7, 5), torch.arange(7) % 3
    mean = x.mean(0, keepdim=True)
    found = attributed(network, (mean,), target, x=x)["x"]
    torch.testing.assert_close(found, (network.layer.weight[target] * (x - mean)).detach())


def test_attributions_of_a_row_sum_to_the_difference_from_the_baseline() -> None:
    network, x, target = Mlp([6], 3, [16], "tanh"), torch.randn(40, 6), torch.arange(40) % 3
    scores, mean = scores_of(network), torch.randn(1, 6)
    found, error = integrated_gradients(Continuous(scores, network, {"x": x}), {"x": x}, (mean,), target)
    with torch.no_grad():
        difference = (scores({"x": x}) - scores({"x": mean})).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(found["x"].sum(1), difference, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(error, (found["x"].sum(1) - difference).abs(), atol=2e-6, rtol=0)


def test_a_category_gets_what_its_embedding_adds() -> None:
    network, ids, x, target = Words(), torch.randint(0, 4, (9, 3)), torch.randn(9, 2), torch.arange(9) % 3
    empty = (torch.zeros(1, 2), torch.zeros(1, 3, 2))
    found = attributed(network, empty, target, x=x, ids=ids)
    weight = network.layer.weight[target].detach()
    torch.testing.assert_close(found["x"], weight[:, 6:] * x)
    word = network.word(ids + torch.tensor([0, 4, 8])).detach()
    torch.testing.assert_close(found["ids"], (weight[:, :6].reshape(9, 3, 2) * word).sum(2))


def test_numbers_and_categories_go_the_way_together() -> None:
    network = Embedded([4], [5, 3], 3, width=8)
    inputs = {"numbers": torch.randn(6, 4), "categories": torch.stack([torch.randint(0, 5, (6,)), torch.randint(0, 3, (6,))], 1)}
    scores, target = scores_of(network), torch.arange(6) % 3
    function = Continuous(scores, network, inputs)
    baseline = tuple(value.mean(0, keepdim=True) for value in function.values(inputs))
    found, error = integrated_gradients(function, inputs, baseline, target)
    assert {name: value.shape for name, value in found.items()} == {name: value.shape for name, value in inputs.items()}
    with torch.no_grad():
        start = network.layers(torch.cat(baseline, 1))
        difference = (scores(inputs) - start).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(found["numbers"].sum(1) + found["categories"].sum(1), difference, atol=0.02, rtol=0)
    assert error.max() < 0.02


def test_integers_that_are_not_embedded_are_refused() -> None:
    with pytest.raises(Fault, match=r"through an nn\.Embedding were expected of x; 2 of 2 do not"):
        Continuous(scores_of(Raw()), Raw(), {"x": torch.tensor([[0, 3]])})


def test_a_task_without_logits_is_refused() -> None:
    task = Classification(Linear((2,)), CLASSES, [1, 1, 1])
    task.predict = lambda batch: {"quantiles": torch.zeros(4, 3)}  # type: ignore[method-assign]
    with pytest.raises(Fault, match=r"predicts logits, one a row or class, was expected; this one predicts quantiles \(4, 3\)"):
        Scores(task, FACTS)({"x": torch.zeros(4, 2)})


def test_a_single_score_speaks_for_the_second_class() -> None:
    scores = Scores(scores_of(Linear((2,))).task, {"targets": {"label": {"classes": ["good", "bad"]}}})
    assert scores.names(1) == ["bad"]
    assert scores.names(2) == ["good", "bad"]
    torch.testing.assert_close(scores.chances(torch.tensor([[0.3]])), torch.tensor([[0.3]]).sigmoid())


def test_occlusion_of_a_linear_network_is_the_weight_times_what_was_hidden() -> None:
    network, pictures, empty = Linear((2, 7, 7)), torch.randn(5, 2, 7, 7), torch.randn(1, 2, 7, 7)
    target = torch.arange(5) % 3
    found = saliency.maps(scores_of(network), network, {"x": pictures}, "x", target, empty)
    expected = network.layer.weight[target].reshape(5, 2, 7, 7) * (pictures - empty)
    torch.testing.assert_close(found["occlusion"], expected.sum(1).detach(), atol=1e-5, rtol=1e-4)
    assert set(found) == {"occlusion"}


def test_grad_cam_weighs_filters_by_their_mean_gradient() -> None:
    network = Filters()
    pictures, target = torch.randn(5, 1, 6, 6), torch.arange(5) % 3
    found = saliency.maps(scores_of(network), network, {"x": pictures}, "x", target, torch.zeros(1, 1, 6, 6))["grad_cam"]
    with torch.no_grad():
        mean = network.layer.weight[target].reshape(5, 4, 36).mean(2)
        expected = (mean[:, :, None, None] * network.filters(pictures)).sum(1).relu()
    torch.testing.assert_close(found, expected)


def table_of(values: np.ndarray) -> Columns:
    return Columns({"alone": values[:, 0].copy(), "matrix": values[:, 1:].copy()})


def together(columns: Columns) -> np.ndarray:
    return np.column_stack([columns["alone"], columns["matrix"]])


@pytest.fixture(scope="module")
def logistic() -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    """Three classes that hang on the first two of four columns; the last two are noise."""
    values = DRAW.normal(size=(120, 4))
    labels = np.digitize(values[:, 0] + 2 * values[:, 1], [-1, 1])
    return LogisticRegression().fit(values[:, :2], labels), values, labels


FOUR = [Feature("a", "alone", None), *(Feature(name, "matrix", at) for at, name in enumerate("bcd"))]


def test_permutation_importance_is_that_of_scikit_learn(logistic: Any) -> None:
    classifier, values, labels = logistic

    class Two(LogisticRegression):
        """Looks at two of the columns alone."""

        def score(self, values: np.ndarray, labels: np.ndarray, sample_weight: Any = None) -> float:
            return float(classifier.score(values[:, :2], labels))

    expected = permutation_importance(Two().fit(values, labels), values, labels, n_repeats=5, random_state=3)["importances"]
    seed = np.random.RandomState(3).randint(np.iinfo(np.int32).max + 1)  # as scikit-learn draws
    draw, at, order, orders = np.random.RandomState(seed), np.arange(120), np.arange(120), []
    for _ in range(5):
        draw.shuffle(at)
        order = order[at]
        orders.append(order)

    def measure(columns: Columns, tables: int) -> list[float]:
        return [float(classifier.score(each[:, :2], labels)) for each in np.split(together(columns), tables)]

    found = losses(table_of(values), FOUR, np.stack(orders), measure, quiet=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[:2].mean() > 0.1
    assert (found[2:] == 0).all(), "noise that the model does not look at"


def test_partial_dependence_is_that_of_scikit_learn(logistic: Any) -> None:
    classifier, values, _ = logistic

    def answer(columns: Columns) -> np.ndarray:
        chances: np.ndarray = classifier.predict_proba(together(columns)[:, :2])
        return chances

    for at, feature in enumerate(FOUR[:2]):
        found = dependence(table_of(values), feature, answer)
        assert len(found.grid) == VALUES
        how: dict[str, Any] = {"custom_values": {at: found.grid}, "method": "brute", "response_method": "predict_proba"}
        expected = partial_dependence(classifier, values[:, :2], [at], **how)["average"]
        np.testing.assert_allclose(found.chances, expected.T)


def test_a_grid_has_values_that_the_feature_has() -> None:
    numbers = np.array([1, 5, 5, np.nan, 2], np.float32)
    assert values_of(numbers).tolist() == [1, 2, 5]
    many = DRAW.normal(size=1000)
    grid = values_of(many)
    assert set(grid) <= set(many)
    assert np.mean(many < grid[0]) == pytest.approx(0.05, abs=0.01)
    words = np.array([f"word {at // at_most}" for at_most in (1, 40) for at in range(80)])
    assert len(values_of(words)) == VALUES
    assert {"word 0", "word 1"} <= set(values_of(words).tolist())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def raw_columns(rows: list[dict[str, str]]) -> Columns:
    numbers = {name: np.array([float(row[name] or "nan") for row in rows], np.float32) for name in ("age", "income")}
    return Columns(numbers | {name: np.array([row[name] for row in rows]) for name in ("city", "plan")})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The made-up table, a model with a run, and its explanation."""
    made = Project(tmp_path_factory.mktemp("explained") / "project")
    (made.folder / "data").mkdir()
    write(made.folder / "data" / "table.csv", made_up(ROWS))
    made.run("train", "experiment=table", "tracking.run_name=first", "tracking.system_metrics=false")
    write(made.folder / "new.csv", [{name: row[name] for name in FEATURES} for row in split("test")[:7]])
    (made.folder / "said").write_text(made.run("explain", "model=runs/first/model", "input=new.csv"))
    return made


def test_what_is_printed_and_written(table: Project) -> None:
    made = table.folder / "runs/first/explanation"
    lines = (table.folder / "said").read_text().splitlines()
    listed = rows_of(made / "importance.csv")
    assert [line.split()[0] for line in lines[1:5]] == [row["feature"] for row in listed]
    assert lines[1].split()[1:] == [f"{float(listed[0]['importance']):.4f}", "±", f"{float(listed[0]['deviation']):.4f}"]
    assert lines[-1] == "figures: runs/first/explanation/figures"
    drawn = {path.name for path in (made / "figures").iterdir()}
    assert drawn == {"attributions.png", "importance.png", "dependence.png"}


def test_attributions_have_raw_values_and_follow_how_the_data_were_made(table: Project) -> None:
    found = rows_of(table.folder / "runs/first/explanation/attributions.csv")
    raw = split("test")[:7]
    assert [(row["row"], row["feature"]) for row in found] == [
        (f"new.csv[{at}]", name) for at in range(7) for name in ("age", "income", "city", "plan")
    ]
    assert all(row["value"] == raw[at // 4][row["feature"]].removesuffix(".0") for at, row in enumerate(found))
    answered = table.open("first").answer(raw_columns(raw))
    chances = np.stack([answered[name] for name in LABELS], 1)
    assert [row["answer"] for row in found[::4]] == [LABELS[at] for at in chances.argmax(1)]
    for label, names in (("buys", {"income", "plan"}), ("leaves", {"age", "city"})):
        own, other = (
            sum(abs(float(row["attribution"])) for row in found if row["answer"] == label and (row["feature"] in names) == wanted)
            for wanted in (True, False)
        )
        assert own > 2 * other, label


def test_importance_is_measured_on_validation_rows(table: Project) -> None:
    about = json.loads((table.folder / "runs/first/explanation/explanation.json").read_text())
    answered = table.open("first").answer(raw_columns(split("validation")))
    chances = np.stack([answered[name] for name in LABELS], 1)
    chosen = chances >= weights(table.folder / "runs/first/model")["thresholds"]
    true = np.array([[int(row[name]) for name in LABELS] for row in split("validation")])
    assert about["metric"] == "val/f1"
    assert about["value"] == pytest.approx(f1_score(true, chosen, average="macro"), abs=1e-6)
    assert about["validation_rows"] == len(true)
    found = {row["feature"]: float(row["importance"]) for row in rows_of(table.folder / "runs/first/explanation/importance.csv")}
    assert set(found) == set(FEATURES)
    assert min(found.values()) > 0.03, "each of the four decides over a label"


def test_dependence_is_the_mean_answer_of_validation_rows(table: Project) -> None:
    found = rows_of(table.folder / "runs/first/explanation/dependence.csv")
    assert {row["feature"] for row in found} == set(FEATURES)
    model, raw = table.open("first"), raw_columns(split("validation"))
    for row in found[::11]:
        same = np.full(raw.rows, row["value"] if raw[row["feature"]].dtype.kind == "U" else np.float32(row["value"]))
        answered = model.answer(raw.replace(**{row["feature"]: same}))
        assert float(row["chance"]) == pytest.approx(answered[row["answer"]].mean(), abs=2e-5), row
    leaves = {row["value"]: float(row["chance"]) for row in found if (row["feature"], row["answer"]) == ("city", "leaves")}
    assert leaves["Oslo"] < leaves["Bergen"] - 0.1


def test_the_run_has_it_too(table: Project) -> None:
    kept = {path.name for path in table.folder.glob("mlartifacts/*/artifacts/explanation/*")}
    assert kept == {"answers.csv", "attributions.csv", "importance.csv", "dependence.csv", "explanation.json"}
    drawn = {path.name for path in table.folder.glob("mlartifacts/*/artifacts/figures/explanation/*")}
    assert drawn == {"attributions.png", "importance.png", "dependence.png"}


def test_test_rows_change_nothing_and_validation_rows_must_be_those_of_the_training(table: Project) -> None:
    first, file = table.folder / "runs/first/explanation", table.folder / "data/table.csv"
    parts = Holdout(0.2, 0.2)({"train": Columns({"row": np.arange(ROWS)})})
    for part, same in (("test", True), ("validation", False)):
        rows = made_up(ROWS)
        changed = [dict(row) for row in rows]
        for at in parts[part]["row"]:
            changed[at] |= {"income": "12345", "buys": "1", "leaves": "0"}
        write(file, changed)
        table.run("explain", "model=runs:/first", "input=new.csv", "--output", part, "--quiet")
        for name in ("answers", "attributions", "importance", "dependence") if same else ():
            assert (table.folder / part / f"{name}.csv").read_bytes() == (first / f"{name}.csv").read_bytes(), name
        now, then = ([{**row, "error": ""} for row in rows_of(at / "answers.csv")] for at in (table.folder / part, first))
        assert now == then, "the error is that of another baseline"
    assert not (table.folder / "validation/importance.csv").exists()
    file.unlink()
    table.run("explain", "model=runs/first/model", "input=new.csv", "--output", "alone")
    write(file, made_up(ROWS))
    assert {path.name for path in (table.folder / "alone").iterdir()} == {
        "answers.csv",
        "attributions.csv",
        "explanation.json",
        "figures",
    }


def test_wrong_words_and_inputs(table: Project, tmp_path: Path) -> None:
    write(tmp_path / "short.csv", [{"age": "30", "income": "1000"}])
    for words, said in (
        (["model=runs/first/model"], r": 2\ntrainbook: model=FOLDER and input=PATH were expected"),
        (["model=runs/first/model", "input=nothing.csv"], r"input=nothing\.csv does not exist"),
        (["model=runs/none/model", "input=new.csv"], r"a model folder \(.*\) was expected"),
        (["model=runs/first/model", f"input={tmp_path / 'short.csv'}"], r"missing: city, plan"),
        (["model=runs/first/model", "input=new.csv", "--output", "data"], r"this one holds something else"),
    ):
        with pytest.raises(AssertionError, match=said):
            table.run("explain", *words, *([] if "--output" in words else ["--output", "wrong"]))
    assert not (table.folder / "wrong").exists()


@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_pictures(inside: Callable[..., None], project: Path, network: str) -> None:
    inside("train", f"experiment=tiny_{network}", "trainer.max_epochs=12", "tracking=none", "tracking.run_name=one")
    inside("explain", "model=runs/one/model", "input=data/tiny/test-x.gz")
    made = project / "runs/one/explanation"
    maps = Columns.load(made / "maps")
    methods = {"integrated_gradients", "occlusion"} | ({"grad_cam"} if network == "cnn" else set())
    assert {name: each.shape for name, each in maps.items()} == dict.fromkeys(methods, (60, 12, 12))
    assert {path.name for path in (made / "figures").iterdir()} == {"saliency.png"}
    answers = [row["answer"] for row in rows_of(made / "answers.csv")]
    corners = maps["occlusion"].reshape(60, 2, 6, 2, 6).sum((2, 4)).reshape(60, 4)
    right = np.mean(corners.argmax(1) == np.array(["abcd".index(answer) for answer in answers]))
    assert right > 0.7, "what is hidden from the answer's bright corner costs most"
