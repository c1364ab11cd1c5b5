"""Integrated gradients: gradients gathered on the way from a baseline to a row, and shared out among what was changed."""

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

from trainbook.explanations.continuous import Continuous, Inputs

STEPS = 128
"""Points of the way from the baseline to a row."""
AT_ONCE = 2**20
"""Numbers that go through the network at once."""
WIDTH = 64
"""A place of a sequence counts as so many numbers at least: networks make as many of each."""


def integrated_gradients(
    function: Continuous, inputs: Inputs, baseline: tuple[Tensor, ...], target: Tensor
) -> tuple[dict[str, Tensor], float]:
    """Attributions in the shapes of the inputs, and how far a row's sum is at most from ``score - score of the baseline``.

    Rows of unequal length go in order of length, without padding that none of them needs; the rest of it is its own
    baseline, and so gets exactly 0.
    Source: Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017; all inputs go the way together.

    Args:
        baseline: for each of the function's values one (1, …) that fits any number of rows and places.
        target: (n,) the score of each row that is explained.
    """
    from captum.attr import IntegratedGradients

    whole: dict[str, Tensor] = {}
    error = 0.0
    for rows, some in _parts(function, inputs):
        values = function.values(some)
        start = _start(values, baseline, function.real(some))
        with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have gradients in training mode alone
            found, delta = IntegratedGradients(function).attribute(
                values,
                baselines=start,
                target=target[rows],
                additional_forward_args=tuple(some.values()),
                n_steps=STEPS,
                internal_batch_size=max(len(rows), AT_ONCE // _numbers(values)),
                return_convergence_delta=True,
            )
        error = max(error, float(delta.abs().max()))
        for name, each in function.by_input(tuple(each.detach().float() for each in found), some).items():
            place = whole.setdefault(name, torch.zeros(inputs[name].shape))
            place[rows] = F.pad(each, [0, 0] * (each.ndim - 2) + [0, place.shape[1] - each.shape[1]]) if each.ndim > 1 else each
    return whole, error


def _parts(function: Continuous, inputs: Inputs) -> Iterator[tuple[Tensor, Inputs]]:
    """Rows that go together, the longest first, and their inputs."""
    lengths = [mask.sum(1) for name, mask in inputs.items() if name.endswith("_mask")]
    order = torch.arange(len(next(iter(inputs.values()))))
    if lengths:
        order = torch.stack(lengths).sum(0).argsort(descending=True, stable=True)
    while len(order):
        together = max(1, AT_ONCE // (STEPS * _numbers(function.values(_cut(inputs, order[:1])))))
        yield order[:together], _cut(inputs, order[:together])
        order = order[together:]


def _cut(inputs: Inputs, rows: Tensor) -> Inputs:
    """Some rows, without the places that are padding in all of them."""
    some = {name: value[rows] for name, value in inputs.items()}
    for name in inputs:
        if f"{name}_mask" in some:
            longest = max(1, int(some[f"{name}_mask"].sum(1).max()))
            some |= {each: some[each][:, :longest] for each in (name, f"{name}_mask")}
    return some


def _numbers(values: tuple[Tensor, ...]) -> int:
    """How many numbers of one row go through the network."""
    shapes = [value.shape[1:] for value in values]
    return sum(shape[0] * max(WIDTH, prod(shape[1:])) if len(shape) == 2 else prod(shape) for shape in shapes)


def _start(values: tuple[Tensor, ...], baseline: tuple[Tensor, ...], real: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
    """The baseline of each row, with padding as it is."""
    whole = []
    for value, base, mask in zip(values, baseline, real, strict=True):
        start = base.expand_as(value)
        whole.append(
            start if mask is None else torch.where(mask.reshape(*mask.shape, *[1] * (value.ndim - mask.ndim)), start, value)
        )
    return tuple(whole)
