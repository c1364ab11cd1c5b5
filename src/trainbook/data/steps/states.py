"""What the steps of a data set learnt, as arrays in one safetensors file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trainbook.data.facts import FORMAT
from trainbook.data.steps.step import Step
from trainbook.faults import Fault

STEPS = "steps.safetensors"


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
