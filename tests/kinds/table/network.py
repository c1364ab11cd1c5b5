"""A network for rows of numbers and categories."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Embedded(nn.Module):
    """An embedding for each category, beside the numbers; one hidden layer.

    Args:
        numbers_shape: of the numbers of one row: ``[numbers]``.
        categories_sizes: how many values each category has.
        outputs: how many.
        dimensions: of an embedding.
        width: hidden units.
    """

    def __init__(
        self,
        numbers_shape: Sequence[int],
        categories_sizes: Sequence[int],
        outputs: int,
        dimensions: int = 3,
        width: int = 16,
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(size, dimensions) for size in categories_sizes])
        inputs = numbers_shape[0] + dimensions * len(categories_sizes)
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """Numbers (n, numbers), categories (n, categories) -> (n, outputs)."""
        embedded = [embedding(categories[:, at]) for at, embedding in enumerate(self.embeddings)]
        logits: Tensor = self.layers(torch.cat([numbers, *embedded], dim=1))
        return logits
