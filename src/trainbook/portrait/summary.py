"""Summary: what one feature looks like, in a few numbers."""

from typing import Any

import numpy as np

from trainbook.portrait.features import Feature

MOST = 10
"""Categories that are named with their counts."""
QUANTILES = {"min": 0.0, "25%": 0.25, "50%": 0.5, "75%": 0.75, "max": 1.0}


def summary(feature: Feature) -> dict[str, Any]:
    """Name, role, type, missing values in each split; and of the training rows the distinct values, with

    mean, std (of the rows, not of a population beyond them) and quantiles of finite numbers, or the most frequent categories.
    """
    present: Any = feature.present("train")
    values, counts = np.unique(present, return_counts=True)
    known = {
        "name": feature.name,
        "role": feature.role,
        "type": feature.kind,
        "missing": {split: int(feature.missing(split).sum()) for split in feature.values},
        "distinct": len(values),
    }
    if feature.kind == "category":
        order = np.argsort(-counts, kind="stable")[:MOST]
        return known | {"most_frequent": {str(values[at]): int(counts[at]) for at in order}}
    numbers = present.astype(np.float64)
    if infinite := int(np.isinf(numbers).sum()):
        known["infinite"] = infinite
        numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return known
    quantiles = np.quantile(numbers, list(QUANTILES.values()))
    moments = {"mean": float(numbers.mean()), "std": float(numbers.std())}
    return known | moments | {name: float(value) for name, value in zip(QUANTILES, quantiles, strict=True)}
