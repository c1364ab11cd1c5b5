"""From which chance on the answer is yes: chosen where a measure of yes and no is best."""

import torch
from torch import Tensor


def scores(chosen: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Accuracy, balanced accuracy, precision, recall and F1 of yes and no, over the last dimension; 0 where nothing divides.

    Args:
        chosen, true: bool (…, n).
    """
    right, named, there = (chosen & true).sum(-1), chosen.sum(-1), true.sum(-1)
    rows = true.shape[-1]
    absent_right = rows - named - there + right
    recall, precision = right / there.clamp(min=1), right / named.clamp(min=1)
    return {
        "accuracy": (right + absent_right) / rows,
        "balanced_accuracy": (recall + absent_right / (rows - there).clamp(min=1)) / 2,
        "precision": precision,
        "recall": recall,
        "f1": 2 * right / (named + there).clamp(min=1),
    }


def best(chances: Tensor, labels: Tensor, measure: str) -> float:
    """The threshold, midway between two neighbouring chances, that makes ``measure`` (of ``scores``) greatest.

    Args:
        chances: (n,).
        labels: (n,) 0 or 1.
    """
    chances, labels = chances.detach().cpu(), labels.cpu()
    ordered, order = chances.double().sort(descending=True)
    right = (labels[order] > 0).cumsum(0).double()
    named = torch.arange(1, len(ordered) + 1)
    there, rows = right[-1], len(ordered)
    absent_right = rows - named - there + right
    found = {
        "f1": 2 * right / (named + there),
        "accuracy": (right + absent_right) / rows,
        "balanced_accuracy": right / there.clamp(min=1) + absent_right / (rows - there).clamp(min=1),
    }[measure]
    if float(found.max()) < (nobody := _nobody(measure, float(there), rows)):
        return min(1.0, float(ordered[0]) + 1e-6) if nobody else 0.5
    ends = torch.cat([ordered[:-1] > ordered[1:], torch.ones(1, dtype=torch.bool)])  # equal chances go together
    at = int(torch.where(ends, found, -torch.inf).argmax())
    below = ordered[at + 1] if at + 1 < rows else torch.zeros_like(ordered[at])
    return float((ordered[at] + below) / 2)


def _nobody(measure: str, there: float, rows: int) -> float:
    """What it gives to name nobody at all, measured like the others."""
    return {"f1": 0.0, "accuracy": (rows - there) / rows, "balanced_accuracy": float(there < rows)}[measure]
