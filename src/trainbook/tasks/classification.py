"""Classification: which one of several classes a row belongs to."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from trainbook.batch import Batch
from trainbook.tasks.collection import Named
from trainbook.tasks.heads import OneVersusOne, OneVersusRest
from trainbook.tasks.losses import ClassificationLoss
from trainbook.tasks.task import Task

HEADS = {"one_vs_rest": OneVersusRest, "one_vs_one": OneVersusOne}


class Classification(Task):
    """One of the classes of the single target.

    Args:
        network: gives the scores that the head takes; logits (n, classes) for softmax.
        classes: their names, from the facts.
        class_counts: training rows of each class, from the facts.
        loss, label_smoothing, gamma: see ``ClassificationLoss``.
        head: ``softmax`` over all classes; ``one_vs_rest``, a sigmoid a class; ``one_vs_one``, a sigmoid a pair of classes. The
            loss that is measured is always that of the chances answered; focal and smoothing belong to softmax.
        class_weights: ``balanced`` weighs each class by its rarity (rows / (classes * rows of the class)); or a number
            a class; None = all alike.
        monitor, mode: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: Sequence[str],
        class_counts: Sequence[int],
        loss: Literal["cross_entropy", "focal"] = "cross_entropy",
        label_smoothing: float = 0.0,
        gamma: float = 2.0,
        class_weights: Literal["balanced"] | Sequence[float] | None = None,
        head: Literal["softmax", "one_vs_rest", "one_vs_one"] = "softmax",
        monitor: str = "val/accuracy",
        mode: Literal["min", "max"] = "max",
    ) -> None:
        super().__init__(network, monitor, mode)
        self.classes = list(classes)
        if class_weights == "balanced":
            class_weights = [sum(class_counts) / (len(classes) * max(count, 1)) for count in class_counts]
        elif isinstance(class_weights, str):
            raise ValueError(f"class_weights: balanced or a list of numbers was expected; got {class_weights}")
        if class_weights is not None and (len(class_weights) != len(classes) or min(class_weights) <= 0):
            raise ValueError(f"class_weights: {len(classes)} positive numbers were expected; got {list(class_weights)}")
        if head != "softmax" and (loss != "cross_entropy" or label_smoothing):
            raise ValueError(f"head: softmax was expected with loss: {loss} and label_smoothing: {label_smoothing}; got {head}")
        self.head = HEADS[head](len(self.classes)) if head in HEADS else None
        self.criterion = ClassificationLoss(loss, label_smoothing, gamma, class_weights)

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        classes, head = len(facts["offers"]["classes"]), settings.get("head")
        return {"outputs": HEADS[head](classes).outputs() if head in HEADS else classes}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        scores = self.network(**batch.inputs)
        (labels,) = batch.targets.values()
        if self.head is None:
            loss, weight = self.criterion(scores, labels)
            return {"loss": loss, "weight": weight}, {"logits": scores}
        loss, weight = self.criterion.mean(self.head.losses(scores, labels), labels)
        return {"loss": loss, "weight": weight}, {"logits": self.head.logits(scores)}

    def predict(self, batch: Batch) -> Named:
        scores = self.network(**batch.inputs)
        return {"logits": scores if self.head is None else self.head.logits(scores)}

    def express(self, chances: Tensor) -> Named:
        return {"logits": chances.clamp(min=torch.finfo(torch.float64).eps).log().float()}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        logits, (labels,) = predictions["logits"], targets.values()
        chosen, size = logits.argmax(dim=1), len(self.classes)
        how: dict[str, Any] = {"num_classes": size, "validate_args": False}
        return {
            "loss": self.criterion(logits, labels)[0],
            "accuracy": multiclass_accuracy(chosen, labels, average="micro", **how),
            "precision": multiclass_precision(chosen, labels, average="macro", **how),
            "recall": multiclass_recall(chosen, labels, average="macro", **how),
            "f1": multiclass_f1_score(chosen, labels, average="macro", **how),
            "calibration_error": multiclass_calibration_error(logits.softmax(1), labels, n_bins=15, **how),
            "precision_per_class": multiclass_precision(chosen, labels, average="none", **how),
            "recall_per_class": multiclass_recall(chosen, labels, average="none", **how),
            "f1_per_class": multiclass_f1_score(chosen, labels, average="none", **how),
            "rows_per_class": torch.bincount(labels, minlength=size),
        }

    def present(self, predictions: Named) -> dict[str, Any]:
        probabilities = predictions["logits"].softmax(dim=1).cpu().numpy()
        named = {"class": np.array(self.classes)[probabilities.argmax(1)], "probability": probabilities.max(1)}
        return {**named, **dict(zip(self.classes, probabilities.T, strict=True))}

    def figures(self, predictions: Named, targets: Named) -> dict[str, dict[str, Any]]:
        logits, (labels,) = predictions["logits"], targets.values()
        sure, chosen = logits.softmax(dim=1).max(dim=1)
        wrong = (chosen != labels).nonzero().flatten()
        worst = wrong[sure[wrong].argsort(descending=True, stable=True)]
        matrix = multiclass_confusion_matrix(chosen, labels, num_classes=len(self.classes), validate_args=False)
        first = next((p for p in self.network.parameters() if p.ndim > 1), None)
        pictures: dict[str, dict[str, Any]] = {
            "confusion_matrix": {"matrix": matrix.cpu().numpy(), "classes": self.classes},
            "reliability_diagram": {"confidence": sure.cpu().numpy(), "correct": (chosen == labels).cpu().numpy()},
            "worst_mistakes": {
                "rows": worst.cpu().numpy(),
                "true": [self.classes[at] for at in labels[worst].tolist()],
                "predicted": [self.classes[at] for at in chosen[worst].tolist()],
                "probability": sure[worst].cpu().numpy(),
            },
        }
        if first is not None:
            pictures["first_layer_weights"] = {"weights": first.detach().float().cpu().numpy()}
        return pictures
