"""Recurrent networks: a state that is carried from step to step, through gates or without."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from trainbook.networks.entrance import Entrance
from trainbook.networks.stepwise import Stepwise
from trainbook.networks.summary import Pooling, Summary

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(Stepwise):
    """Steps become vectors, recurrent layers read them in order, and a summary gives the outputs; or each step ahead has its own.

    Sequences of unequal length are packed: padding is never read.
    Sources: Elman, "Finding structure in time", 1990; Hochreiter and Schmidhuber, "Long short-term memory", 1997; Cho et al.,
    "Learning phrase representations using RNN encoder-decoder", 2014.

    Args:
        outputs: Number of outputs, of a sequence or of each step ahead.
        x_shape: Shape of one example's past; its last number is that of the channels.
        x_vocabulary: Words that a step may hold; None = numbers.
        known_shape: Shape of what is known in advance, for a forecast; None = a sequence has one answer.
        cell: ``rnn`` (tanh), ``gru`` or ``lstm``.
        embedding: Length of the vector that each step becomes before it is read.
        width: Units of the state, each way.
        layers: Recurrent layers, one above the other.
        bidirectional: Whether each layer also reads from the end to the beginning.
        pooling: See ``Summary``.
        dropout: Share of units silenced while training, between layers and before the outputs; 0 <= dropout < 1.
        words_dropout: Share of the words hidden while training; 0 <= words_dropout < 1.
        forget_bias: With which an LSTM's forget gate begins; above 0 it remembers at first (Jozefowicz et al. 2015).

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        outputs: int,
        x_shape: Sequence[int],
        x_vocabulary: int | None = None,
        known_shape: Sequence[int] | None = None,
        cell: Literal["rnn", "gru", "lstm"] = "lstm",
        embedding: int = 32,
        width: int = 64,
        layers: int = 1,
        bidirectional: bool = False,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        words_dropout: float = 0.0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError(f"width and layers of 1 or more were expected; got {width} and {layers}.")
        if cell not in LAYERS:
            raise ValueError(f"cell: one of {', '.join(LAYERS)} was expected; got {cell!r}.")
        self.entrance = Entrance(x_shape, x_vocabulary, known_shape, embedding, words_dropout)
        between = dropout if layers > 1 else 0.0
        self.layer = LAYERS[cell](embedding, width, layers, batch_first=True, dropout=between, bidirectional=bidirectional)
        if cell == "lstm":
            _forget(self.layer, width, forget_bias)
        ways = 2 if bidirectional else 1
        self.summary = Summary(ways * width, outputs, pooling, dropout, ways)

    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """The state of the last layer at each step (n, steps, width, or twice that)."""
        lengths = mask.sum(1).clamp(min=1).cpu()
        if bool((lengths == steps.shape[1]).all()):
            whole: Tensor = self.layer(steps)[0]
            return whole
        packed = pack_padded_sequence(steps, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.layer(packed)[0], batch_first=True, total_length=steps.shape[1])[0]


def _forget(layer: nn.Module, width: int, bias: float) -> None:
    """Set the sum of the two biases of each forget gate; torch's order of gates is input, forget, cell, output."""
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("bias"):
                parameter[width : 2 * width] = bias if name.startswith("bias_ih") else 0
