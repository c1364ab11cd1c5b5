"""Drift: how far a feature's test rows are from its training rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from trainbook.columns import Array
from trainbook.portrait.features import Feature

LEVEL = 0.01
"""Chance of calling any column different when none is: shared out among the columns (Bonferroni)."""


class Difference(NamedTuple):
    """Between the training and the test rows of a feature, from 0 (none) to 1 (nothing in common)."""

    name: str
    measure: str
    """``KS``: greatest distance of the two cumulative distributions; ``TV``: half the sum of the differences of shares."""
    value: float
    p: float
    """How likely as much is by chance: Kolmogorov-Smirnov, asymptotic; chi-square."""


def differences(features: Sequence[Feature], quiet: bool = False) -> list[Difference]:
    """Of each feature that has values in both, the greatest first; ``quiet`` without a progress bar."""
    both = [each for each in features if "test" in each.values]
    bar = tqdm(both, desc="train against test", unit="column", disable=True if quiet else None, leave=False)
    found = [_number(each) if each.kind == "number" else _category(each) for each in bar]
    return sorted((each for each in found if each), key=lambda each: -each.value)


def beyond_chance(found: Sequence[Difference]) -> list[Difference]:
    """Those that chance explains badly, given how many were looked at."""
    return [each for each in found if each.p * len(found) < LEVEL]


def _number(feature: Feature) -> Difference | None:
    """Of the values that there are; how many are missing is another question."""
    from scipy.stats import ks_2samp

    train, test = feature.present("train"), feature.present("test")
    if not len(train) or not len(test):
        return None
    result = ks_2samp(train, test, method="asymp")
    return Difference(feature.name, "KS", float(result.statistic), float(result.pvalue))


def _category(feature: Feature) -> Difference | None:
    """Of all rows: that a value is missing is a category like any other."""
    from scipy.stats import chi2_contingency

    table = counts(feature.values["train"], feature.values["test"])
    if not table.sum(axis=1).all():
        return None
    shares = table / table.sum(axis=1, keepdims=True)
    p = float(chi2_contingency(table, correction=False).pvalue) if table.shape[1] > 1 else 1.0
    return Difference(feature.name, "TV", float(np.abs(shares[0] - shares[1]).sum() / 2), p)


def counts(train: Array, test: Array) -> Any:
    """(2, k): how often each of the values of both occurs."""
    both: Any = np.concatenate([train, test])
    values, ids = np.unique(both, return_inverse=True)
    return np.stack([np.bincount(part, minlength=len(values)) for part in (ids[: len(train)], ids[len(train) :])])
