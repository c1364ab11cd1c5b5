"""Doubts: what may be wrong with data that are as the settings say; a person has to look."""

from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from trainbook.portrait import copies, correlations
from trainbook.portrait.drift import LEVEL, Difference, beyond_chance
from trainbook.portrait.features import Contents, Feature, Splits
from trainbook.portrait.leak import told

SAME, LEAK = 0.99, 0.95
RARE = 10
OWN, FEW = 0.95, 20
"""Share of distinct values from which text names its row, and the number of values below which that means nothing."""
MISSING, SIGMAS = 0.05, 4.0
"""Shares of missing values differ if by more than this, and by more than so many standard errors."""
DRIFT = 0.1


LENGTH = 0.05
"""Share of the variance of a length that lies between the classes, from which it is worth a word."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence, of many the first."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def constant(features: Sequence[Feature]) -> Iterator[str]:
    """A column that tells no two training rows apart."""
    names = [each.name for each in features if each.role == "input" and _is_constant(each)]
    if names:
        yield f"constant in the training rows: {listed(names)}"


def _is_constant(feature: Feature) -> bool:
    values = feature.values["train"]
    return len(np.unique(values[:1000])) == 1 and len(np.unique(values)) == 1  # most columns show it at once


def identifiers(features: Sequence[Feature]) -> Iterator[str]:
    """Text that is nearly another one in each row: an identifier, or free text."""
    for each in features:
        if each.kind == "category" and each.role == "input":
            present = each.present("train")
            distinct = len(np.unique(present))
            if len(present) >= FEW and distinct >= OWN * len(present):
                yield f"{each.name} is almost an identifier: {distinct:,} different texts in {len(present):,} rows"


def repeated(splits: Splits, targets: Sequence[str]) -> Iterator[str]:
    """Rows that are equal in all inputs; of a test row that was learnt by heart one learns nothing."""
    names = [name for name in splits["train"] if name not in targets] or list(splits["train"])
    inputs = copies.fingerprints(splits, names)
    if found := copies.within(inputs["train"]):
        whole = copies.fingerprints({"train": splits["train"]}, list(splits["train"]))["train"]
        torn = copies.contradictions(inputs["train"], whole)
        again = "1 training row repeats" if found == 1 else f"{found:,} training rows repeat"
        yield f"{again} the inputs of an earlier one" + (f", {torn:,} with another target" if torn else "")
    for split, prints in inputs.items():
        if split != "train" and (found := copies.across(inputs["train"], prints)):
            yield f"{found:,} of {len(prints):,} {split} rows {'has' if found == 1 else 'have'} the inputs of a training row"


def correlated(names: Sequence[str], matrix: correlations.Matrix) -> Iterator[str]:
    """Two numbers that say nearly the same."""
    found = [f"{names[one]} and {names[other]} (r = {value:.4f})" for one, other, value in correlations.pairs(matrix, SAME)]
    if found:
        yield f"numbers that say nearly the same: {listed(found, 3)}"


def separating(contents: Contents, quiet: bool = False) -> Iterator[str]:
    """One feature that gives the target away. Needs validation rows; the test rows are not asked."""
    if "validation" not in contents.rows:
        return
    inputs = [each for each in contents.features if each.role == "input"]
    questions = [question for classes in contents.classes for question in classes.questions()]
    bar = tqdm(questions, desc="leaks", unit="target", disable=True if quiet else None, leave=False)
    for name, ids in bar:
        for each in inputs:
            share = told(each, ids["train"], ids["validation"])
            if share >= LEAK:
                yield f"{each.name} alone tells {name}: {share:.1%} of the mistakes of a constant answer are gone (a leak?)"


def telling(contents: Contents) -> Iterator[str]:
    """Lengths of series or texts that differ by class: padding tells them, too, unless it is masked."""
    from scipy.stats import kruskal

    for classes in (each for each in contents.classes if each.exclusive):
        ids = classes.held["train"]
        for each in (each for each in contents.features if each.is_length and each.role == "input"):
            values = each.values["train"].astype(np.float64)
            groups = {name: values[(ids == at) & ~np.isnan(values)] for at, name in enumerate(classes.names)}
            groups = {name: group for name, group in groups.items() if len(group)}
            every = np.concatenate(list(groups.values()))
            if len(groups) < 2 or every.min() == every.max() or kruskal(*groups.values()).pvalue >= LEVEL:
                continue
            between = sum(len(group) * (group.mean() - every.mean()) ** 2 for group in groups.values())
            if (share := between / len(every) / every.var()) >= LENGTH:
                low, high = (choose(groups, key=lambda name: groups[name].mean()) for choose in (min, max))
                yield (
                    f"{each.name} alone tells something of {classes.name}: from {groups[low].mean():.1f} ({low}) to "
                    f"{groups[high].mean():.1f} ({high}) on average; {share:.0%} of its variance lies between the classes"
                )


def missing(features: Sequence[Feature]) -> Iterator[str]:
    """Values that are missing in the test rows much more or less often than in the training rows."""
    for each in features:
        if "test" in each.values:
            train, test = each.missing("train"), each.missing("test")
            if not len(train) or not len(test):
                continue
            share = (train.sum() + test.sum()) / (len(train) + len(test))
            error = np.sqrt(share * (1 - share) * (1 / len(train) + 1 / len(test)))
            if abs(train.mean() - test.mean()) > max(MISSING, SIGMAS * error):
                yield f"{each.name} is missing in {train.mean():.1%} of the training rows and {test.mean():.1%} of the test rows"


def rare(contents: Contents) -> Iterator[str]:
    """Classes, or labels that hold, of which there is little to learn from."""
    for each in contents.classes:
        found = [f"{name} ({rows})" for name, rows in zip(each.names, each.counts()["train"], strict=True) if rows < RARE]
        if found:
            yield f"{each.name}: fewer than {RARE} training rows of {listed(found)}"


def drifted(found: Sequence[Difference]) -> Iterator[str]:
    """Columns whose test rows are another population than the training rows."""
    far = [f"{each.name} ({each.measure} {each.value:.2f})" for each in beyond_chance(found) if each.value >= DRIFT]
    if far:
        yield f"train and test differ more than by chance: {listed(far)}"
