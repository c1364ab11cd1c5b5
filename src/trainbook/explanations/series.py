"""Series and words of explained rows: which inputs they are, what their places are called, and which values they had."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainbook.columns import Columns
from trainbook.explanations.continuous import Inputs
from trainbook.explanations.explained import Array, Series, Words
from trainbook.explanations.feature import prepared_names
from trainbook.model import Model

Indices = NDArray[np.int64]


def is_words(name: str, inputs: Inputs) -> bool:
    """Ids of unequal number."""
    return f"{name}_mask" in inputs and not inputs[name].is_floating_point() and inputs[name].ndim == 2


def is_series(name: str, inputs: Inputs) -> bool:
    """Numbers at each step: of unequal length, or several of them."""
    value = inputs[name]
    return value.is_floating_point() and (value.ndim == 3 or (f"{name}_mask" in inputs and value.ndim == 2))


def words(model: Model, name: str, raw: Columns, inputs: Inputs, found: Tensor) -> Words:
    """The words of an input, as the step that made it names them; else their ids."""
    pieces: list[list[str]] | None = None
    columns = raw
    for step in model.preparation.steps.values():
        pieces = step.pieces(name, columns) or pieces
        columns = step.transform(columns)
    lengths = inputs[f"{name}_mask"].sum(1).tolist()
    ids = zip(inputs[name].tolist(), lengths, strict=True)
    named = [[str(each) for each in row[:length]] for row, length in ids] if pieces is None else pieces
    parts = [part[:length] for part, length in zip(found.numpy(), lengths, strict=True)]
    return Words(named, parts)


def series(model: Model, raw: Columns, at: Indices, inputs: Inputs, found: Mapping[str, Tensor]) -> Series | None:
    """All series of examples ``at`` of the raw columns, channel beside channel; None = there are none."""
    if not found:
        return None
    longest = [value.shape[1] for value in found.values()]
    equal = all(f"{name}_mask" not in inputs for name in found)
    start = -min(longest) if equal and len(set(longest)) > 1 else 0
    channels: list[str] = []
    blocks: list[tuple[list[Array], list[Array]]] = []
    for name, each in found.items():
        parts, values = _cut(name, inputs, each), _cut(name, inputs, inputs[name])
        channels += prepared_names(model.facts, name, tuple(parts[0].shape[1:]))
        blocks.append((_raw(model, name, raw, at, values), parts))
    both = [[_beside([block[kind][row] for block in blocks]) for row in range(len(at))] for kind in (0, 1)]
    return Series(channels, start, *both)


def _cut(name: str, inputs: Inputs, value: Tensor) -> list[Array]:
    """Each row (length, channels), without padding."""
    whole = value.numpy().reshape(*value.shape[:2], -1)
    if f"{name}_mask" not in inputs:
        return list(whole)
    return [row[:length] for row, length in zip(whole, inputs[f"{name}_mask"].sum(1).tolist(), strict=True)]


def _raw(model: Model, name: str, raw: Columns, at: Indices, values: list[Array]) -> list[Array]:
    """The values as the raw data have them, if they have an input of that name, size and channels; else as prepared."""
    known, now = (model.facts[kind].get(name, {}).get("names") for kind in ("raw", "inputs"))
    if name not in raw or raw[name].dtype.kind not in "biuf" or (known is not None and now is not None and known != now):
        return values
    gathered = model.sample.gather(raw, [name])[name]
    some = [np.asarray(row, np.float32) for row in (gathered if len(gathered) == len(at) else gathered[at])]
    shaped = [row.reshape(len(row), -1) for row in some]
    return shaped if [row.shape for row in shaped] == [row.shape for row in values] else values


def _beside(blocks: list[Array]) -> Array:
    """Channels beside one another, (longest, channels); NaN after the end of a shorter one."""
    longest = max(map(len, blocks))
    ends = [((0, longest - len(block)), (0, 0)) for block in blocks]
    return np.concatenate([np.pad(block, end, constant_values=np.nan) for block, end in zip(blocks, ends, strict=True)], 1)
