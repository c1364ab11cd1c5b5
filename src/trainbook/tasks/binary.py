"""Binary classification: whether a row belongs to the second of two classes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.functional.classification import binary_auroc, binary_average_precision, binary_calibration_error

from trainbook.batch import Batch
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task
from trainbook.tasks.thresholds import best, scores


class Binary(Task):
    """A sigmoid for the positive class, the second one; the threshold of its chance is chosen on validation.

    Args:
        network: gives a logit (n, 1).
        classes: their names, the positive one last, from the facts.
        class_counts: training rows of each class, from the facts.
        loss: ``cross_entropy``, or ``focal`` (Lin et al. 2017, https://arxiv.org/abs/1708.02002).
        gamma: focal only: how strongly easy rows are played down; 0 is cross-entropy.
        positive_weight: what a positive row counts against a negative one; ``balanced`` = negative rows / positive rows.
        label_smoothing: how far targets are moved towards 0.5, 0 to 1.
        threshold: the chance from which on a row is called positive; or ``f1``, ``balanced_accuracy``, ``accuracy``: the one
            that makes this best on validation.
        monitor, mode: see ``Task``.
    """

    threshold: Tensor

    def __init__(
        self,
        network: nn.Module,
        classes: Sequence[str],
        class_counts: Sequence[int],
        loss: Literal["cross_entropy", "focal"] = "cross_entropy",
        gamma: float = 2.0,
        positive_weight: Literal["balanced"] | float | None = None,
        label_smoothing: float = 0.0,
        threshold: Literal["f1", "balanced_accuracy", "accuracy"] | float = "f1",
        monitor: str = "val/average_precision",
        mode: Literal["min", "max"] = "max",
    ) -> None:
        super().__init__(network, monitor, mode)
        if len(classes) != 2:
            raise ValueError(f"data with two classes were expected; these have {len(classes)}. Take task=classification")
        if positive_weight == "balanced":
            positive_weight = class_counts[0] / max(class_counts[1], 1)
        if isinstance(positive_weight, str) or (positive_weight is not None and positive_weight <= 0):
            raise ValueError(f"positive_weight: balanced, a number above 0 or null was expected; got {positive_weight}")
        if gamma < 0 or not 0 <= label_smoothing < 1:
            raise ValueError(f"gamma from 0 and label_smoothing from 0 to below 1 were expected; got {gamma}, {label_smoothing}")
        if not isinstance(threshold, str) and not 0 <= threshold <= 1:
            raise ValueError(f"threshold: a chance from 0 to 1 was expected; got {threshold}")
        self.classes, self.loss, self.gamma, self.smoothing = list(classes), loss, gamma, label_smoothing
        self.positive_weight, self.chosen_for = positive_weight, threshold
        self.register_buffer("threshold", torch.tensor(0.5 if isinstance(threshold, str) else threshold))

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        return {"outputs": 1}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        logits = self.network(**batch.inputs).squeeze(1)
        (labels,) = batch.targets.values()
        loss, weight = self._criterion(logits, labels)
        return {"loss": loss, "weight": weight}, {"logits": logits}

    def _criterion(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, float | Tensor]:
        """The mean over rows, each weighted by its class, and the sum of the weights."""
        positive = labels.to(logits.dtype)
        wanted = positive * (1 - self.smoothing) + self.smoothing / 2
        losses = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        if self.loss == "focal":
            losses = losses * torch.sigmoid(torch.where(labels > 0, -logits, logits)) ** self.gamma
        if self.positive_weight is None:
            return losses.mean(), len(labels)
        weights = 1 + (self.positive_weight - 1) * positive
        return (losses * weights).sum() / weights.sum(), weights.sum()

    def predict(self, batch: Batch) -> Named:
        return {"logits": self.network(**batch.inputs).squeeze(1)}

    def decide(self, predictions: Named, targets: Named) -> None:
        if isinstance(self.chosen_for, str):
            (labels,) = targets.values()
            self.threshold.fill_(best(predictions["logits"].sigmoid(), labels, self.chosen_for))

    def express(self, chances: Tensor) -> Named:
        return {"logits": chances[:, 1].logit(torch.finfo(torch.float64).eps).float()}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        logits, (labels,) = predictions["logits"], targets.values()
        chances = logits.sigmoid()
        both = bool((labels != labels[0]).any())  # an area has no meaning where there is one class
        found = {
            "loss": self._criterion(logits, labels)[0],
            **scores(chances >= self.threshold, labels > 0),
            "brier": (chances - labels).square().mean(),
            "calibration_error": binary_calibration_error(chances, labels, n_bins=15, validate_args=False),
            "rows_per_class": torch.bincount(labels, minlength=2),
        }
        for name, area in (("roc_auc", binary_auroc), ("average_precision", binary_average_precision)):
            found[name] = area(logits, labels, validate_args=False) if both else torch.tensor(math.nan)
        return found

    def present(self, predictions: Named) -> dict[str, Any]:
        chances = predictions["logits"].sigmoid().cpu().numpy()
        positive = chances >= self.threshold.item()
        both = np.stack([1 - chances, chances], axis=1)
        named = {"class": np.array(self.classes)[positive.astype(int)], "probability": np.where(positive, chances, 1 - chances)}
        return {**named, **dict(zip(self.classes, both.T, strict=True))}

    def figures(self, predictions: Named, targets: Named) -> dict[str, dict[str, Any]]:
        chances, (labels,) = predictions["logits"].sigmoid(), targets.values()
        positive = chances >= self.threshold
        matrix = torch.bincount(labels * 2 + positive, minlength=4).reshape(2, 2)
        sure = torch.where(positive, chances, 1 - chances)
        return {
            "confusion_matrix": {"matrix": matrix.cpu().numpy(), "classes": self.classes},
            "reliability_diagram": {"confidence": sure.cpu().numpy(), "correct": (positive == (labels > 0)).cpu().numpy()},
            "threshold_curves": {
                "chances": chances.cpu().numpy(),
                "positive": (labels > 0).cpu().numpy(),
                "threshold": self.threshold.item(),
                "named": self.classes[1],
            },
        }
