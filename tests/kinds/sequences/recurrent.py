"""A recurrent network that stops at each sequence's own end."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class Recurrent(nn.Module):
    """A gated recurrent layer; its last state, dense to the outputs.

    Args:
        shape: of one moment: ``[channels]``.
        outputs: how many.
        width: hidden units.
    """

    def __init__(self, shape: Sequence[int], outputs: int, width: int = 16) -> None:
        super().__init__()
        (channels,) = shape
        self.layer, self.output = nn.GRU(channels, width, batch_first=True), nn.Linear(width, outputs)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """Sequences (n, length, channels), mask (n, length) -> (n, outputs)."""
        packed = pack_padded_sequence(x, x_mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.layer(packed)
        logits: Tensor = self.output(last[0])
        return logits
