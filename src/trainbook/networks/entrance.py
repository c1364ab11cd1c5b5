"""The entrance of networks for sequences: whatever stands at a step becomes a vector."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainbook.networks.words import Words


class Entrance(nn.Module):
    """Numbers go through a dense layer, words through an embedding; what is known in advance is added at every step.

    Args:
        shape: of what the data give of one example; its last number is that of the channels, unless there are words.
        vocabulary: How many words there are; None = steps hold numbers.
        known_shape: Of what is known of all steps, those to be forecast too; None = nothing is to be forecast.
        width: Length of each step's vector.
        words_dropout: Share of the words hidden while training; see ``Words``.

    Raises:
        ValueError: a number lies outside its range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        vocabulary: int | None,
        known_shape: Sequence[int] | None,
        width: int,
        words_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"vectors of 1 number or more were expected for each step; got {width}.")
        if vocabulary is None and not shape:
            raise ValueError("x: channels at each step, or words, were expected; these data have one number a row.")
        self.x = nn.Linear(shape[-1], width) if vocabulary is None else Words(vocabulary, width, words_dropout)
        self.known = None if known_shape is None else nn.Linear(known_shape[-1], width)
        self.ahead = None if known_shape is None else nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, x_mask: Tensor | None, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map a past to vectors (n, steps, width) and what of them is real (n, steps).

        Args:
            x: numbers (n, past, channels), or ids of words (n, past).
            x_mask: (n, past), true where a step is real; None = all are.
            known: (n, past + future, channels); None = there is no future.
        """
        steps: Tensor = self.x(x)
        mask = torch.ones(steps.shape[:2], dtype=torch.bool, device=steps.device) if x_mask is None else x_mask
        if known is None or self.known is None or self.ahead is None:
            return _real(steps, mask), mask
        future = known.shape[1] - steps.shape[1]
        steps = torch.cat([_real(steps, mask), self.ahead.expand(len(steps), future, -1)], 1) + self.known(known)
        return steps, torch.cat([mask, mask.new_ones(len(mask), future)], 1)


def _real(steps: Tensor, mask: Tensor) -> Tensor:
    """Zeros where nothing is real, whatever stands there."""
    return steps.masked_fill(~mask.unsqueeze(2), 0)
