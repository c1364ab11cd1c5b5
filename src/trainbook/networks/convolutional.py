"""The convolutional network: small filters that slide over a picture, then dense layers."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from trainbook.networks.activation import Activation, activation_layer
from trainbook.networks.dense import dense_stack
from trainbook.networks.initialisation import BiasInit, Initialisation, WeightInit


class Convolutional(nn.Module):
    """Per stage: convolution, max pooling, batch norm if wanted, activation; then dense layers on what is left.

    The plan of LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition",
    1998) with today's parts: max pooling, a choice of activation, a linear output. As there, the activation comes
    after the pooling: for a function that only rises the answer is the same, with a quarter of the work.

    Args:
        shape: Channels, height and width of one picture.
        outputs: Number of outputs, for instance of classes.
        channels: Filters of each stage, first to last.
        kernel: Side of each square filter, in pixels.
        padding: ``valid``: a filter stays inside its picture, which shrinks by kernel - 1; ``same``: zeros around
            the picture keep its size, and the kernel is odd.
        pool: Side of the square whose largest value is kept; 1 keeps all.
        widths: Units of each hidden dense layer.
        activation: Function after each convolution and each hidden dense layer.
        dropout: Share of hidden dense units silenced while training, 0 <= dropout < 1.
        batch_norm: Whether each hidden layer is normalised over the batch.
        weight_init: How weights begin, see ``Initialisation``; the output layer's gain is 1.
        weight_std: Standard deviation for ``weight_init="normal"``.
        bias_init: How biases begin.
        bias_value: The number for ``bias_init="constant"``.

    Raises:
        ValueError: an argument lies outside its range, or nothing of the picture is left after the last stage.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        channels: Sequence[int] = (16, 32),
        kernel: int = 5,
        padding: Literal["valid", "same"] = "valid",
        pool: int = 2,
        widths: Sequence[int] = (128,),
        activation: Activation = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        weight_init: WeightInit = "kaiming",
        weight_std: float = 0.01,
        bias_init: BiasInit = "zeros",
        bias_value: float = 0.1,
    ) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"shape: channels, height and width, each 1 or more, were expected; got {list(shape)}.")
        if not channels or min(channels) < 1:
            raise ValueError(f"channels: at least one stage of 1 or more filters was expected; got {list(channels)}.")
        if kernel < 1:
            raise ValueError(f"kernel: 1 or more pixels were expected; got {kernel}.")
        if padding not in ("valid", "same"):
            raise ValueError(f"padding: valid or same was expected; got {padding!r}.")
        if padding == "same" and kernel % 2 == 0:
            raise ValueError(f"kernel: with padding=same an odd number of pixels was expected; got {kernel}.")
        if pool < 1:
            raise ValueError(f"pool: 1 or more pixels were expected; got {pool}.")
        initialisation = Initialisation(weight_init, weight_std, bias_init, bias_value)
        layers: list[nn.Module] = []
        depth, height, width = shape
        margin = kernel // 2 if padding == "same" else 0
        for filters in channels:
            convolution = nn.Conv2d(depth, filters, kernel, padding=margin, bias=not batch_norm)
            initialisation.apply(convolution, activation)
            layers.append(convolution)
            if pool > 1:
                layers.append(nn.MaxPool2d(pool))
            if batch_norm:
                layers.append(nn.BatchNorm2d(filters))
            layers.append(activation_layer(activation))
            depth = filters
            height, width = ((side + 2 * margin - kernel + 1) // pool for side in (height, width))
            if min(height, width) < 1:
                raise ValueError(
                    f"shape: a picture that {len(channels)} stages of kernel {kernel}, padding {padding} and "
                    f"pool {pool} do not use up was expected; got {list(shape)}."
                )
        self.features = nn.Sequential(*layers)
        units = depth * height * width
        self.classifier = dense_stack(units, outputs, widths, activation, dropout, batch_norm, initialisation)

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (n, channels, height, width) to logits (n, outputs)."""
        # Channels side by side in memory: on a CPU the stages then take half the time. A copy, because with one channel
        # both orders look alike and torch would go on in the slow one.
        pictures = x.clone(memory_format=torch.channels_last)
        logits: Tensor = self.classifier(self.features(pictures))
        return logits
