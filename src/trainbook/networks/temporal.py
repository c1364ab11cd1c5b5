"""Temporal convolutions: filters that look at a step and ever farther back, never ahead."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from trainbook.networks.activation import Activation, activation_layer
from trainbook.networks.entrance import Entrance
from trainbook.networks.stepwise import Stepwise
from trainbook.networks.summary import Pooling, Summary


class Block(nn.Module):
    """Two dilated causal convolutions, each with normalisation of every step, activation and dropout, added to what came in."""

    def __init__(self, width: int, kernel: int, dilation: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, kernel, dilation=dilation) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.activation, self.dropout = activation_layer(activation), nn.Dropout(dropout)

    def forward(self, steps: Tensor) -> Tensor:
        """Map vectors (n, steps, width) to vectors of the same shape."""
        found = steps
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            seen = F.pad(found.transpose(1, 2), (self.reach, 0))
            found = self.dropout(self.activation(norm(convolution(seen).transpose(1, 2))))
        return steps + found


class Temporal(Stepwise):
    """Steps become vectors, blocks of dilated causal convolutions look back, and a summary gives the outputs.

    The dilation doubles from block to block: together they see ``1 + 2 (kernel - 1) (2 ** blocks - 1)`` steps.
    Source: Bai, Kolter, Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling", 2018, with layer instead of weight normalisation.

    Args:
        outputs: Number of outputs, of a sequence or of each step ahead.
        x_shape: Shape of one example's past; its last number is that of the channels.
        x_vocabulary: Words that a step may hold; None = numbers.
        known_shape: Shape of what is known in advance, for a forecast; None = a sequence has one answer.
        width: Filters of each convolution, and length of each step's vector.
        blocks: How many.
        kernel: Steps that a filter looks at.
        activation: Function after each convolution.
        pooling: See ``Summary``.
        dropout: Share of units silenced while training; 0 <= dropout < 1.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        outputs: int,
        x_shape: Sequence[int],
        x_vocabulary: int | None = None,
        known_shape: Sequence[int] | None = None,
        width: int = 64,
        blocks: int = 4,
        kernel: int = 3,
        activation: Activation = "relu",
        pooling: Pooling = "mean",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if blocks < 1 or kernel < 2:
            raise ValueError(f"blocks of 1 or more and a kernel of 2 or more were expected; got {blocks} and {kernel}.")
        self.entrance = Entrance(x_shape, x_vocabulary, known_shape, width)
        self.summary = Summary(width, outputs, pooling, dropout)
        self.blocks = nn.Sequential(*(Block(width, kernel, 2**at, activation, dropout) for at in range(blocks)))

    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """What each step knows of those before it (n, steps, width)."""
        found: Tensor = self.blocks(steps)
        return found
