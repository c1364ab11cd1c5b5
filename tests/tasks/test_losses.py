"""The losses of classification against their formulas."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from trainbook.tasks.losses import ClassificationLoss

Rows = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def rows() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(50, 4), torch.randint(4, (50,))


def by_hand(logits: torch.Tensor, labels: torch.Tensor, gamma: float, weights: np.ndarray) -> float:
    """Sum of w_y (1 - p_y)^gamma (-log p_y) over the sum of w_y."""
    p = np.exp(logits.double().numpy())
    right = (p / p.sum(1, keepdims=True))[np.arange(len(labels)), labels.numpy()]
    w = weights[labels.numpy()]
    return float((w * (1 - right) ** gamma * -np.log(right)).sum() / w.sum())


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0]])
def test_focal_and_weights_are_the_formula(
    rows: tuple[torch.Tensor, torch.Tensor], gamma: float, weights: list[float] | None
) -> None:
    loss, total = ClassificationLoss("focal", gamma=gamma, weights=weights)(*rows)
    expected = np.array(weights or [1.0] * 4)
    assert float(loss) == pytest.approx(by_hand(*rows, gamma, expected), rel=1e-5)
    assert float(total) == pytest.approx(expected[rows[1].numpy()].sum())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0]])
def test_cross_entropy_is_torchs(rows: Rows, smoothing: float, weights: list[float] | None) -> None:
    loss, _ = ClassificationLoss(smoothing=smoothing, weights=weights)(*rows)
    given = None if weights is None else torch.tensor(weights)
    assert float(loss) == pytest.approx(float(F.cross_entropy(*rows, given, label_smoothing=smoothing)), rel=1e-6)


def test_the_weight_makes_means_of_parts_the_mean_of_all(rows: Rows) -> None:
    criterion = ClassificationLoss(weights=[1.0, 2.0, 0.5, 3.0])
    whole, _ = criterion(*rows)
    parts = [criterion(rows[0][at], rows[1][at]) for at in (slice(0, 7), slice(7, 50))]
    assert float(sum(loss * weight for loss, weight in parts) / sum(weight for _, weight in parts)) == pytest.approx(float(whole))


@pytest.mark.parametrize("wrong", [{"smoothing": 1.0}, {"smoothing": -0.1}, {"gamma": -1.0}])
def test_impossible_values(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="was expected"):
        ClassificationLoss(**wrong)  # type: ignore[arg-type]
