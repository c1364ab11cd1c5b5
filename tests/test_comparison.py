"""Evaluate holds a network against baselines: their metrics are scikit-learn's, the intervals plain numpy's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from conftest import draw_digits, make_project, write_idx
from trainbook.__main__ import _dispatch

RESAMPLES = 200


def digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of which every fourth or so has a wrong label, so that nobody can be right in all."""
    rows = {"train": 200, "test": 60}[part]
    pictures, labels = draw_digits(rows, seed=rows)
    draw = np.random.default_rng(rows)
    return pictures, np.where(draw.random(rows) < 0.25, draw.choice(4, rows, p=[0.7, 0.1, 0.1, 0.1]), labels)


def run(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["trainbook", *words])
        _dispatch(list(words))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a network that was evaluated beside all baselines, and one that watches its loss."""
    folder = make_project(tmp_path_factory.mktemp("comparison") / "project")
    for part in ("train", "test"):
        write_idx(folder / f"data/tiny/{part}-y.gz", digits(part)[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("train", "experiment=tiny_mlp", "trainer.max_epochs=8", "tracking.run_name=first")
        more = "+evaluation.baselines.trees={_target_:trainbook.baselines.gradient_boosting.GradientBoosting,max_iter:10}"
        run("evaluate", "model=runs/first/model", "baselines=linear", more, f"evaluation.resamples={RESAMPLES}")
        words = ("task.monitor=val/loss", "task.mode=min", "tracking=none", "trainer.max_epochs=8", "tracking.run_name=low")
        run("train", "experiment=tiny_mlp", *words)
        run("evaluate", "model=runs/low/model", "baselines=most_frequent", "evaluation.resamples=50", "tracking=none")
        yield folder


def details(folder: Path, name: str = "first") -> dict[str, Any]:
    return json.loads((folder / "runs" / name / "report/details.json").read_text())


def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Raw pixels and labels of the training and the test rows."""
    pictures, labels = digits("train")
    train, _ = train_test_split(np.arange(200), test_size=40, stratify=labels, random_state=0)
    train.sort()
    test, true = digits("test")
    return pictures[train].reshape(160, -1), labels[train], test.reshape(60, -1), true


REFERENCES = {
    "most_frequent": DummyClassifier(strategy="prior"),
    "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "trees": HistGradientBoostingClassifier(max_iter=10, early_stopping=False),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_baselines_metrics_are_those_of_scikit_learn(judged: Path, name: str) -> None:
    x, y, test, true = split()
    reference = REFERENCES[name].fit(x, y)
    found = details(judged)["baselines"][name]["metrics"]
    chances = reference.predict_proba(test)
    assert found["accuracy"] == pytest.approx(accuracy_score(true, reference.predict(test)))
    assert found["f1"] == pytest.approx(f1_score(true, reference.predict(test), average="macro"))
    assert found["loss"] == pytest.approx(log_loss(true, chances), rel=1e-3)
    if name == "most_frequent":
        assert found["accuracy"] == pytest.approx((true == np.bincount(y).argmax()).mean())


@pytest.mark.parametrize("name", REFERENCES)
def test_the_paired_interval_is_plain_numpys(judged: Path, name: str) -> None:
    answers = judged / "runs/first/report/predictions"
    true = np.load(answers / "target_label.npy")
    ours = np.load(answers / "logits.npy").argmax(1) == true
    theirs = np.load(answers / "baselines" / name / "logits.npy").argmax(1) == true
    chance, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = chance.integers(60, size=60)
        drawn.append(ours[rows].mean() - theirs[rows].mean())
    value, low, high = details(judged)["baselines"][name]["difference"]["accuracy"]
    assert value == pytest.approx(ours.mean() - theirs.mean(), abs=1e-6)
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=1e-6)
    assert low < high


def test_where_small_is_good_a_positive_difference_is_good(judged: Path) -> None:
    metrics = json.loads((judged / "runs/low/report/metrics.json").read_text())
    baseline = metrics["baseline/most_frequent/loss"]
    assert metrics["difference/most_frequent/loss"] == pytest.approx(baseline - metrics["test/loss"])
    assert metrics["test/loss"] < baseline
    difference = details(judged, "low")["baselines"]["most_frequent"]["difference"]
    assert 0 < difference["loss"][1] < difference["loss"][0] < difference["loss"][2]


def test_what_the_run_and_the_report_show(judged: Path) -> None:
    metrics, found = json.loads((judged / "runs/first/report/metrics.json").read_text()), details(judged)["baselines"]
    client = MlflowClient(f"sqlite:///{judged}/mlflow.db")
    run_id = yaml.safe_load((judged / "runs/first/model/run.yaml").read_text())["run"]
    recorded = client.get_run(run_id).data.metrics
    for name in REFERENCES:
        value, low, high = found[name]["difference"]["accuracy"]
        assert metrics[f"baseline/{name}/accuracy"] == found[name]["metrics"]["accuracy"]
        assert metrics[f"difference/{name}/accuracy"] == value
        ends = [recorded[f"difference_interval/{name}/accuracy_{end}"] for end in ("low", "high")]
        assert ends == [low, high]
    assert {name for name in recorded if name.startswith(("baseline/", "difference/"))} == set(metrics) & set(recorded) - {
        name for name in recorded if name.startswith("test/")
    }
    shown = [each.path for each in client.list_artifacts(run_id, "figures/test")]
    assert "figures/test/baselines.png" in shown


def test_a_metric_without_draws_has_no_interval(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluation.resamples=0", "tracking=none", "--output", "none")
    run("evaluate", "model=runs/low/model", "baselines=most_frequent", *words)
    value, *ends = json.loads((judged / "none/details.json").read_text())["baselines"]["most_frequent"]["difference"]["loss"]
    assert ends == [None, None]
    assert f"difference {value:+.4f}\n" in capsys.readouterr().out


def test_only_the_evaluation_hangs_on_baselines(judged: Path) -> None:
    folder, file = judged / "build/settings", judged / "conf/experiment/tiny_mlp.yaml"
    run("compose")
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.yaml")}
    text = file.read_text()
    file.write_text(text.replace("  - override /network", "  - override /baselines: boosting\n  - override /network"))
    run("compose")
    file.write_text(text)
    after = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.yaml")}
    changed = [path.as_posix() for path in after if after[path] != before.get(path)]
    assert changed == ["evaluation/tiny_mlp.yaml"]
    composed = yaml.safe_load(after[Path("evaluation/tiny_mlp.yaml")])
    assert list(composed["baselines"]) == ["most_frequent", "gradient_boosting"]
    assert "baselines/gradient_boosting.py" in composed["code"]
    assert "baselines/logistic_regression.py" not in composed["code"]


def test_without_baselines_nothing_of_them_is_loaded(judged: Path) -> None:
    script = (
        "import sys\nfrom trainbook.__main__ import main\nfrom trainbook.data.sources.idx import Idx\n"
        "Idx.load = lambda self: sys.exit('raw data were read')\n"
        "sys.argv = ['trainbook', 'evaluate', 'model=runs/low/model', 'tracking=none', '--output', 'alone']\nmain()\n"
        "sys.exit(' '.join(name for name in sys.modules if name.startswith(('sklearn.', 'trainbook.baselines.m'))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=judged, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["baselines=linaer"], "baselines=linaer: unknown; did you mean linear?"),
        (["baselines=linear", "evaluation.baselines.logistic_regression.D=1"], "evaluation.baselines.logistic_regression.C?"),
        (["baselines=linear", "evaluation.baselines.logistic_regression.C=-1"], "C above 0 and max_iter of at least 1"),
    ],
)
def test_a_wrong_baseline_is_told_before_anything(judged: Path, words: list[str], said: str) -> None:
    from trainbook.faults import Fault

    for verb in (["evaluate", "model=runs/low/model"], ["train", "experiment=tiny_mlp", "tracking=none"]):
        with pytest.raises(Fault, match=said.replace("?", "[?]").replace(".", "[.]")):
            run(*verb, *words)
