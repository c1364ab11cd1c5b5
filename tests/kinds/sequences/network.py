"""A network that averages what it sees at each moment of a sequence."""

from collections.abc import Sequence

from torch import Tensor, nn


class Masked(nn.Module):
    """Dense and tanh at each moment, the mean over real moments, dense to the outputs.

    Args:
        shape: of one moment: ``[channels]``.
        outputs: how many.
        width: hidden units.
    """

    def __init__(self, shape: Sequence[int], outputs: int, width: int = 16) -> None:
        super().__init__()
        (channels,) = shape
        self.moment, self.output = nn.Linear(channels, width), nn.Linear(width, outputs)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """Sequences (n, length, channels), mask (n, length) -> (n, outputs)."""
        real = x_mask.unsqueeze(2)
        mean = (self.moment(x).tanh() * real).sum(1) / real.sum(1)
        logits: Tensor = self.output(mean)
        return logits
