"""Portrait: what a data set looks like, computed once, for the screen, for a file, and for the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trainbook.data.statistics import Statistics
from trainbook.portrait import doubts
from trainbook.portrait.correlations import Matrix, correlations, numbers, pairs
from trainbook.portrait.drift import Difference, differences
from trainbook.portrait.features import Contents, Feature, Known, Splits, contents
from trainbook.portrait.summary import summary

FORMAT = 1
STRONG, MOST = 0.5, 100
"""Of correlations this strong, so many are written down."""


@dataclass(frozen=True)
class Portrait:
    """Of raw splits, of which ``train`` is one.

    Args:
        known: facts of columns beforehand, as ``Source.facts`` gives them.
        targets: names of the columns that are targets.
        quiet: no progress bars.
    """

    splits: Splits
    known: Known
    targets: Sequence[str]
    quiet: bool = False

    @cached_property
    def contents(self) -> Contents:
        return contents(self.splits, self.known, self.targets)

    @cached_property
    def features(self) -> list[dict[str, Any]]:
        """A summary of each feature."""
        return [summary(feature) for feature in self.contents.features]

    @cached_property
    def numbers(self) -> list[Feature]:
        return numbers(self.contents.features)

    @cached_property
    def correlations(self) -> Matrix:
        """(k, k), of ``numbers``."""
        return correlations(self.numbers)

    @cached_property
    def differences(self) -> list[Difference]:
        """Between training and test rows, the greatest first."""
        return differences(self.contents.features, self.quiet)

    @cached_property
    def many(self) -> dict[str, dict[str, float]]:
        """Mean, std, min and max of all values of columns that have many a row."""
        found = {}
        for name, tables in self.contents.many.items():
            gathered = Statistics()
            for part in tables["train"].parts() if tables["train"][name].dtype.kind in "biuf" else ():
                gathered.add(part[name][np.isfinite(part[name])])
            found[name] = gathered.facts()
        return found

    @cached_property
    def doubts(self) -> list[str]:
        """What a person should look at, a sentence each."""
        return list(self._doubts())

    def _doubts(self) -> Iterator[str]:
        features = self.contents.features
        yield from doubts.separating(self.contents, self.quiet)
        yield from doubts.repeated(self.splits, self.targets)
        yield from doubts.drifted(self.differences)
        yield from doubts.missing(features)
        yield from doubts.rare(self.contents)
        yield from doubts.constant(features)
        yield from doubts.identifiers(features)
        yield from doubts.correlated([each.name for each in self.numbers], self.correlations)

    def written(self) -> dict[str, Any]:
        """All of it as plain data, without NaN."""
        names = [each.name for each in self.numbers]
        return {
            "format": FORMAT,
            "rows": dict(self.contents.rows),
            "doubts": self.doubts,
            "targets": {each.name: self._counted(each.names, each.counts()) for each in self.contents.classes},
            "features": self.features,
            "many_values": self.many,
            "train_against_test": [each._asdict() for each in self.differences],
            "correlations": [[names[one], names[other], r] for one, other, r in pairs(self.correlations, STRONG)[:MOST]],
        }

    @staticmethod
    def _counted(names: Sequence[str], counts: Mapping[str, Sequence[int]]) -> dict[str, dict[str, int]]:
        return {split: dict(zip(names, values, strict=True)) for split, values in counts.items()}

    def lines(self) -> list[str]:
        """The short form, for a screen."""
        rows = ", ".join(f"{count:,} {split}" for split, count in self.contents.rows.items())
        said = [f"rows      {rows}", f"columns   {self._kinds()}", f"missing   {self._missing()}"]
        for each in self.contents.classes:
            total, counts = self.contents.rows["train"], each.counts()["train"]
            order = sorted(range(len(counts)), key=lambda at: -counts[at])
            shares = [f"{each.names[at]} {counts[at] / total:.1%}" for at in order]
            said.append(f"{each.name:9} {doubts.listed(shares, 12)}")
        if self.differences:
            first = self.differences[0]
            said.append(f"drift     {first.name} differs most between train and test: {first.measure} {first.value:.3f}")
        return said + [f"doubt     {each}" for each in self.doubts]

    def _kinds(self) -> str:
        inputs: list[str] = [each.kind for each in self.contents.features if each.role == "input"]
        kinds = {"number": "numbers", "category": "categories"}
        counts = [f"{inputs.count(kind):,} {words}" for kind, words in kinds.items() if kind in inputs]
        many = [
            f"{name} of {' x '.join(map(str, tables['train'][name].shape[1:])) or 'one'} values"
            + (" and any length" if name in tables["train"].offsets else "")
            for name, tables in self.contents.many.items()
        ]
        return ", ".join(many or counts or ["no inputs"])

    def _missing(self) -> str:
        total = sum(self.contents.rows.values())
        shares = {each["name"]: sum(each["missing"].values()) / max(total, 1) for each in self.features}
        order = sorted((name for name, share in shares.items() if share), key=lambda name: -shares[name])
        return doubts.listed([f"{name} {_percent(shares[name])}" for name in order]) or "none"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "< 0.1%"
