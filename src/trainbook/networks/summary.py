"""The exit of networks for sequences: outputs of a sequence as a whole, or of each step that is to be forecast."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

Pooling = Literal["last", "mean", "max", "attention"]


class Summary(nn.Module):
    """One vector of all real steps, then dense to the outputs; or, of a forecast, dense to the outputs of each future step.

    Args:
        width: Length of a step's vector.
        outputs: Number of outputs.
        pooling: ``last`` step; ``mean`` or ``max`` of all; ``attention``: their mean, weighted by what a small network makes
            of each (Yang et al., "Hierarchical Attention Networks for Document Classification", 2016).
        dropout: Share of the vector silenced while training, 0 <= dropout < 1.
        halves: How many parts of a vector go which way: 2 = the second half was read backwards, so that its last step is the
            first one.

    Raises:
        ValueError: a number lies outside its range.
    """

    def __init__(self, width: int, outputs: int, pooling: Pooling, dropout: float, halves: int = 1) -> None:
        super().__init__()
        if outputs < 1:
            raise ValueError(f"outputs: 1 or more was expected; got {outputs}.")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: a share from 0 to below 1 was expected; got {dropout}.")
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling: one of {', '.join(get_args(Pooling))} was expected; got {pooling!r}.")
        self.pooling, self.halves = pooling, halves
        self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)) if pooling == "attention" else None
        self.dropout, self.output = nn.Dropout(dropout), nn.Linear(width, outputs)

    def forward(self, steps: Tensor, mask: Tensor, future: int = 0) -> Tensor:
        """Map vectors (n, steps, width), of which ``mask`` (n, steps) says what is real, to outputs (n, outputs).

        With a ``future``, to outputs (n, future, outputs) of the last so many steps.
        """
        chosen = steps[:, -future:] if future else self.pooled(steps, mask)
        outputs: Tensor = self.output(self.dropout(chosen))
        return outputs

    def pooled(self, steps: Tensor, mask: Tensor) -> Tensor:
        """The vector (n, width) of each sequence; zeros of one without a step."""
        real = mask.unsqueeze(2)
        if self.pooling == "attention":
            return (steps * self.weights(steps, mask).unsqueeze(2)).sum(1)
        if self.pooling == "mean":
            return (steps * real).sum(1) / real.sum(1).clamp(min=1)
        if self.pooling == "max":
            return steps.masked_fill(~real, -torch.inf).amax(1).masked_fill(~mask.any(1, keepdim=True), 0)
        ends = (mask.sum(1) - 1).clamp(min=0)
        last = steps[torch.arange(len(steps), device=steps.device), ends]
        if self.halves > 1:
            last = torch.cat([last.chunk(2, 1)[0], steps[:, 0].chunk(2, 1)[1]], 1)
        return last * mask.any(1, keepdim=True)

    def weights(self, steps: Tensor, mask: Tensor) -> Tensor:
        """How much attention each step gets (n, steps); the real ones of a sequence share 1."""
        if self.score is None:
            raise ValueError(f"pooling: attention was expected; got {self.pooling}.")
        scores = self.score(steps).squeeze(2).masked_fill(~mask, torch.finfo(steps.dtype).min)
        weights: Tensor = scores.softmax(1) * mask
        return weights
