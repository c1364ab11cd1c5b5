"""The Transformer's encoder: layers of attention, in which every step looks at every other."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainbook.networks.activation import Activation, activation_layer
from trainbook.networks.attention import Attention
from trainbook.networks.entrance import Entrance
from trainbook.networks.stepwise import Stepwise
from trainbook.networks.summary import Pooling, Summary


class Layer(nn.Module):
    """Attention, then two dense layers at each step; both normalise what they get and add to it (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, hidden: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.attention, self.norms = Attention(width, heads, dropout), nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.dense = nn.Sequential(nn.Linear(width, hidden), activation_layer(activation), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Map vectors (n, steps, width) to vectors of the same shape."""
        steps = steps + self.dropout(self.attention(self.norms[0](steps), mask))
        added: Tensor = steps + self.dropout(self.dense(self.norms[1](steps)))
        return added

    def weights(self, steps: Tensor, mask: Tensor) -> Tensor:
        """The attention of this layer (n, heads, asking, asked)."""
        return self.attention.weights(self.norms[0](steps), mask)


class Transformer(Stepwise):
    """Steps and their positions become vectors that look at one another in layers; a summary gives the outputs.

    Source: Vaswani et al., "Attention is all you need", 2017, the encoder, with normalisation first. There words' vectors are
    made longer before positions are added; here positions are made shorter, which is the same to the layers.

    Args:
        outputs: Number of outputs, of a sequence or of each step ahead.
        x_shape: Shape of one example's past; its last number is that of the channels.
        x_vocabulary: Words that a step may hold; None = numbers.
        known_shape: Shape of what is known in advance, for a forecast; None = a sequence has one answer.
        width: Length of each step's vector; even, and divided by the heads.
        layers: How many.
        heads: Of each attention.
        hidden: Units of the dense layer at each step; None = four times the width.
        activation: Function in it.
        pooling: See ``Summary``.
        dropout: Share of units silenced while training; 0 <= dropout < 1.
        words_dropout: Share of the words hidden while training; 0 <= words_dropout < 1.

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
        layers: int = 2,
        heads: int = 4,
        hidden: int | None = None,
        activation: Activation = "gelu",
        pooling: Pooling = "mean",
        dropout: float = 0.1,
        words_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if layers < 1 or width % 2 or (hidden is not None and hidden < 1):
            raise ValueError(f"layers and hidden of 1 or more and an even width were expected; got {layers}, {hidden}, {width}.")
        self.entrance = Entrance(x_shape, x_vocabulary, known_shape, width, words_dropout)
        self.scale = 1.0 if x_vocabulary is None else width**-0.5
        self.summary = Summary(width, outputs, pooling, dropout)
        self.layers = nn.ModuleList(Layer(width, heads, hidden or 4 * width, activation, dropout) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)

    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """What each step knows of all real ones (n, steps, width)."""
        steps = self._placed(steps)
        for layer in self.layers:
            steps = layer(steps, mask)
        normal: Tensor = self.norm(steps)
        return normal

    def attention(self, x: Tensor, x_mask: Tensor | None = None, known: Tensor | None = None) -> list[Tensor]:
        """The attention of each layer (n, heads, asking, asked), for people to look at."""
        steps, mask = self.entrance(x, x_mask, known)
        steps = self._placed(steps)
        found = []
        for layer in self.layers:
            assert isinstance(layer, Layer)
            found.append(layer.weights(steps, mask))
            steps = layer(steps, mask)
        return found

    def _placed(self, steps: Tensor) -> Tensor:
        """The steps, each with its position."""
        placed: Tensor = self.dropout(steps + self.scale * positions(steps.shape[1], steps.shape[2]).to(steps))
        return placed


def positions(length: int, width: int) -> Tensor:
    """Sines and cosines of (length, width): each place has its own, and a shift is a rotation.

    ``sin(place / 10000^(2k / width))`` in the even columns 2k, the cosine in the odd ones.
    """
    rates = torch.exp(-math.log(10000.0) * torch.arange(0, width, 2) / width)
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
