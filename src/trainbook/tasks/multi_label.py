"""Several labels a row, each of which holds or does not."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainbook.batch import Batch
from trainbook.metrics.ranking import ranking_average_precision
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task
from trainbook.tasks.thresholds import best, scores


class MultiLabel(Task):
    """Sigmoid and binary cross-entropy for each label; a threshold for each, chosen on validation.

    Args:
        network: gives logits (n, labels).
        labels: their names, from the facts.
        label_counts: training rows with each label, from the facts.
        rows: training rows in all, from the facts.
        positive_weights: what a row that has a label counts against one that has not; ``balanced`` = rows without it / rows
            with it; or a number a label; None = all alike.
        at_most: the greatest weight that ``balanced`` gives, for a label may be very rare.
        label_smoothing: how far targets are moved towards 0.5, 0 to 1.
        threshold: the chance from which on a label is named; or ``f1``: for each label the one that is best on validation.
        monitor, mode: see ``Task``.
    """

    thresholds: Tensor
    weights: Tensor

    def __init__(
        self,
        network: nn.Module,
        labels: Sequence[str],
        label_counts: Sequence[int],
        rows: int,
        positive_weights: Literal["balanced"] | Sequence[float] | None = None,
        at_most: float = 10.0,
        label_smoothing: float = 0.0,
        threshold: Literal["f1"] | float = "f1",
        monitor: str = "val/ranking_average_precision",
        mode: Literal["min", "max"] = "max",
    ) -> None:
        super().__init__(network, monitor, mode)
        if positive_weights == "balanced":
            positive_weights = [min(at_most, (rows - count) / max(count, 1)) or 1.0 for count in label_counts]
        elif isinstance(positive_weights, str):
            raise ValueError(f"positive_weights: balanced or a list of numbers was expected; got {positive_weights}")
        if positive_weights is not None and (len(positive_weights) != len(labels) or min(positive_weights) <= 0):
            raise ValueError(f"positive_weights: {len(labels)} positive numbers were expected; got {list(positive_weights)}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing from 0 to below 1 was expected; got {label_smoothing}")
        if not isinstance(threshold, str) and not 0 <= threshold <= 1:
            raise ValueError(f"threshold: a chance from 0 to 1 was expected; got {threshold}")
        self.labels, self.smoothing, self.chosen_for = list(labels), label_smoothing, threshold
        self.register_buffer("thresholds", torch.full((len(labels),), 0.5 if isinstance(threshold, str) else threshold))
        self.register_buffer("weights", torch.tensor(positive_weights or [1.0] * len(labels)))

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        return {"outputs": len(facts["offers"]["labels"])}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        logits = self.network(**batch.inputs)
        (labels,) = batch.targets.values()
        return {"loss": self._loss(logits, labels), "weight": len(logits)}, {"logits": logits}

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        wanted = labels.to(logits.dtype) * (1 - self.smoothing) + self.smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=self.weights)

    def predict(self, batch: Batch) -> Named:
        return {"logits": self.network(**batch.inputs)}

    def decide(self, predictions: Named, targets: Named) -> None:
        if isinstance(self.chosen_for, str):
            (labels,), chances = targets.values(), predictions["logits"].sigmoid()
            for at in range(len(self.labels)):
                self.thresholds[at] = best(chances[:, at], labels[:, at], self.chosen_for)

    def express(self, chances: Tensor) -> Named:
        return {"logits": chances.logit(torch.finfo(torch.float64).eps).float()}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        logits, (labels,) = predictions["logits"], targets.values()
        true, chosen = labels > 0, self._chosen(logits)
        per_label = scores(chosen.T, true.T)["f1"]
        return {
            "loss": self._loss(logits, labels),
            "f1_micro": scores(chosen.flatten(), true.flatten())["f1"],
            "f1_macro": per_label.mean(),
            "f1_micro_at_half": scores((logits >= 0).flatten(), true.flatten())["f1"],
            "hamming_loss": (chosen != true).float().mean(),
            "ranking_average_precision": ranking_average_precision(logits, labels),
            "exact_match": (chosen == true).all(dim=1).float().mean(),
            "f1_per_label": per_label,
            "rows_per_label": true.sum(0),
        }

    def present(self, predictions: Named) -> dict[str, Any]:
        chosen = self._chosen(predictions["logits"]).tolist()
        said = [" ".join(name for name, each in zip(self.labels, yes, strict=True) if each) for yes in chosen]
        return {"labels": said, **dict(zip(self.labels, predictions["logits"].sigmoid().T.cpu().numpy(), strict=True))}

    def _chosen(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() >= self.thresholds

    def figures(self, predictions: Named, targets: Named) -> dict[str, dict[str, Any]]:
        (labels,) = targets.values()
        true, chosen = labels > 0, self._chosen(predictions["logits"])
        arrays = {"there": true.sum(0), "named": chosen.sum(0), "right": (true & chosen).sum(0)}
        return {"label_scores": {"labels": self.labels, **{name: value.cpu().numpy() for name, value in arrays.items()}}}
