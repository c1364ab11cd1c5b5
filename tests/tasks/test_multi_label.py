"""Several labels are measured as scikit-learn measures them, each with the threshold that no other would beat."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as independent
import torch
from torch import nn

from trainbook.metrics.ranking import ranking_average_precision
from trainbook.tasks.multi_label import MultiLabel


def labelled(rows: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    labels = (torch.rand(rows, 4, generator=draw) < torch.tensor([0.5, 0.3, 0.1, 0.02])).long()
    labels[:, 0] |= labels.sum(1) == 0
    return labels * 1.5 - 1 + torch.randn(rows, 4, generator=draw), labels


def multi(**how: Any) -> MultiLabel:
    return MultiLabel(nn.Linear(5, 4), labels=list("abcd"), label_counts=[150, 90, 30, 6], rows=300, **how)


def test_multi_label_metrics_equal_those_of_scikit_learn() -> None:
    logits, labels = labelled()
    task = multi()
    task.decide({"logits": logits}, {"y": labels})
    found = task.measure({"logits": logits}, {"y": labels})
    true, chances = labels.numpy(), logits.sigmoid().numpy()
    chosen = chances >= task.thresholds.numpy()
    expected = {
        "f1_micro": independent.f1_score(true, chosen, average="micro"),
        "f1_macro": independent.f1_score(true, chosen, average="macro", zero_division=0),
        "f1_micro_at_half": independent.f1_score(true, chances >= 0.5, average="micro"),
        "hamming_loss": independent.hamming_loss(true, chosen),
        "ranking_average_precision": independent.label_ranking_average_precision_score(true, chances),
        "exact_match": independent.accuracy_score(true, chosen),
        "loss": np.mean([independent.log_loss(true[:, at], chances[:, at].astype(np.float64)) for at in range(4)]),
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, abs=1e-5), name
    for at in range(4):
        most = max(independent.f1_score(true[:, at], chances[:, at] >= each) for each in np.unique(chances[:, at]))
        assert independent.f1_score(true[:, at], chosen[:, at]) == pytest.approx(most)


def test_positive_weights_count_a_label_by_its_rarity_up_to_a_limit() -> None:
    assert multi(positive_weights="balanced").weights.tolist() == pytest.approx([1, 210 / 90, 9, 10])
    logits, labels = labelled(40)
    weights = torch.tensor([1.0, 2, 3, 4])
    found = float(multi(positive_weights=weights.tolist())._loss(logits, labels))
    chances = logits.sigmoid()
    expected = -(weights * labels * chances.log() + (1 - labels) * (1 - chances).log()).mean()
    assert found == pytest.approx(float(expected), rel=1e-5)
    for bad in ([1.0], [0.0] * 4, "much"):
        with pytest.raises(ValueError, match="positive_weights"):
            multi(positive_weights=bad)


def test_ties_and_rows_with_no_or_all_labels_rank_as_in_scikit_learn() -> None:
    draw = np.random.default_rng(1)
    scores, true = draw.integers(0, 4, (200, 5)) / 4, draw.integers(0, 2, (200, 5))
    true[:3], true[3:6] = 0, 1
    found = ranking_average_precision(torch.from_numpy(scores), torch.from_numpy(true))
    assert float(found) == pytest.approx(independent.label_ranking_average_precision_score(true, scores), abs=1e-6)
