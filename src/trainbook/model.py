"""A saved model: a folder of data from which task and network are built again, to answer raw inputs."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook import assembly, weights
from trainbook.columns import Array, Columns
from trainbook.data.exactly import as_array, exactly, exactly_each
from trainbook.data.facts import FACTS, Facts, read_facts, type_of
from trainbook.data.preparation import Preparation
from trainbook.data.samples.finished import finished
from trainbook.data.samples.sample import Sample
from trainbook.data.sources.source import AT_ONCE, Inputs
from trainbook.data.steps.states import STEPS, files
from trainbook.faults import Fault
from trainbook.files import file_digest, read_yaml, write_json, write_yaml
from trainbook.mistakes import first_line
from trainbook.settings import Settings, load, save

if TYPE_CHECKING:
    from torch import nn

    from trainbook.tasks.task import Task

FORMAT = 1
WEIGHTS, SETTINGS, RUN, HISTORY = "weights.safetensors", "settings.yaml", "run.yaml", "history.json"


def write(folder: Path, task: Task, settings: Settings, prepared: Path, run: Mapping[str, Any], history: list[Any]) -> None:
    """Write a model folder: weights and buffers of the whole task, settings, facts, what the steps learnt, the run."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    state = {name: value.detach().cpu().contiguous() for name, value in task.state_dict().items()}
    save_file(state, folder / WEIGHTS, metadata={"format": str(FORMAT)})
    save(folder / SETTINGS, settings)
    shutil.copyfile(prepared / FACTS, folder / FACTS)
    for path in files(prepared / STEPS):
        shutil.copyfile(path, folder / path.name)
    write_json(folder / HISTORY, history)
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    write_yaml(folder / RUN, {"format": FORMAT, **run, "files": digests})


@dataclass(frozen=True)
class Model:
    """A model folder, opened."""

    folder: Path
    settings: Settings
    facts: Facts
    task: Task
    preparation: Preparation
    sample: Sample

    @staticmethod
    def open(folder: Path) -> Model:
        """Build the task from its folder alone.

        Raises:
            Fault: no model folder, or one that does not hold together; found before memory is taken for a network.
        """
        check_folder(folder)
        try:
            return Model._open(folder)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError) as error:
            raise Fault(
                f"{folder}: a model folder that holds together was expected ({type(error).__name__}: {first_line(error)[:200]})."
            ) from error

    @staticmethod
    def _open(folder: Path) -> Model:
        with _weights(folder) as held:
            settings, facts = load(folder / SETTINGS), read_facts(folder)
            task = assembly.task(settings, facts, at_most=sum(math.prod(shape) for shape in weights.shapes(held).values()))
            weights.put(task, held, folder)
        prepared = assembly.fitted(settings["data"], folder / STEPS)
        prepared.source.restore(facts["raw"])
        sample = assembly.sample(settings["data"], facts, prepared)
        return Model(folder, settings, facts, task.eval(), prepared, sample)

    def read(self, path: Path) -> Inputs:
        """Raw inputs from a file or folder.

        Raises:
            Fault: the path holds no inputs of this model's kind or size; some are found out only as the pieces come.
        """
        rows, pieces = self.preparation.source.read(path)
        return Inputs(rows, ((names, self._checked(raw, str(path))) for names, raw in pieces))

    def accept(self, given: Mapping[str, Any]) -> Columns:
        """Raw inputs that are arrays or nested lists already; values of the wrong type are cast only where nothing is lost.

        Rows of unequal length are a list of lists, or padded and stand beside ``<name>_mask``.

        Raises:
            Fault: a name, shape, type or range does not fit.
        """
        known = self.facts["raw"]
        ragged = [name for name in given if known.get(name, {}).get("ragged")]
        arrays = {name: exactly_each(name, given[name], known[name]["dtype"], given.get(f"{name}_mask")) for name in ragged}
        for name, values in given.items():
            if name not in ragged and name.removesuffix("_mask") not in ragged:
                arrays[name] = exactly(name, values, known[name]["dtype"]) if name in known else as_array(name, values)
        return self._checked(self.preparation.source.accept(arrays), "the input")

    def _checked(self, raw: Columns, where: str) -> Columns:
        for name, known in self.facts["raw"].items():
            if name not in raw:
                continue
            shape, kind = list(raw[name].shape[1:]), type_of(raw[name])
            if shape != known["shape"]:
                expected, got = weights.size(known["shape"]), weights.size(shape)
                raise Fault(f"{where}: {name} of shape {expected} was expected, as in training; got {got}.")
            if kind != known["dtype"]:
                raise Fault(f"{where}: {name} of type {known['dtype']} was expected, as in training; got {kind}.")
        first = self.preparation.transform(raw.part(0, 1))
        missing = [name for name in self.preparation.inputs if name not in first]
        if missing:
            raise Fault(f"{where}: {', '.join(self.facts['raw'])} were expected, as in training; got {', '.join(raw)}.")
        return raw

    def answer(self, raw: Columns) -> dict[str, Array]:
        """What a person reads of the rows that ``read`` or ``accept`` gave, as a table.

        Columns have one entry an example; or one each for the several things that are said of an example, one below the other.
        """
        import torch

        stored, tables = self.preparation.transform(raw), []
        total = self.sample.count(stored)
        with torch.inference_mode():
            for start in range(0, max(1, total), AT_ONCE):
                some = np.arange(start, min(start + AT_ONCE, total))
                batch = finished(self.sample, stored, some)
                tables.append({**self.sample.beside(stored, some), **self.task.present(self.task.predict(batch))})
        return _long({name: np.concatenate([np.asarray(table[name]) for table in tables]) for name in tables[0]})


def _long(table: Mapping[str, Array]) -> dict[str, Array]:
    """Columns (n,) or (n, several) as columns of one length, line by line."""
    several = max(values.shape[1] if values.ndim > 1 else 1 for values in table.values())
    return {name: values.reshape(-1) if values.ndim > 1 else np.repeat(values, several) for name, values in table.items()}


def check_folder(folder: Path) -> None:
    """Raise a Fault unless a folder looks like a model of this format, and holds plain files alone."""
    if not (folder / WEIGHTS).is_file() or not (folder / SETTINGS).is_file():
        raise Fault(f"{folder}: a model folder ({WEIGHTS}, {SETTINGS}, {FACTS} …) was expected. Train one first.")
    if linked := [path.name for path in folder.glob("*") if path.is_symlink() or not path.is_file()]:
        raise Fault(f"{folder}: plain files were expected; {', '.join(linked)} is a link or no file.")
    run = read_yaml(folder / RUN)
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise Fault(f"{folder}: a model of format {FORMAT} was expected.")
    if (name := str(run.get("name"))) in (".", "..") or Path(name).name != name:
        raise Fault(f"{folder / RUN}: the name of a folder under runs/ was expected; got {name!r}.")


def load_weights(module: nn.Module, folder: Path, part: str = "") -> None:
    """Put a folder's weights, or those whose names begin with ``part``, into a module of the same shape.

    Raises:
        Fault: names what is missing, left over, or of another shape.
    """
    check_folder(folder)
    with _weights(folder) as held:
        weights.put(module, held, folder, part)


@contextmanager
def _weights(folder: Path) -> Iterator[Any]:
    """A folder's weights, of which nothing but the header is read yet, if its files are those that it was written with."""
    noted = read_yaml(folder / RUN).get("files") or {}
    learnt = [name for name in noted if name.startswith(Path(STEPS).stem)] + [path.name for path in files(folder / STEPS)]
    wrong = [
        name
        for name in dict.fromkeys([WEIGHTS, SETTINGS, FACTS, STEPS, *learnt])
        if not (folder / name).is_file() or noted.get(name) != file_digest(folder / name)
    ]
    if wrong:
        raise Fault(f"{folder}: {', '.join(wrong)} is damaged, missing, or another model's: {RUN} notes another sha256.")
    with weights.opened(folder / WEIGHTS) as held:
        yield held
