"""The functions that stand between two layers, by name."""

import math
from typing import Literal, get_args

from torch import nn

Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "gelu"]

SLOPE = 0.01
"""How much of a negative value the leaky ReLU lets through."""


def activation_layer(name: Activation) -> nn.Module:
    """A fresh layer that applies the named function to every value.

    Raises:
        ValueError: no function has that name.
    """
    match name:
        case "relu":
            return nn.ReLU()
        case "leaky_relu":
            return nn.LeakyReLU(SLOPE)
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
        case "gelu":
            return nn.GELU()
    raise ValueError(f"activation: one of {', '.join(get_args(Activation))} was expected; got {name!r}.")


def gain(name: Activation | Literal["linear"]) -> float:
    """The factor on the weights' standard deviation that keeps the signal's size from layer to layer.

    For the ReLU family and GELU it is 1 / sqrt(E[f(z)^2]) with z standard normal (He et al. 2015, "Delving Deep into
    Rectifiers", eq. 10 and 15); tanh's 5/3 and the sigmoid's 1 are the values that PyTorch uses.
    """
    match name:
        case "relu":
            return math.sqrt(2)
        case "leaky_relu":
            return math.sqrt(2 / (1 + SLOPE**2))
        case "tanh":
            return 5 / 3
        case "gelu":
            # E[gelu(z)^2] by Stein's lemma, twice.
            return 1 / math.sqrt(1 / 3 + 1 / (2 * math.sqrt(3) * math.pi))
        case _:
            return 1.0
