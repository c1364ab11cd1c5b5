"""Integrated gradients: gradients gathered on the way from a baseline to a row, and shared out among what was changed."""

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

from trainbook.explanations.continuous import Continuous, Inputs

STEPS = 128
"""Points of the way from the baseline to a row."""
FINER, ROUGH = 8, 0.01
"""Times as many points, evenly spaced, for a row whose sum is wrong by more than this share."""
AT_ONCE = 2**20
"""Numbers that go through the network at once."""
WIDTH = 64
"""A place of a sequence counts as so many numbers at least: networks make as many of each."""


def integrated_gradients(
    function: Continuous, inputs: Inputs, baseline: tuple[Tensor, ...], target: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Attributions in the shapes of the inputs, and how far each row's sum (n,) is from ``score - score of the baseline``.

    A row for which that is more than a hundredth of all that was added and taken goes the way again, by eight times as many
    points: networks with a memory may jump on it.
    Rows of unequal length go in order of length, without padding that none of them needs; the rest of it is its own
    baseline, and so gets exactly 0.
    Source: Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017; all inputs go the way together.

    Args:
        baseline: for each of the function's values one (1, …) that fits any number of rows and places.
        target: (n,) the score of each row that is explained.
    """
    whole: dict[str, Tensor] = {}
    errors = torch.zeros(len(target))
    for rows, some in _parts(function, inputs):
        found, error = _along(function, some, baseline, target[rows], STEPS)
        rough = error > ROUGH * torch.stack([each.abs().flatten(1).sum(1) for each in found.values()]).sum(0)
        if bool(rough.any()):
            again, less = _along(
                function, {name: value[rough] for name, value in some.items()}, baseline, target[rows][rough], FINER * STEPS
            )
            for name, each in again.items():
                found[name][rough] = each
            error[rough] = less
        errors[rows] = error
        for name, each in found.items():
            place = whole.setdefault(name, torch.zeros(inputs[name].shape))
            place[rows] = F.pad(each, [0, 0] * (each.ndim - 2) + [0, place.shape[1] - each.shape[1]]) if each.ndim > 1 else each
    return whole, errors


def _along(
    function: Continuous, some: Inputs, baseline: tuple[Tensor, ...], target: Tensor, steps: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Attributions by input and the errors (n,), by so many points of the way."""
    from captum.attr import IntegratedGradients

    values = function.values(some)
    with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have gradients in training mode alone
        found, error = IntegratedGradients(function).attribute(
            values,
            baselines=_start(values, baseline, function.real(some)),
            target=target,
            additional_forward_args=tuple(some.values()),
            n_steps=steps,
            method="gausslegendre" if steps == STEPS else "riemann_middle",  # finding Gauss' points takes their number cubed
            internal_batch_size=max(len(target), AT_ONCE // _numbers(values)),
            return_convergence_delta=True,
        )
    return function.by_input(tuple(each.detach().float() for each in found), some), error.abs().float()


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
