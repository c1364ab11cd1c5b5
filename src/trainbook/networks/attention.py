"""Attention: each step asks all steps, and takes a mean of what they answer, weighted by how well the answers fit."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Self-attention with several heads. Source: Vaswani et al., "Attention is all you need", 2017.

    Args:
        width: Length of each step's vector.
        heads: How many questions a step asks at once; each has width / heads numbers.
        dropout: Share of the weights silenced while training.

    Raises:
        ValueError: the width cannot be shared out among the heads.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"heads: a number that divides the width, {width}, was expected; got {heads}.")
        self.heads, self.dropout = heads, dropout
        self.asked, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Map vectors (n, steps, width) to vectors of the same shape; only real steps (n, steps) are asked."""
        queries, keys, values = self._split(steps)
        found = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=_askable(mask), dropout_p=self.dropout if self.training else 0.0
        )
        output: Tensor = self.output(found.transpose(1, 2).flatten(2))
        return output

    def weights(self, steps: Tensor, mask: Tensor) -> Tensor:
        """How much each step attends to each other (n, heads, asking, asked); what one step gives sums to 1."""
        queries, keys, _ = self._split(steps)
        scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])
        return scores.masked_fill(~_askable(mask), -torch.inf).softmax(3)

    def _split(self, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (n, heads, steps, width / heads)."""
        parts = self.asked(steps).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind(0)
        return queries, keys, values


def _askable(mask: Tensor) -> Tensor:
    """(n, 1, 1, steps); where nothing is real the first step is asked, for a mean of nothing is no number."""
    first = torch.arange(mask.shape[1], device=mask.device) == 0
    return (mask | (first & ~mask.any(1, keepdim=True)))[:, None, None]
