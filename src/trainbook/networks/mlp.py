"""The multilayer perceptron: dense layers with an activation between them."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from trainbook.networks.activation import Activation
from trainbook.networks.dense import dense_stack
from trainbook.networks.initialisation import BiasInit, Initialisation, WeightInit


class Mlp(nn.Module):
    """Flatten, then per hidden layer: dense, batch norm if wanted, activation, dropout; then dense to the outputs.

    Source: Goodfellow, Bengio, Courville, "Deep Learning" (2016), chapter 6; dropout: Srivastava et al. 2014;
    batch norm: Ioffe and Szegedy 2015 (it has its own shift, so the dense layers before it have no bias).

    Args:
        shape: Shape of one input, without the batch; ``[1, 28, 28]`` becomes 784 values.
        outputs: Number of outputs, for instance of classes.
        widths: Units of each hidden layer, first to last.
        activation: Function after each hidden layer.
        dropout: Share of hidden units silenced while training, 0 <= dropout < 1.
        batch_norm: Whether each hidden layer is normalised over the batch.
        weight_init: How weights begin, see ``Initialisation``; the output layer's gain is 1.
        weight_std: Standard deviation for ``weight_init="normal"``.
        bias_init: How biases begin.
        bias_value: The number for ``bias_init="constant"``.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        widths: Sequence[int] = (128, 64),
        activation: Activation = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        weight_init: WeightInit = "kaiming",
        weight_std: float = 0.01,
        bias_init: BiasInit = "zeros",
        bias_value: float = 0.1,
    ) -> None:
        super().__init__()
        if not shape or min(shape) < 1:
            raise ValueError(f"shape: at least one size, each 1 or more, was expected; got {list(shape)}.")
        initialisation = Initialisation(weight_init, weight_std, bias_init, bias_value)
        self.layers = dense_stack(prod(shape), outputs, widths, activation, dropout, batch_norm, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (n, *shape) to logits (n, outputs)."""
        logits: Tensor = self.layers(x)
        return logits
