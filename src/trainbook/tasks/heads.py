"""Heads of classification: how scores of a network become chances of classes, and what is learnt of them."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F


class Head(ABC):
    """A way to tell several classes apart."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @abstractmethod
    def outputs(self) -> int:
        """How many scores it takes."""

    @abstractmethod
    def logits(self, scores: Tensor) -> Tensor:
        """Scores (n, outputs) -> logits (n, classes), whose softmax are the chances."""

    @abstractmethod
    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """What each row (n,) contributes to the loss."""


class OneVersusRest(Head):
    """A sigmoid for each class, against all others."""

    def outputs(self) -> int:
        return self.classes

    def logits(self, scores: Tensor) -> Tensor:
        return F.logsigmoid(scores)

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        wanted = F.one_hot(labels, self.classes).to(scores.dtype)
        return F.binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(1)


class OneVersusOne(Head):
    """A sigmoid for each pair of classes, learnt from the rows of these two.

    A class's chance is 1 / (1 + Σ exp(-score)) over its pairs, which is exact where the pairs agree.
    Source: Price, Knerr, Personnaz, Dreyfus, "Pairwise Neural Network Classifiers with Probabilistic Outputs", 1994.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(classes)
        self.first, self.second = torch.triu_indices(classes, classes, 1)

    def outputs(self) -> int:
        return self.classes * (self.classes - 1) // 2

    def logits(self, scores: Tensor) -> Tensor:
        against = scores.new_zeros(len(scores), self.classes, self.classes)  # its diagonal is the 1 of the formula
        against[:, self.first, self.second], against[:, self.second, self.first] = -scores, scores
        return -against.logsumexp(2)

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        first, second = self.first.to(labels.device), self.second.to(labels.device)
        wins = (labels[:, None] == first).to(scores.dtype)
        plays = wins + (labels[:, None] == second).to(scores.dtype)
        each = F.binary_cross_entropy_with_logits(scores, wins, reduction="none")
        losses: Tensor = (each * plays).sum(1) / (self.classes - 1)
        return losses
