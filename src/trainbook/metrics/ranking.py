"""How well chances rank several labels: the ranking average precision, for all rows at once."""

import torch
from torch import Tensor

AT_ONCE = 2**24
"""Comparisons that are held in memory at once."""


def ranking_average_precision(scores: Tensor, labels: Tensor) -> Tensor:
    """For each label that a row has: the share of its labels among those ranked as high; the mean over labels, then over rows.

    A row without labels, or with all, counts 1. torchmetrics' own goes row by row, which takes a thousand times as long.

    Args:
        scores: (n, l).
        labels: (n, l), 0 or 1.

    Source: Tsoumakas, Katakis, Vlahavas, "Mining Multi-label Data", 2010; scikit-learn's
    ``label_ranking_average_precision_score``.
    """
    rows = max(1, AT_ONCE // max(1, scores.shape[1] ** 2))
    parts = (slice(start, start + rows) for start in range(0, len(scores), rows))
    each = [_of_rows(scores[part], labels[part] > 0) for part in parts]
    return torch.cat(each).mean()


def _of_rows(scores: Tensor, true: Tensor) -> Tensor:
    as_high = scores[:, None, :] >= scores[:, :, None]
    precision = (as_high & true[:, None, :]).sum(2) / as_high.sum(2)
    held = true.sum(1)
    found = (precision * true).sum(1) / held.clamp(min=1)
    return torch.where((held == 0) | (held == true.shape[1]), torch.ones_like(found), found)
