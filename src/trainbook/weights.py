"""Weights: a safetensors file, and what of it fits a module."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook.faults import Fault

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The tensors of a file, of which nothing but the header is read yet.

    Raises:
        Fault: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as held:
            yield held
    except SafetensorError as error:
        raise Fault(f"{path} is damaged ({error}).") from error


def put(module: "nn.Module", held: Any, folder: Path, part: str = "") -> None:
    """Put opened tensors, or those whose names begin with ``part``, into a module of the same shapes.

    Raises:
        Fault: names what is missing, left over, or of another shape.
    """
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    there = {name.removeprefix(part): shape for name, shape in shapes(held).items() if name.startswith(part)}
    wrong = [_differing(name, own, there) for name in sorted(own.keys() | there.keys()) if own.get(name) != there.get(name)]
    if wrong:
        named = ", ".join(wrong[:6]) + (" …" if len(wrong) > 6 else "")
        raise Fault(f"Weights of the same shapes were expected in {folder}; these do not fit: {named}.")
    module.load_state_dict({name: held.get_tensor(part + name) for name in there})


def shapes(held: Any) -> dict[str, tuple[int, ...]]:
    """The shape of each opened tensor."""
    return {name: tuple(held.get_slice(name).get_shape()) for name in held.keys()}  # noqa: SIM118


def size(shape: Any) -> str:
    """A shape as people write it."""
    return "x".join(map(str, shape)) or "one value"


def _differing(name: str, own: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    if name in own and name in there:
        return f"{name} ({size(there[name])} there, {size(own[name])} here)"
    return f"{name} ({'missing in the folder' if name in own else 'unknown here'})"
