"""Portrait: what a data set looks like, computed once, for the screen, for a file, and for the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trainbook.data.statistics import Statistics
from trainbook.portrait import doubts, many
from trainbook.portrait.correlations import Matrix, correlations, numbers, pairs
from trainbook.portrait.drift import Difference, differences
from trainbook.portrait.features import Contents, Feature, Known, Splits, contents
from trainbook.portrait.summary import summary

FORMAT = 1
STRONG, MOST = 0.5, 100
"""Of correlations this strong, so many are written down."""
TIME = "time"


@dataclass(frozen=True)
class Portrait:
    """Of raw splits, of which ``train`` is one.

    Args:
        known: facts of columns beforehand, as ``Source.facts`` gives them.
        targets: names of the columns that are targets.
        beside: columns that are no features; with ``time`` (seconds since 1970) among them, rows follow one another in time.
        quiet: no progress bars.
    """

    splits: Splits
    known: Known
    targets: Sequence[str]
    quiet: bool = False
    beside: Sequence[str] = ()

    @cached_property
    def contents(self) -> Contents:
        return contents(self.splits, self.known, self.targets, self.beside)

    @property
    def in_time(self) -> bool:
        """Whether rows follow one another, so that those of the test, which come later, are another population."""
        return TIME in self.beside and TIME in self.splits["train"]

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
            if many.is_text(tables["train"][name]):
                continue
            gathered = Statistics()
            for part in tables["train"].parts() if tables["train"][name].dtype.kind in "biuf" else ():
                gathered.add(part[name][np.isfinite(part[name])])
            found[name] = gathered.facts()
        return found

    @cached_property
    def channels(self) -> list[dict[str, Any]]:
        """What is known of all values of each channel of series."""
        found = []
        for name, tables in self.contents.many.items():
            if name in tables["train"].offsets and tables["train"][name].ndim == 2:
                found += many.channels(name, tables, self.known.get(name, {}).get("names"))
        return found

    @cached_property
    def words(self) -> dict[str, dict[str, int]]:
        """Of each free text the words that stand in most training rows, and in how many."""
        tables = {name: tables["train"] for name, tables in self.contents.many.items()}
        return {name: many.words(train[name]) for name, train in tables.items() if many.is_text(train[name])}

    @cached_property
    def doubts(self) -> list[str]:
        """What a person should look at, a sentence each."""
        return list(self._doubts())

    def _doubts(self) -> Iterator[str]:
        features = self.contents.features
        yield from doubts.separating(self.contents, self.quiet)
        yield from doubts.telling(self.contents)
        if not self.in_time:  # parts overlap by what is looked back on, and later times are others
            yield from doubts.repeated(self.splits, self.targets)
            yield from doubts.drifted(self.differences)
        yield from doubts.missing(features)
        yield from doubts.rare(self.contents)
        yield from doubts.constant(features)
        yield from doubts.identifiers(features)
        own = [at for at, each in enumerate(self.numbers) if self._alone(each)]
        yield from doubts.correlated([self.numbers[at].name for at in own], self.correlations[np.ix_(own, own)])

    def _alone(self, feature: Feature) -> bool:
        """Whether it should say what no other does: words beside characters, and a target whose past is an input, need not."""
        return not feature.is_length and (feature.role == "input" or not self.in_time)

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
            "channels": self.channels,
            "words": self.words,
            "train_against_test": [each._asdict() for each in self.differences],
            "correlations": [[names[one], names[other], r] for one, other, r in pairs(self.correlations, STRONG)[:MOST]],
        }

    @staticmethod
    def _counted(names: Sequence[str], counts: Mapping[str, Sequence[int]]) -> dict[str, dict[str, int]]:
        return {split: dict(zip(names, values, strict=True)) for split, values in counts.items()}

    def lines(self) -> list[str]:
        """The short form, for a screen."""
        rows = ", ".join(f"{count:,} {split}" for split, count in self.contents.rows.items())
        said = [f"rows      {rows}", *self._times(), f"columns   {self._kinds()}", f"missing   {self._missing()}"]
        for each in self.contents.classes:
            total, counts = self.contents.rows["train"], each.counts()["train"]
            order = sorted(range(len(counts)), key=lambda at: -counts[at])
            shares = [f"{each.names[at]} {counts[at] / total:.1%}" for at in order]
            said.append(f"{each.name:9} {doubts.listed(shares, 12)}")
        said += [f"words     {name}: {doubts.listed(list(words), 12)}" for name, words in self.words.items()]
        if self.differences:
            first = self.differences[0]
            why = ", and is expected to, for the test lies later in time" if self.in_time else ""
            said.append(f"drift     {first.name} differs most between train and test: {first.measure} {first.value:.3f}{why}")
        return said + [f"doubt     {each}" for each in self.doubts]

    def _times(self) -> list[str]:
        if not self.in_time:
            return []
        ends = {split: columns[TIME][[0, -1]].astype("datetime64[s]") for split, columns in self.splits.items() if columns.rows}
        return [f"time      {', '.join(f'{split} from {first} to {last}' for split, (first, last) in ends.items())}"]

    def _kinds(self) -> str:
        inputs: list[str] = [each.kind for each in self.contents.features if each.role == "input"]
        kinds = {"number": "numbers", "category": "categories"}
        counts = [f"{inputs.count(kind):,} {words}" for kind, words in kinds.items() if kind in inputs]
        several = [
            f"{name} of free text"
            if many.is_text(tables["train"][name])
            else f"{name} of {' x '.join(map(str, tables['train'][name].shape[1:])) or 'one'} values"
            + (" and any length" if name in tables["train"].offsets else "")
            for name, tables in self.contents.many.items()
        ]
        return ", ".join(several or counts or ["no inputs"])

    def _missing(self) -> str:
        total = sum(self.contents.rows.values())
        shares = {each["name"]: sum(each["missing"].values()) / max(total, 1) for each in self.features}
        order = sorted((name for name, share in shares.items() if share), key=lambda name: -shares[name])
        said = [f"{name} {_percent(shares[name])}" for name in order]
        said += [
            f"{each['name']} {_percent(sum(each['missing'].values()) / sum(each['values'].values()))} of its values"
            for each in self.channels
            if any(each["missing"].values())
        ]
        return doubts.listed(said) or "none"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "< 0.1%"
