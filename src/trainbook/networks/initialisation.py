"""The values that weights and biases have before the first step."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from trainbook.networks.activation import Activation, gain

WeightInit = Literal["torch", "kaiming", "xavier", "orthogonal", "normal", "zeros"]
BiasInit = Literal["torch", "zeros", "constant"]


@dataclass(frozen=True)
class Initialisation:
    """One scheme for all dense and convolutional layers of a network.

    Weights (fan_in, fan_out: values that enter one output, leave one input):

    - ``torch``: as PyTorch leaves the layer, uniform within 1 / sqrt(fan_in);
    - ``kaiming``: normal, std = gain / sqrt(fan_in) (He et al. 2015);
    - ``xavier``: uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010);
    - ``orthogonal``: orthonormal rows or columns times the gain (Saxe et al. 2014);
    - ``normal``: normal, std = ``weight_std``;
    - ``zeros``: all equal, so that hidden units never come apart: there to be seen failing.

    Biases: ``torch`` (uniform within 1 / sqrt(fan_in)), ``zeros``, or ``constant`` (``bias_value``).

    All draws come from torch's global generator.

    Raises:
        ValueError: no scheme has that name, or ``weight_std`` is not above 0.
    """

    weight_init: WeightInit
    weight_std: float
    bias_init: BiasInit
    bias_value: float

    def __post_init__(self) -> None:
        if self.weight_init not in get_args(WeightInit):
            expected = ", ".join(get_args(WeightInit))
            raise ValueError(f"weight_init: one of {expected} was expected; got {self.weight_init!r}.")
        if self.bias_init not in get_args(BiasInit):
            expected = ", ".join(get_args(BiasInit))
            raise ValueError(f"bias_init: one of {expected} was expected; got {self.bias_init!r}.")
        if not self.weight_std > 0:
            raise ValueError(f"weight_std: a number above 0 was expected; got {self.weight_std}.")

    def apply(self, layer: nn.Linear | nn.Conv2d, follower: Activation | Literal["linear"]) -> None:
        """Fill a new layer's weight and bias, in place; ``follower`` is the activation that stands behind it."""
        match self.weight_init:
            case "kaiming":
                # PyTorch knows no gain for GELU: the layer is drawn for gain 1 and stretched.
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                layer.weight.data.mul_(gain(follower))
            case "xavier":
                nn.init.xavier_uniform_(layer.weight)
            case "orthogonal":
                nn.init.orthogonal_(layer.weight, gain(follower))
            case "normal":
                nn.init.normal_(layer.weight, std=self.weight_std)
            case "zeros":
                nn.init.zeros_(layer.weight)
        if layer.bias is not None and self.bias_init != "torch":
            nn.init.constant_(layer.bias, self.bias_value if self.bias_init == "constant" else 0.0)
