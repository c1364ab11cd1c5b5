"""A training against closed formulas and scikit-learn."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pytorch_lightning import Callback, Trainer
from safetensors.numpy import load_file
from sklearn import metrics as sklearn_metrics

from conftest import ROOT
from trainbook import assembly, descending

Inside = Callable[..., None]
TRAIN = ("train", "experiment=tiny_mlp", "tracking=none")


def train(inside: Inside, project: Path, name: str, *words: str) -> Path:
    inside(*TRAIN, *words, "--output", name)
    return project / name


def history(model: Path) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads((model / "history.json").read_text())
    return rows


def run(model: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((model / "run.yaml").read_text())
    return found


def weights(model: Path) -> dict[str, Any]:
    return dict(load_file(model / "weights.safetensors"))


def test_a_model_folder_is_data(inside: Inside, project: Path) -> None:
    model = train(inside, project, "model")
    assert sorted(path.name for path in model.iterdir()) == [
        "facts.yaml",
        "history.json",
        "run.yaml",
        "settings.yaml",
        "steps.safetensors",
        "weights.safetensors",
    ]
    for name in ("facts.yaml", "run.yaml"):
        assert yaml.safe_load((model / name).read_text())["format"] == 1
    assert str(project) not in "".join(path.read_text() for path in model.glob("*.yaml")), "no path of this machine"


def test_a_training_never_opens_the_test_split(inside: Inside, project: Path) -> None:
    first = train(inside, project, "first")
    (folder,) = (project / "runs/prepared").iterdir()
    for path in (folder / "test").iterdir():
        path.unlink()
    again = train(inside, project, "again")
    assert (first / "weights.safetensors").read_bytes() == (again / "weights.safetensors").read_bytes()


def test_the_report_is_scikit_learns(inside: Inside, project: Path) -> None:
    train(inside, project, "a/model", "trainer.max_epochs=3")
    inside("evaluate", "model=a/model", "evaluation.resamples=300", "tracking=none")
    report = project / "a/report"
    ours = json.loads((report / "metrics.json").read_text())
    details = json.loads((report / "details.json").read_text())
    logits, labels = np.load(report / "predictions/logits.npy"), np.load(report / "predictions/target_label.npy")
    assert np.load(report / "predictions/row.npy").tolist() == list(range(60))
    assert np.array_equal(labels, np.load(next((project / "runs/prepared").glob("*/test/label.npy"))))
    chosen = logits.argmax(1)
    how: dict[str, Any] = {"average": "macro", "zero_division": 0}
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = {
        "test/accuracy": sklearn_metrics.accuracy_score(labels, chosen),
        "test/precision": sklearn_metrics.precision_score(labels, chosen, **how),
        "test/recall": sklearn_metrics.recall_score(labels, chosen, **how),
        "test/f1": sklearn_metrics.f1_score(labels, chosen, **how),
        "test/loss": sklearn_metrics.log_loss(labels, probabilities),
    }
    confidence, correct = probabilities.max(1), chosen == labels
    bins = np.clip((confidence * 15).astype(int), 0, 14)
    gaps = [abs(confidence[bins == at].mean() - correct[bins == at].mean()) * (bins == at).mean() for at in set(bins)]
    expected["test/calibration_error"] = sum(gaps)
    assert ours == pytest.approx(expected, abs=1e-5)
    each = sklearn_metrics.f1_score(labels, chosen, average=None, zero_division=0)
    assert details["test/f1_per_class"] == pytest.approx(each.tolist(), abs=1e-5)
    assert details["test/rows_per_class"] == [15, 15, 15, 15]
    low, high = details["intervals"]["test/accuracy"]
    share = expected["test/accuracy"]
    half = 1.96 * math.sqrt(share * (1 - share) / 60)
    assert low == pytest.approx(share - half, abs=0.04)
    assert high == pytest.approx(share + half, abs=0.04)
    drawn = {path.stem for path in (report / "figures").glob("*.png")}
    assert drawn == {"learning_curves", "confusion_matrix", "reliability_diagram", "worst_mistakes", "first_layer_weights"}


def test_the_best_epoch_is_kept_by_the_monitor(inside: Inside, project: Path) -> None:
    words = ["optimizer.lr=0.05", "task.monitor=val/loss", "task.mode=min"]
    model = train(inside, project, "long", "trainer.max_epochs=6", *words)
    losses = [row["val/loss"] for row in history(model)]
    best = int(np.argmin(losses))
    assert run(model)["best_epoch"] == best
    assert run(model)["value"] == pytest.approx(losses[best])
    short = train(inside, project, "short", f"trainer.max_epochs={best + 1}", *words)
    assert (model / "weights.safetensors").read_bytes() == (short / "weights.safetensors").read_bytes()


def test_early_stopping_watches_the_monitor(inside: Inside, project: Path) -> None:
    words = ["callbacks=early_stopping", "callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_delta=10"]
    model = train(inside, project, "stopped", "trainer.max_epochs=50", *words)
    assert len(history(model)) == 3, "the first, and two that were no better by 10"


def test_weight_averaging_saves_the_average(inside: Inside, project: Path) -> None:
    words = ["trainer.max_epochs=1", "optimizer=sgd", "optimizer.lr=0.1"]
    after = [weights(train(inside, project, f"step{steps}", *words, f"trainer.max_steps={steps}")) for steps in range(1, 9)]
    averaging = ["callbacks=weight_averaging", "callbacks.weight_averaging.decay=0.5"]
    averaged = weights(train(inside, project, "averaged", *words, *averaging))
    for name, value in averaged.items():
        mean = after[0][name]
        for state in after[1:]:
            mean = mean / 2 + state[name] / 2
        np.testing.assert_allclose(value, mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        (["scheduler=cosine"], lambda done: 0.001 * (1 + math.cos(math.pi * (8 * done - 1) / 32)) / 2),
        (["scheduler=step", "scheduler.step_size=2"], lambda done: 0.001 * 0.1 ** ((done - 1) // 2)),
        (["scheduler=none"], lambda done: 0.001),
    ],
)
def test_the_learning_rate_follows_the_formula(
    inside: Inside, project: Path, words: list[str], rate: Callable[[int], float]
) -> None:
    rows = history(train(inside, project, "model", "trainer.max_epochs=4", *words))
    assert [row["train/learning_rate"] for row in rows] == pytest.approx([rate(done) for done in range(1, 5)], abs=1e-9)


def test_one_cycle_ends_where_it_should(inside: Inside, project: Path) -> None:
    rows = history(
        train(
            inside,
            project,
            "model",
            "trainer.max_epochs=3",
            "scheduler=one_cycle",
            "scheduler.max_lr=0.1",
            "trainer.accumulate_grad_batches=3",
        )
    )
    assert rows[-1]["train/learning_rate"] == pytest.approx(0.1 / 25 / 1e4, rel=1e-3)
    assert max(row["train/learning_rate"] for row in rows) > 0.01


def test_plateau_watches_the_monitor(inside: Inside, project: Path) -> None:
    words = ["scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=10", "scheduler.threshold_mode=abs"]
    rows = history(train(inside, project, "model", "trainer.max_epochs=4", *words))
    assert [row["train/learning_rate"] for row in rows] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


def test_trained_weights_to_start_from_and_layers_that_stay(inside: Inside, project: Path) -> None:
    first = weights(train(inside, project, "first"))
    still = load_file(
        train(inside, project, "still", "init_from=first", "optimizer=sgd", "optimizer.lr=0") / "weights.safetensors"
    )
    assert all(np.array_equal(first[name], still[name]) for name in first)
    frozen = weights(train(inside, project, "frozen", "init_from=first", "freeze=[layers.1]", "seed=3"))
    same = {name for name in first if np.array_equal(first[name], frozen[name])}
    assert same == {"network.layers.1.weight", "network.layers.1.bias"}


def test_frozen_statistics_stay_too(inside: Inside, project: Path) -> None:
    first = weights(train(inside, project, "first", "network.batch_norm=true"))
    layers = sorted({name.split(".")[2] for name in first})
    freeze = f"freeze=[{','.join(f'layers.{layer}' for layer in layers)}]"
    words = ["network.batch_norm=true", "init_from=first", freeze.replace(f",layers.{layers[-1]}", ""), "seed=5"]
    again = weights(train(inside, project, "again", *words))
    moved = {name for name in first if not np.array_equal(first[name], again[name])}
    assert moved == {name for name in first if f"layers.{layers[-1]}." in name}


@pytest.mark.parametrize("preset", ["one_batch", "limited", "smoke"])
def test_presets_for_finding_mistakes(inside: Inside, project: Path, preset: str) -> None:
    epochs = {"one_batch": 1, "limited": 3, "smoke": 2}[preset]
    assert len(history(train(inside, project, "model", f"trainer={preset}", f"trainer.max_epochs={epochs}"))) == epochs


def test_a_few_batches_are_learnt_by_heart(inside: Inside, project: Path) -> None:
    rows = history(
        train(
            inside, project, "model", "trainer=overfit", "trainer.overfit_batches=2", "optimizer.lr=0.01", "trainer.max_epochs=60"
        )
    )
    assert rows[-1]["train/accuracy"] == 1


def test_half_precision_that_needs_no_scaling(inside: Inside, project: Path) -> None:
    assert history(train(inside, project, "model", "trainer.precision=bf16-mixed"))[-1]["train/loss"] < 2


@pytest.mark.parametrize(
    "words",
    [
        ["task.loss=focal"],
        ["task.label_smoothing=0.1"],
        ["task.class_weights=balanced"],
        ["optimizer=momentum"],
        ["optimizer=adamw"],
        ["optimizer=rmsprop"],
        ["network=convolutional", "network.widths=[8]", "network.kernel=3"],
    ],
)
def test_choices_that_can_be_made_learn(inside: Inside, project: Path, words: list[str]) -> None:
    rows = history(train(inside, project, "model", "trainer.max_epochs=4", *words))
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]


@pytest.mark.parametrize(
    ("optimizer", "more", "fused"),
    [
        ("adam", {}, True),
        ("adamw", {}, True),
        ("sgd", {}, True),
        ("adam", {"fused": False}, False),
        ("adam", {"foreach": True}, None),
        ("sgd", {"differentiable": True}, None),
    ],
)
def test_torchs_fused_optimiser_is_taken_where_nobody_says_otherwise(
    optimizer: str, more: dict[str, bool], fused: bool | None
) -> None:
    section = yaml.safe_load((ROOT / f"conf/optimizer/{optimizer}.yaml").read_text()) | more
    made = descending.optimizer("optimizer", section)([torch.nn.Parameter(torch.zeros(1))])
    assert made.defaults["fused"] is fused


def test_of_many_rows_a_regular_part_is_measured(inside: Inside, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is still that of all rows; the metrics are those of the first, fourth, seventh … batch of 20."""
    train = ("train", "experiment=tiny_mlp", "tracking=none", "trainer.max_epochs=1", "optimizer.lr=1e-12")
    inside(*train, "--output", "whole")
    monkeypatch.setattr("trainbook.tasks.recipe.MEASURED", 60)
    inside(*train, "--output", "part")
    whole, part = (json.loads((project / name / "history.json").read_text())[0] for name in ("whole", "part"))
    assert part["train/loss"] == whole["train/loss"]
    assert part["val/accuracy"] == whole["val/accuracy"]
    for history, rows in ((part, 60), (whole, 160)):
        assert history["train/accuracy"] * rows == pytest.approx(round(history["train/accuracy"] * rows), abs=1e-3)


def test_a_callback_that_watches_steps_sees_each_and_changes_nothing(inside: Inside, project: Path) -> None:
    """Lightning's way to a step is taken for those who watch, a shorter one for the others; both count the steps."""
    plain = train(inside, project, "plain")
    seen: list[int] = []

    losses: list[float] = []

    class Watching(Callback):
        def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
            seen.append(trainer.global_step)

        def on_before_backward(self, trainer: Trainer, module: Any, loss: torch.Tensor) -> None:
            losses.append(float(loss.detach()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "callbacks", lambda *_: [Watching()])
        watched = train(inside, project, "watched")
    assert seen == list(range(16)), "two epochs of eight batches"
    history = json.loads((watched / "history.json").read_text())
    assert [row["train/loss"] for row in history] == pytest.approx([np.mean(losses[:8]), np.mean(losses[8:])])
    assert (plain / "weights.safetensors").read_bytes() == (watched / "weights.safetensors").read_bytes()
