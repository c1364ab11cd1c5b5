"""A table with numbers, categories and several labels goes through every verb by new files only."""

import csv
import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss

from kinds.project import Project, weights
from mortal import lives
from trainbook.columns import Columns
from trainbook.data.facts import read_facts
from trainbook.data.splits.holdout import Holdout
from trainbook.files import read_json

ROWS, LABELS, FEATURES = 401, ["buys", "leaves", "calls"], ["age", "income", "city", "plan"]


@cache
def made_up(rows: int) -> list[dict[str, str]]:
    """Labels of unequal rarity that hang on numbers with gaps and on categories, of which one is very rare."""
    draw, table = np.random.default_rng(3), []
    for row in range(rows):
        age, income = draw.normal(40, 12), draw.normal(3000, 900)
        city, plan = str(draw.choice(["Bergen", "Oslo", "Turku"])), str(draw.choice(["basic", "full"]))
        buys = (income - 3000) / 900 + 2 * (plan == "full") - 1 + 0.3 * draw.normal() > 0
        leaves = (age - 40) / 12 - 2 * (city == "Oslo") + 0.3 * draw.normal() > 0.4
        calls = draw.random() < 0.15
        table.append(
            {
                "age": "" if draw.random() < 0.05 else f"{age:.1f}",
                "income": f"{income:.0f}",
                "city": "Å" if row == 0 else city,
                "plan": plan,
                **{name: str(int(value)) for name, value in zip(LABELS, (buys, leaves, calls), strict=True)},
            }
        )
    return table


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("table") / "project")
    (made.folder / "data").mkdir()
    write(made.folder / "data" / "table.csv", made_up(ROWS))
    made.run("prepare", "data=table", "--output", "build/prepared/table")
    made.run("train", "experiment=table", "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=50")
    return made


def answers(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def split(name: str) -> list[dict[str, str]]:
    """The raw rows of a split."""
    rows = Holdout(0.2, 0.2)({"train": Columns({"row": np.arange(ROWS)})})[name]["row"]
    return [made_up(ROWS)[row] for row in rows]


def test_only_training_rows_are_learnt_from(project: Project) -> None:
    prepared, train = project.prepared("table", "train"), split("train")
    assert list(prepared) == ["categories", "labels", "numbers"]
    ages = np.array([float(row["age"] or "nan") for row in train])
    filled = np.where(np.isnan(ages), np.nanmedian(ages), ages)
    np.testing.assert_allclose(prepared["numbers"][:, 0], (filled - filled.mean()) / filled.std(), atol=1e-5)
    offers = read_facts(project.folder / "build/prepared/table")["offers"]
    assert offers["numbers_shape"] == [2]
    assert offers["categories_sizes"] == [len({row[name] for row in train}) + 1 for name in ("city", "plan")]
    unseen = {row["city"] for part in ("validation", "test") for row in split(part)} - {row["city"] for row in train}
    zeros = sum((project.prepared("table", part)["categories"][:, 0] == 0).sum() for part in ("validation", "test"))
    assert zeros == len(unseen)


def test_it_learns(project: Project) -> None:
    per_label = read_json(project.folder / "runs/first/report/details.json")["test/f1_per_label"]
    assert min(per_label[:2]) > 0.7


def test_metrics_equal_those_of_scikit_learn(project: Project) -> None:
    found, judged = project.metrics("first"), project.judged("first")
    true = np.array([[int(row[name]) for name in LABELS] for row in split("test")])
    np.testing.assert_array_equal(judged["target_labels"], true)
    chances = 1 / (1 + np.exp(-judged["logits"].astype(np.float64)))
    chosen = chances >= weights(project.folder / "runs/first/model")["thresholds"]
    assert found["test/f1"] == pytest.approx(f1_score(true, chosen, average="macro"), abs=1e-6)
    assert found["test/exact_match"] == pytest.approx(accuracy_score(true, chosen), abs=1e-6)
    losses = [log_loss(true[:, at], chances[:, at]) for at in range(3)]
    assert found["test/loss"] == pytest.approx(np.mean(losses), abs=1e-6)


def test_thresholds_are_those_that_are_best_on_validation(project: Project) -> None:
    import torch

    model = project.open("first")
    columns, thresholds = project.prepared("table", "validation"), weights(project.folder / "runs/first/model")["thresholds"]
    batch = model.sample.finish(model.sample.fetch(columns, Columns({}), np.arange(columns.rows)), None)
    with torch.inference_mode():
        chances = model.task.predict(batch)["logits"].sigmoid().numpy()
    for at in range(3):
        true = columns["labels"][:, at]
        best = max(f1_score(true, chances[:, at] >= each) for each in np.unique(chances[:, at]))
        assert f1_score(true, chances[:, at] >= thresholds[at] - 1e-7) == pytest.approx(best)
    assert not np.allclose(thresholds, 0.5, atol=1e-3)


def test_baselines_are_scikit_learns_with_thresholds_of_their_own(project: Project) -> None:
    words = ("evaluation.resamples=50", "tracking=none", "--output", "beside")
    project.run("evaluate", "model=runs/first/model", "baselines=boosting", *words)
    found = read_json(project.folder / "beside/details.json")["baselines"]
    rows = {part: split(part) for part in ("train", "validation", "test")}
    true = {part: np.array([[int(row[name]) for name in LABELS] for row in rows[part]]) for part in rows}
    towns, plans = (sorted({row[name] for row in rows["train"]}) for name in ("city", "plan"))
    features = {part: np.array([coded(row, towns, plans) for row in each], np.float32) for part, each in rows.items()}
    chances = {"validation": [], "test": []}
    for at in range(3):
        trees = HistGradientBoostingClassifier(categorical_features=[2, 3], early_stopping=False)
        trees.fit(features["train"], true["train"][:, at])
        for part, each in chances.items():
            each.append(trees.predict_proba(features[part])[:, 1])
    chosen = []
    for at in range(3):
        possible = np.unique(chances["validation"][at])
        scores = [f1_score(true["validation"][:, at], chances["validation"][at] >= each) for each in possible]
        chosen.append(chances["test"][at] >= possible[np.argmax(scores)] - 1e-7)
    metrics = found["gradient_boosting"]["metrics"]
    assert metrics["f1"] == pytest.approx(f1_score(true["test"], np.stack(chosen, 1), average="macro"), abs=1e-6)
    losses = [log_loss(true["test"][:, at], chances["test"][at]) for at in range(3)]
    assert metrics["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    constant = np.tile(true["train"].mean(0), (len(true["test"]), 1))
    losses = [log_loss(true["test"][:, at], constant[:, at]) for at in range(3)]
    assert found["most_frequent"]["metrics"]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    again = read_json(project.folder / "runs/first/report/metrics.json")
    now = read_json(project.folder / "beside/metrics.json")
    assert {name: now[name] for name in again} == again, "the network keeps its own thresholds"
    value, low, high = found["gradient_boosting"]["difference"]["f1"]
    assert value == pytest.approx(again["test/f1"] - metrics["f1"])
    assert low < high


def coded(row: dict[str, str], towns: list[str], plans: list[str]) -> list[float]:
    """Numbers, and places of words in lists, where a word is in none of them NaN."""
    places = (known.index(row[name]) if row[name] in known else np.nan for name, known in (("city", towns), ("plan", plans)))
    return [float(row["age"] or "nan"), float(row["income"]), *places]


def test_predict_takes_a_csv_without_labels(project: Project, tmp_path: Path) -> None:
    rows = [{name: row[name] for name in FEATURES} for row in split("test")]
    rows.append({"age": "", "income": "2500", "city": "a town that nobody has heard of", "plan": "full"})
    write(tmp_path / "new.csv", rows)
    said = answers(project.run("predict", "model=runs/first/model", f"input={tmp_path / 'new.csv'}"))
    assert len(said) == len(rows)
    logits, thresholds = project.judged("first")["logits"], weights(project.folder / "runs/first/model")["thresholds"]
    for answer, row in zip(said, logits, strict=False):
        chances = 1 / (1 + np.exp(-row.astype(np.float64)))
        np.testing.assert_allclose([float(answer[name]) for name in LABELS], chances, atol=2e-6)
        assert answer["labels"].split() == [name for name, yes in zip(LABELS, chances >= thresholds, strict=True) if yes]


def test_predict_names_the_columns_that_it_misses(project: Project, tmp_path: Path) -> None:
    write(tmp_path / "short.csv", [{"age": "30", "income": "1000"}])
    with pytest.raises(AssertionError, match=r"columns age, income, city, plan were expected; missing: city, plan"):
        project.run("predict", "model=runs/first/model", f"input={tmp_path / 'short.csv'}")


def test_the_served_model_takes_raw_columns(project: Project) -> None:
    rows = split("test")
    raw = {name: np.array([float(row[name] or "nan") for row in rows], np.float32) for name in ("age", "income")}
    words = {name: np.array([row[name] for row in rows]) for name in ("city", "plan")}
    answered = project.served({**raw, **words})
    chances = 1 / (1 + np.exp(-project.judged("first")["logits"].astype(np.float64)))
    np.testing.assert_allclose(answered[LABELS], chances, atol=1e-5)


def test_a_command_of_its_own_gives_the_same_bytes(project: Project) -> None:
    project.process("train", "experiment=table", "tracking=none", "tracking.run_name=again")
    first, again = (project.folder / "runs" / name / "model/weights.safetensors" for name in ("first", "again"))
    assert first.read_bytes() == again.read_bytes()
    report = lives(project.folder, "predict", "model=runs/again/model", "input=data/table.csv").stdout
    assert report == project.run("predict", "model=runs/first/model", "input=data/table.csv")
