"""Preparation: raw files in, checked, split and normalised arrays out, with the facts about them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainbook.columns import Columns
from trainbook.data.facts import FACTS, FORMAT, Facts, type_of
from trainbook.data.samples.sample import Sample
from trainbook.data.sources.source import Source
from trainbook.data.statistics import Statistics, counted, whole
from trainbook.data.steps.states import STEPS, files, save_steps
from trainbook.data.steps.step import Step
from trainbook.data.writer import Writer
from trainbook.faults import Fault
from trainbook.files import replacing, sha256, write_yaml


@dataclass(frozen=True)
class Preparation:
    """How one data set is prepared.

    Args:
        steps: by name, in order.
        store: ``ready`` stores rows as the network takes them; ``compact`` stores what the last steps that a device can
            do are given (bytes of pictures, say), and leaves these steps to the device.
    """

    source: Source
    split: Callable[[dict[str, Columns]], dict[str, Columns]]
    steps: Mapping[str, Step]
    sample: Sample
    inputs: Sequence[str]
    targets: Sequence[str]
    store: Literal["ready", "compact"] = "ready"

    @property
    def deferred(self) -> list[str]:
        """Names of the steps that are left to the device."""
        names: list[str] = []
        if self.store == "compact" and not self._resamples:
            for name, step in reversed(list(self.steps.items())):
                if not step.on_device:
                    break
                names.insert(0, name)
        return names

    def transform(self, columns: Columns) -> Columns:
        """Raw columns -> columns as stored."""
        stored = self._through(columns, [name for name in self.steps if name not in self.deferred])
        return whole(stored, [name for name in self.inputs if name in stored])

    def _through(self, columns: Columns, names: Sequence[str]) -> Columns:
        for name in names:
            columns = self.steps[name].transform(columns)
        return columns

    def run(self, folder: Path, made_from: Mapping[str, Any]) -> Facts:
        """Prepare into ``folder``, which appears whole or not at all.

        Rows pass through memory in small parts; a step that learns from what another step made sees all training rows at once.
        ``made_from`` describes settings, raw data and code; it goes into the facts as it is.
        """
        splits = self.raw_splits()
        first = splits["train"].part(0, 1)
        made = self._fit(splits["train"])
        splits |= {} if made is None else {"train": made}
        self._check(self._through(first, list(self.steps)))
        with replacing(folder) as new:
            statistics = {name: Statistics() for name in (*self.inputs, *self.targets)}
            for split, columns in splits.items():
                done = made is not None and split == "train"
                self._store(columns if done else self._lazily(columns), new / split, statistics if split == "train" else {})
            save_steps(new / STEPS, self.steps)
            facts = self._facts(first, statistics, splits)
            known = self.source.facts()
            facts["raw"] = {
                name: {"shape": list(values.shape[1:]), "dtype": type_of(values)}
                | ({"ragged": True} if name in first.offsets else {})
                | known.get(name, {})
                for name, values in first.items()
                if name not in (*self.targets, *self.sample.keeps)
            }
            facts["offers"] = self.sample.offers(facts)
            facts["deferred"] = self.deferred
            facts["prepared"] = {split: sha256(sorted((new / split).iterdir())) for split in splits}
            facts["prepared"]["steps"] = sha256(files(new / STEPS))
            facts["made_from"] = dict(made_from)
            write_yaml(new / FACTS, facts)
        return facts

    def raw_splits(self) -> dict[str, Columns]:
        """The rows of each split as the source gives them, before any step changes them."""
        raw = self.source.load()
        return self.split({**raw, "train": self._kept(raw["train"])})

    def _kept(self, train: Columns) -> Columns:
        for step in self.steps.values():
            kept = step.keep(train)
            if kept is not None and not kept.all():
                train = train.take(kept)
        return train

    @property
    def _resamples(self) -> bool:
        return any(type(step).resample is not Step.resample for step in self.steps.values())

    def _fit(self, train: Columns) -> Columns | None:
        """Let each step learn from what those before it made; if one changes which rows there are, these are what is stored."""
        for number, step in enumerate(self.steps.values(), 1):
            step.fit(train)
            if number < len(self.steps) or self._resamples:
                train = step.resample(step.transform(train))
        return whole(train, self.inputs) if self._resamples else None

    def _lazily(self, columns: Columns) -> Iterator[Columns]:
        """Rows as stored, some at a time."""
        return (self.transform(part) for part in (columns.parts() if columns.rows else [columns]))

    def _store(self, parts: Columns | Iterator[Columns], folder: Path, statistics: Mapping[str, Statistics]) -> None:
        """Write a split as stored; gather statistics of what the network will get."""
        with Writer(folder) as writer:
            for stored in parts.parts() if isinstance(parts, Columns) else parts:
                chosen = [name for name in (*self.inputs, *self.targets, *self.sample.keeps) if name in stored]
                offsets = {name: stored.offsets[name] for name in chosen if name in stored.offsets}
                writer.add(Columns({name: stored[name] for name in chosen}, offsets))
                if statistics:
                    ready = self._through(stored, self.deferred)
                    for name, each in statistics.items():
                        if ready[name].dtype.kind in ("biuf" if name in self.inputs else "f"):
                            each.add(ready[name])

    def _check(self, ready: Columns) -> None:
        missing = [name for name in (*self.inputs, *self.targets) if name not in ready]
        if missing:
            raise Fault(f"inputs and targets among {list(ready)} were expected; got {missing}. Fix the data set's YAML.")
        text = [name for name in (*self.inputs, *self.targets) if ready[name].dtype.kind not in "biuf"]
        if text:
            raise Fault(f"inputs and targets that are numbers were expected after all steps; {', '.join(text)} is none.")

    def _facts(self, first: Columns, statistics: Mapping[str, Statistics], splits: Mapping[str, Columns]) -> Facts:
        ready = self._through(first, list(self.steps))
        known: dict[str, dict[str, Any]] = {name: {} for name in ready}
        for about in (self.source.facts(), *(step.facts() for step in self.steps.values())):
            for name, facts in about.items():
                known.setdefault(name, {}).update(facts)
        for name in ready:
            if "names" in known[name]:
                known[name]["names"] = reduce(
                    lambda names, step: step.names(name, names), self.steps.values(), known[name]["names"]
                )
        background = self._background(first, ready)
        inputs, targets = (
            {
                name: {"shape": list(ready[name].shape[1:]), "dtype": ready[name].dtype.name}
                | ({} if "vocabulary" in known[name] else statistics[name].facts())  # a mean of words has no meaning
                | background.get(name, {})
                | known[name]
                for name in names
            }
            for names in (self.inputs, self.targets)
        )
        counts: dict[str, Any] = {"rows": {split: self.sample.count(columns) for split, columns in splits.items()}}
        for name, facts in targets.items():
            for kind in ("classes", "labels"):
                if kind in facts:
                    per = {split: counted(columns, name, len(facts[kind])) for split, columns in splits.items()}
                    facts["class_counts" if kind == "classes" else "label_counts"] = per["train"]
                    counts[name] = {split: dict(zip(facts[kind], values, strict=True)) for split, values in per.items()}
        return {"format": FORMAT, "inputs": inputs, "targets": targets, "counts": counts}

    def _background(self, first: Columns, ready: Columns) -> dict[str, dict[str, Any]]:
        """What an empty picture becomes by the steps, for each column of pictures: one value, or one a channel."""
        pictures = [name for name in first if name not in first.offsets and first[name].ndim > 2]
        blank = self._through(Columns({name: np.zeros_like(first[name]) for name in pictures}), list(self.steps))
        found: dict[str, dict[str, Any]] = {}
        for name in blank:
            if name in ready and ready[name].ndim > 2:
                empty = blank[name][0].reshape(ready[name].shape[1], -1)
                channels = empty[:, 0].tolist()
                if (empty == empty[:, :1]).all():  # with a scale of its own for each pixel there is no one background
                    found[name] = {"background": channels[0] if len(set(channels)) == 1 else channels}
        return found
