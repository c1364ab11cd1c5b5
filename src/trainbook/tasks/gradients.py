"""Gradients between backward and step: averaged over units and processes, clipped, measured."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

from trainbook.tasks.recipe import Recipe


def average(parameters: list[Any], weight: float, several: bool) -> None:
    """Weighted sums of gradients -> their mean, over ``several`` processes; the sum of the weights travels with them."""
    for parameter in parameters:  # a part may have lain idle in one process only
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    like = parameters[0].grad
    flat = torch.cat([*(parameter.grad.flatten() for parameter in parameters), like.new_tensor([weight])])
    if several:
        torch.distributed.all_reduce(flat)
    weights = flat[-1].clamp(min=torch.finfo(flat.dtype).tiny)  # where nothing weighs anything there is no gradient
    means = torch.split(flat[:-1] / weights, [parameter.numel() for parameter in parameters])
    for parameter, mean in zip(parameters, means, strict=True):
        parameter.grad = mean.view_as(parameter)


def clip(parameters: list[Any], recipe: Recipe, measured: bool) -> Tensor | None:
    """Clip as the recipe says; returns the norm from before, where it was needed or is to be ``measured``."""
    norm = None
    by_norm = recipe.clip is not None and recipe.clip_by == "norm"
    if by_norm or measured:
        norm = get_total_norm([each.grad for each in parameters if each.grad is not None])
    if by_norm and norm is not None:
        clip_grads_with_norm_(parameters, float(recipe.clip or 0), norm)
    elif recipe.clip is not None:
        clip_grad_value_(parameters, recipe.clip)
    return norm
