"""Several labels a row, each of which holds or does not."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.functional.classification import multilabel_exact_match, multilabel_f1_score

from trainbook.batch import Batch
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task


class MultiLabel(Task):
    """Sigmoid and binary cross-entropy for each label; a threshold for each, chosen on validation.

    Args:
        network: gives logits (n, labels).
        labels: their names, from the facts.
        monitor, mode: see ``Task``.
    """

    thresholds: Tensor

    def __init__(
        self, network: nn.Module, labels: Sequence[str], monitor: str = "val/f1", mode: Literal["min", "max"] = "max"
    ) -> None:
        super().__init__(network, monitor, mode)
        self.labels = list(labels)
        self.register_buffer("thresholds", torch.full((len(labels),), 0.5))

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        return {"outputs": len(facts["offers"]["labels"])}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        logits = self.network(**batch.inputs)
        loss = F.binary_cross_entropy_with_logits(logits, batch.targets["labels"].float())
        return {"loss": loss, "weight": len(logits)}, {"logits": logits}

    def predict(self, batch: Batch) -> Named:
        return {"logits": self.network(**batch.inputs)}

    def decide(self, predictions: Named, targets: Named) -> None:
        """For each label the threshold among the rows' own chances whose F1 is best."""
        chances, true = predictions["logits"].sigmoid(), targets["labels"].bool()
        for at in range(len(self.labels)):
            candidates = chances[:, at].unique()
            chosen = chances[:, at] >= candidates[:, None]
            right = (chosen & true[:, at]).sum(1)
            f1 = 2 * right / (chosen.sum(1) + true[:, at].sum())
            self.thresholds[at] = candidates[f1.argmax()]

    def express(self, chances: Tensor) -> Named:
        return {"logits": chances.logit(torch.finfo(torch.float64).eps).float()}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        logits, labels = predictions["logits"], targets["labels"]
        chosen = self._chosen(logits).long()
        how: dict[str, Any] = {"num_labels": len(self.labels), "validate_args": False}
        return {
            "loss": F.binary_cross_entropy_with_logits(logits, labels.float()),
            "f1": multilabel_f1_score(chosen, labels, average="macro", **how),
            "exact_match": multilabel_exact_match(chosen, labels, **how),
            "f1_per_label": multilabel_f1_score(chosen, labels, average="none", **how),
        }

    def present(self, predictions: Named) -> dict[str, Any]:
        chosen = self._chosen(predictions["logits"]).tolist()
        said = [" ".join(name for name, each in zip(self.labels, yes, strict=True) if each) for yes in chosen]
        return {"labels": said, **dict(zip(self.labels, predictions["logits"].sigmoid().T, strict=True))}

    def _chosen(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() >= self.thresholds
