"""Saliency: where a picture speaks for the answer."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

SHARE = 7
"""A side has room for so many of the squares that are hidden one after the other."""
ROWS = 64
"""Pictures that are explained at once."""


def maps(
    scores: Callable[[Mapping[str, Tensor]], Tensor],
    network: nn.Module,
    inputs: Mapping[str, Tensor],
    name: str,
    target: Tensor,
    empty: Tensor,
) -> dict[str, Tensor]:
    """Maps (n, height, width) by method: occlusion, and Grad-CAM where the network has a convolution.

    Args:
        scores: inputs by name -> (n, scores).
        name: the input that holds the pictures (n, channels, height, width); other inputs stay as they are.
        target: (n,) the score of each row that is explained.
        empty: (1, channels, height, width), what a hidden place looks like.
    """
    others = [each for each in inputs if each != name]

    def function(pictures: Tensor, *rest: Tensor) -> Tensor:
        return scores({name: pictures, **dict(zip(others, rest, strict=True))})

    found: dict[str, list[Tensor]] = {}
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for part in torch.split(torch.arange(len(target)), ROWS):
        how = {"target": target[part], "additional_forward_args": tuple(inputs[each][part] for each in others) or None}
        found.setdefault("occlusion", []).append(_occlusion(function, inputs[name][part], empty, how))
        if layers:
            found.setdefault("grad_cam", []).append(_grad_cam(function, layers[-1], inputs[name][part], how))
    return {method: torch.cat(parts) for method, parts in found.items()}


def _occlusion(function: Callable[..., Tensor], pictures: Tensor, empty: Tensor, how: Mapping[str, Any]) -> Tensor:
    """How much the score falls when a square is hidden: at each pixel the mean of the squares over it.

    Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014.
    """
    from captum.attr import Occlusion

    channels, *sides = pictures.shape[1:]
    window = [max(1, round(side / SHARE)) for side in sides]
    steps = [max(1, side // 2) for side in window]
    with torch.no_grad():
        found: Tensor = Occlusion(function).attribute(
            pictures,
            sliding_window_shapes=(channels, *window),
            strides=(channels, *steps),
            baselines=empty.expand_as(pictures),
            perturbations_per_eval=max(1, ROWS // len(pictures)),
            **how,
        )
    return found[:, 0].float()


def _grad_cam(function: Callable[..., Tensor], layer: nn.Module, pictures: Tensor, how: Mapping[str, Any]) -> Tensor:
    """What the filters of a layer saw, weighted by the gradient of the score, as large as the picture; never negative.

    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    coarse = LayerGradCam(function, layer).attribute(pictures, relu_attributions=True, **how)
    fine: Tensor = LayerAttribution.interpolate(coarse, tuple(pictures.shape[2:]), "bilinear")
    return fine[:, 0].detach().float()
