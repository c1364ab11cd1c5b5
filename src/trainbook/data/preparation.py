"""Preparation: raw files in, checked, split and normalised arrays out, with the facts about them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trainbook.columns import Array, Columns
from trainbook.data.sources.source import Source
from trainbook.data.steps.step import Step
from trainbook.faults import Fault
from trainbook.files import read_yaml, replacing, sha256, write_yaml

FORMAT = 1
FACTS, STEPS = "facts.yaml", "steps.safetensors"
Facts = dict[str, Any]


class Offering(Protocol):
    def offers(self, facts: Mapping[str, Any]) -> dict[str, Any]: ...


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
    sample: Offering
    inputs: Sequence[str]
    targets: Sequence[str]
    store: Literal["ready", "compact"] = "ready"

    @property
    def deferred(self) -> list[str]:
        """Names of the steps that are left to the device."""
        names: list[str] = []
        if self.store == "compact":
            for name, step in reversed(list(self.steps.items())):
                if not step.on_device:
                    break
                names.insert(0, name)
        return names

    def transform(self, columns: Columns) -> Columns:
        """Raw columns -> columns as stored."""
        for name, step in self.steps.items():
            if name not in self.deferred:
                columns = step.transform(columns)
        return columns

    def run(self, folder: Path, made_from: Mapping[str, Any]) -> Facts:
        """Prepare into ``folder``, which appears whole or not at all.

        ``made_from`` describes settings, raw data and code; it goes into the facts as it is.
        """
        raw = self.source.load()
        for step in self.steps.values():
            kept = step.keep(raw["train"])
            if kept is not None:
                raw = {**raw, "train": raw["train"].take(kept)}
        splits = self.split(raw)
        train = splits["train"]
        pictures = [name for name in train if name not in train.offsets and train[name].ndim > 2]
        blank = Columns({name: np.zeros_like(train[name][:1]) for name in pictures})
        for step in self.steps.values():
            step.fit(train)
            train, blank = step.transform(train), step.transform(blank)
        with replacing(folder) as new:
            for split, columns in splits.items():
                stored = self.transform(columns)
                chosen = [name for name in (*self.inputs, *self.targets) if name in stored]
                Columns(
                    {name: stored[name] for name in chosen},
                    {name: stored.offsets[name] for name in chosen if name in stored.offsets},
                ).save(new / split)
            save_steps(new / STEPS, self.steps)
            facts = self._facts(train, blank, splits)
            facts["raw"] = {
                name: {"shape": list(values.shape[1:]), "dtype": type_of(values)}
                for name, values in raw["train"].items()
                if name not in self.targets
            }
            facts["offers"] = self.sample.offers(facts)
            facts["deferred"] = self.deferred
            facts["prepared"] = {split: sha256(sorted((new / split).iterdir())) for split in splits}
            facts["prepared"]["steps"] = sha256([new / STEPS])
            facts["made_from"] = dict(made_from)
            write_yaml(new / FACTS, facts)
        return facts

    def _facts(self, train: Columns, blank: Columns, splits: Mapping[str, Columns]) -> Facts:
        missing = [name for name in (*self.inputs, *self.targets) if name not in train]
        if missing:
            raise Fault(f"inputs and targets among {list(train)} were expected; got {missing}. Fix the data set's YAML.")
        known: dict[str, dict[str, Any]] = {name: {} for name in train}
        for about in (self.source.targets(), *(step.facts() for step in self.steps.values())):
            for name, facts in about.items():
                known.setdefault(name, {}).update(facts)
        text = [name for name in (*self.inputs, *self.targets) if train[name].dtype.kind not in "biuf"]
        if text:
            raise Fault(f"inputs and targets that are numbers were expected after all steps; {', '.join(text)} is none.")
        inputs = {name: _describe(train[name], "biuf") | _background(train, blank, name) | known[name] for name in self.inputs}
        targets = {name: _describe(train[name], "f") | known[name] for name in self.targets}
        counts: dict[str, Any] = {"rows": {split: columns.rows for split, columns in splits.items()}}
        for name, facts in targets.items():
            if "classes" in facts:
                size = len(facts["classes"])
                per = {split: np.bincount(columns[name], minlength=size).tolist() for split, columns in splits.items()}
                facts["class_counts"] = per["train"]
                counts[name] = {split: dict(zip(facts["classes"], values, strict=True)) for split, values in per.items()}
        return {"format": FORMAT, "inputs": inputs, "targets": targets, "counts": counts}


def type_of(values: Array) -> str:
    """The name of a column's type; text is text, however long the longest is."""
    return "text" if values.dtype.kind == "U" else values.dtype.name


def _describe(values: Array, measured: str) -> dict[str, Any]:
    """Shape and type of a column of the training rows, prepared; statistics if its kind of number is to be ``measured``."""
    facts: dict[str, Any] = {"shape": list(values.shape[1:]), "dtype": values.dtype.name}
    if values.size and values.dtype.kind in measured:
        mean = float(values.mean(dtype=np.float64))
        facts |= {"mean": mean, "std": float(values.std(dtype=np.float64))}
        facts |= {"min": float(values.min()), "max": float(values.max())}
    return facts


def _background(train: Columns, blank: Columns, name: str) -> dict[str, Any]:
    """What an empty picture has become by the steps: one value, or one a channel."""
    if name not in blank or train[name].ndim < 3:
        return {}
    empty = blank[name][0].reshape(train[name].shape[1], -1)
    if not (empty == empty[:, :1]).all():  # with a scale of its own for each pixel there is no one background
        return {}
    channels = empty[:, 0].tolist()
    return {"background": channels[0] if len(set(channels)) == 1 else channels}


def save_steps(path: Path, steps: Mapping[str, Step]) -> None:
    """Write what the steps learnt as arrays in one safetensors file."""
    state = {f"{name}/{key}": np.ascontiguousarray(value) for name, step in steps.items() for key, value in step.state().items()}
    save_file(state, path, metadata={"format": str(FORMAT)})


def restore_steps(path: Path, steps: Mapping[str, Step]) -> None:
    """Give steps back what they learnt.

    Raises:
        Fault: the file is missing or damaged.
    """
    try:
        state = load_file(path)
    except (SafetensorError, FileNotFoundError) as error:
        raise Fault(f"{path} cannot be read ({error}). Prepare the data again.") from error
    for name, step in steps.items():
        step.restore({key.removeprefix(f"{name}/"): value for key, value in state.items() if key.startswith(f"{name}/")})


def read_facts(folder: Path) -> Facts:
    """The facts of a prepared data set or a model folder.

    Raises:
        Fault: missing, unreadable, or of a later format.
    """
    facts = read_yaml(folder / FACTS)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Fault(f"{folder / FACTS}: facts of format {FORMAT} were expected. Prepare the data with this version.")
    return facts


def digest_of(source: Source) -> dict[str, str]:
    """sha256 of each raw file, by path.

    Raises:
        Fault: one is missing.
    """
    digests = {}
    for path in source.files():
        if not path.is_file():
            raise Fault(f"{path} does not exist. `dvc pull data.dvc` brings the raw data.")
        with path.open("rb") as file:
            digests[path.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
