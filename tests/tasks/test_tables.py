"""Tasks on tables measure as scikit-learn does, and choose the thresholds that no other would beat."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as independent
import torch
from torch import nn
from torch.nn import functional as F

from trainbook.batch import Batch
from trainbook.tasks.binary import Binary
from trainbook.tasks.classification import Classification
from trainbook.tasks.heads import OneVersusOne, OneVersusRest
from trainbook.tasks.thresholds import best


def batch(targets: torch.Tensor, width: int = 5) -> Batch:
    rows = len(targets)
    return Batch({"x": torch.randn(rows, width, generator=torch.Generator().manual_seed(1))}, {"y": targets}, torch.arange(rows))


class Dense(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def binary(**how: Any) -> Binary:
    torch.manual_seed(0)
    return Binary(Dense(5, 1), classes=["no", "yes"], class_counts=[300, 100], **how)


def drawn(rows: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    labels = (torch.rand(rows, generator=draw) < 0.25).long()
    return (labels * 1.5 - 1 + torch.randn(rows, generator=draw)).round(decimals=1), labels  # with ties


def test_binary_metrics_equal_those_of_scikit_learn() -> None:
    logits, labels = drawn()
    task = binary(threshold=0.4)
    found = {name: value.double().numpy() for name, value in task.measure({"logits": logits}, {"y": labels}).items()}
    chances, true = logits.sigmoid().double().numpy(), labels.numpy()
    chosen = chances >= 0.4
    expected = {
        "loss": independent.log_loss(true, chances),
        "accuracy": independent.accuracy_score(true, chosen),
        "balanced_accuracy": independent.balanced_accuracy_score(true, chosen),
        "precision": independent.precision_score(true, chosen),
        "recall": independent.recall_score(true, chosen),
        "f1": independent.f1_score(true, chosen),
        "brier": independent.brier_score_loss(true, chances),
        "roc_auc": independent.roc_auc_score(true, chances),
        "average_precision": independent.average_precision_score(true, chances),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    assert found["rows_per_class"].tolist() == np.bincount(true).tolist()


def test_one_class_alone_has_no_area() -> None:
    found = binary().measure({"logits": torch.tensor([0.3, -1.0])}, {"y": torch.tensor([0, 0])})
    assert found["roc_auc"].isnan()
    assert found["f1"] == 0


@pytest.mark.parametrize("measure", ["f1", "accuracy", "balanced_accuracy"])
def test_no_other_threshold_beats_the_chosen_one(measure: str) -> None:
    logits, labels = drawn()
    chances = logits.sigmoid()
    score = getattr(independent, f"{measure}_score")
    threshold = best(chances, labels, measure)
    there = np.unique(chances.numpy().astype(np.float64))
    most = max(score(labels, chances.numpy() >= each) for each in [*there, 2])
    assert score(labels, chances.numpy() >= threshold) == pytest.approx(most)
    assert any(low < threshold < high for low, high in pairwise([0, *there])), "between two chances"
    task = binary(threshold=measure)
    task.decide({"logits": logits}, {"y": labels})
    assert float(task.threshold) == pytest.approx(threshold)
    assert task.present({"logits": logits})["class"].tolist() == [["no", "yes"][each >= threshold] for each in chances.tolist()]


def test_nobody_is_named_where_that_is_best() -> None:
    chances, labels = torch.tensor([0.9, 0.1, 0.05]), torch.tensor([0, 0, 1])
    assert not (chances >= best(chances, labels, "accuracy")).any()
    assert (chances >= best(chances, labels, "f1")).all()


def test_binary_losses_are_their_formulas() -> None:
    logits, labels = drawn(50)
    right = torch.where(labels > 0, logits.sigmoid(), 1 - logits.sigmoid())
    weights = 1 + 2 * labels  # balanced: 300 / 100 = 3
    loss, total = binary(loss="focal", gamma=2, positive_weight="balanced")._criterion(logits, labels)
    assert float(loss) == pytest.approx(float(((1 - right) ** 2 * -right.log() * weights).sum() / weights.sum()), rel=1e-5)
    assert total == weights.sum()
    smooth, _ = binary(label_smoothing=0.2)._criterion(logits, labels)
    wanted = labels * 0.8 + 0.1
    assert float(smooth) == pytest.approx(float(F.binary_cross_entropy(logits.sigmoid(), wanted)), rel=1e-5)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"positive_weight": 0}, "positive_weight"),
        ({"positive_weight": "much"}, "positive_weight"),
        ({"gamma": -1}, "gamma"),
        ({"threshold": 1.5}, "threshold"),
    ],
)
def test_binary_settings_out_of_range(how: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        binary(**how)
    with pytest.raises(ValueError, match="two classes were expected; these have 3"):
        Binary(Dense(5, 1), classes=["a", "b", "c"], class_counts=[1, 1, 1])


def test_pairs_that_agree_give_the_chances_they_come_from() -> None:
    chances = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])
    head = OneVersusOne(4)
    scores = (chances[:, head.first] / chances[:, head.second]).log()
    assert scores.shape == (2, 6) == (2, head.outputs())
    torch.testing.assert_close(head.logits(scores).softmax(1), chances)


def test_one_versus_rest_gives_sigmoids_that_add_up_to_one() -> None:
    scores = torch.randn(7, 4)
    single = scores.sigmoid()
    torch.testing.assert_close(OneVersusRest(4).logits(scores).softmax(1), single / single.sum(1, keepdim=True))


def test_heads_learn_each_of_their_own_questions() -> None:
    scores, labels = torch.randn(9, 6), torch.arange(9) % 4
    head = OneVersusOne(4)
    for row in range(9):
        asked = [
            (first == labels[row], scores[row, at])
            for at, (first, second) in enumerate(zip(head.first, head.second, strict=True))
            if labels[row] in (first, second)
        ]
        expected = sum(-torch.where(won, score, -score).sigmoid().log() for won, score in asked) / 3
        assert float(head.losses(scores, labels)[row]) == pytest.approx(float(expected), rel=1e-5)
    rest = torch.randn(9, 4)
    yes = F.one_hot(labels, 4).bool()
    expected = -torch.where(yes, rest, -rest).sigmoid().log().sum(1)
    torch.testing.assert_close(OneVersusRest(4).losses(rest, labels), expected)


@pytest.mark.parametrize(("head", "outputs"), [("softmax", 4), ("one_vs_rest", 4), ("one_vs_one", 6)])
def test_every_head_learns_and_answers_a_class(head: Any, outputs: int) -> None:
    facts = {"offers": {"classes": list("abcd")}}
    assert Classification.offers(facts, head=head) == {"outputs": outputs}
    torch.manual_seed(0)
    task = Classification(Dense(5, outputs), list("abcd"), [5, 5, 5, 5], head=head, class_weights=[1, 2, 3, 4])
    rows = batch(torch.arange(60) % 4)
    rows.inputs["x"][:, :4] += 6 * F.one_hot(rows.targets["y"], 4)
    descent = torch.optim.Adam(task.parameters(), lr=0.1)
    for _ in range(60):
        losses, predictions = task.learn(rows)
        descent.zero_grad()
        losses["loss"].backward()
        descent.step()
    assert predictions["logits"].shape == (60, 4)
    assert float(task.measure(task.predict(rows), rows.targets)["accuracy"]) > 0.95
    with pytest.raises(ValueError, match="head"):
        Classification(Dense(5, 6), list("abcd"), [5] * 4, head="one_vs_one", loss="focal")
