"""What networks for sequences share: how steps come in, and where outputs go out."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from trainbook.networks.entrance import Entrance
from trainbook.networks.summary import Summary


class Stepwise(nn.Module, ABC):
    """Steps become vectors, ``states`` lets them know of one another, and a summary gives the outputs."""

    entrance: Entrance
    summary: Summary

    @abstractmethod
    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Vectors (n, steps, width), of which ``mask`` (n, steps) says what is real -> vectors of as many steps."""

    def forward(self, x: Tensor, x_mask: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Map sequences to logits (n, outputs), or, where something is known in advance, to outputs (n, future, outputs).

        Args:
            x: numbers (n, past, channels), or ids of words (n, past).
            x_mask: (n, past), true where a step is real.
            known: (n, past + future, channels).
        """
        if known is not None and x_mask is not None:
            raise ValueError("a past without padding was expected before what is to be forecast; got x_mask.")
        steps, mask = self.entrance(x, x_mask, known)
        outputs: Tensor = self.summary(self.states(steps, mask), mask, 0 if known is None else known.shape[1] - x.shape[1])
        return outputs
