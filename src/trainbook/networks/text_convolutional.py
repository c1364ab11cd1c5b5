"""The text CNN: filters that look for short phrases, wherever they stand."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainbook.networks.words import Words


class TextConvolutional(nn.Module):
    """Words become vectors, filters of several lengths slide over them, and of each filter the largest answer is kept.

    Source: Kim, "Convolutional neural networks for sentence classification", 2014, with vectors learnt from the start.

    Args:
        outputs: Number of outputs, for instance of classes.
        x_vocabulary: How many words there are.
        embedding: Length of a word's vector.
        filters: Of each length.
        kernels: Lengths of phrases, in words.
        dropout: Share of words' vectors' numbers, and of the filters' answers, silenced while training; 0 <= dropout < 1.
        words_dropout: Share of the words hidden while training; 0 <= words_dropout < 1.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        outputs: int,
        x_vocabulary: int,
        embedding: int = 64,
        filters: int = 64,
        kernels: Sequence[int] = (3, 4, 5),
        dropout: float = 0.5,
        words_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if outputs < 1 or embedding < 1 or filters < 1 or not kernels or min(kernels) < 1:
            raise ValueError(
                "outputs, embedding, filters and at least one kernel, all of 1 or more, were expected; "
                f"got {outputs}, {embedding}, {filters} and {list(kernels)}."
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: a share from 0 to below 1 was expected; got {dropout}.")
        self.kernels = list(kernels)
        self.words = Words(x_vocabulary, embedding, words_dropout)
        self.filters = nn.ModuleList(nn.Conv1d(embedding, filters, kernel) for kernel in kernels)
        self.dropout, self.output = nn.Dropout(dropout), nn.Linear(filters * len(kernels), outputs)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        """Map ids of words (n, length), of which ``x_mask`` says which are real, to logits (n, outputs)."""
        words = (self.dropout(self.words(x)) * x_mask.unsqueeze(2)).transpose(1, 2)
        found = []
        for kernel, each in zip(self.kernels, self.filters, strict=True):
            answers = each(F.pad(words, ((kernel - 1) // 2, kernel // 2))).relu()  # a phrase stands where its middle is
            found.append((answers * x_mask.unsqueeze(1)).amax(2))
        outputs: Tensor = self.output(self.dropout(torch.cat(found, 1)))
        return outputs
