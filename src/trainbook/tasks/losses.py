"""Losses of classification: cross-entropy and focal, with class weights and label smoothing."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassificationLoss(nn.Module):
    """Mean over rows, each weighted by its class.

    Args:
        kind: ``cross_entropy``, or ``focal``, which gives less weight to what is already predicted well
            (Lin et al. 2017, https://arxiv.org/abs/1708.02002).
        smoothing: share of each target spread evenly over all classes, 0 to 1.
        gamma: focal only: how strongly easy rows are played down; 0 is cross-entropy.
        weights: one positive number a class; None = all alike.
    """

    def __init__(
        self,
        kind: Literal["cross_entropy", "focal"] = "cross_entropy",
        smoothing: float = 0.0,
        gamma: float = 2.0,
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"label_smoothing from 0 to below 1 was expected; got {smoothing}")
        if gamma < 0:
            raise ValueError(f"gamma of at least 0 was expected; got {gamma}")
        self.kind, self.smoothing, self.gamma = kind, smoothing, gamma
        values = None if weights is None else torch.tensor(weights, dtype=torch.float32)
        self.weights: Tensor | None
        self.register_buffer("weights", values)

    def forward(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, float | Tensor]:
        """Logits (n, classes), labels (n,) -> the loss, and the sum of the rows' weights."""
        if self.kind == "cross_entropy" and self.weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=self.smoothing), len(labels)
        losses = F.cross_entropy(logits, labels, self.weights, reduction="none", label_smoothing=self.smoothing)
        if self.kind == "focal":
            right = F.softmax(logits, dim=1).gather(1, labels.unsqueeze(1)).squeeze(1)
            losses = losses * (1 - right) ** self.gamma
        total = len(labels) if self.weights is None else self.weights[labels].sum()
        return losses.sum() / total, total

    def mean(self, losses: Tensor, labels: Tensor) -> tuple[Tensor, float | Tensor]:
        """The mean of rows' losses (n,) that somebody else computed, each weighted by its class, and the sum of the weights."""
        if self.weights is None:
            return losses.mean(), len(labels)
        weights = self.weights[labels]
        return (losses * weights).sum() / weights.sum(), weights.sum()
