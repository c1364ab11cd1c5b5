"""What the steps of a data set learnt: arrays in one safetensors file, and what is no array as JSON beside it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trainbook.data.facts import FORMAT
from trainbook.data.steps.step import Step
from trainbook.faults import Fault
from trainbook.files import write_text

STEPS = "steps.safetensors"


def save_steps(path: Path, steps: Mapping[str, Step]) -> None:
    """Write what the steps learnt."""
    state = {f"{name}/{key}": np.ascontiguousarray(value) for name, step in steps.items() for key, value in step.state().items()}
    save_file(state, path, metadata={"format": str(FORMAT)})
    for name, step in steps.items():
        if (document := step.document()) is not None:
            write_text(_document(path, name), document)


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
        if type(step).document is not Step.document:
            try:
                step.reopen(_document(path, name).read_text(encoding="utf-8"))
            except FileNotFoundError as error:
                raise Fault(f"{_document(path, name)} is missing. Prepare the data again.") from error


def files(path: Path) -> list[Path]:
    """The file of arrays, and the documents beside it."""
    return [path, *sorted(path.parent.glob(f"{path.stem}.*.json"))]


def _document(path: Path, step: str) -> Path:
    return path.with_name(f"{path.stem}.{step}.json")
