"""Words as vectors: an embedding that begins small, of whose words some are hidden while training."""

import torch
from torch import Tensor, nn

UNKNOWN = 1
"""The id of a word that training has not seen; 0 is padding."""


class Words(nn.Embedding):
    """Each word has a vector, learnt from the start; a hidden word has that of an unknown one.

    Vectors begin with a length of about 1, whatever their width. Longer ones hardly turn in a short training: a network learns
    its texts by heart from where they happen to point. Hiding words does what dropout does, and teaches the vector of unknown
    words. Sources: Iyyer et al., "Deep unordered composition rivals syntactic methods for text classification", 2015; Bowman et
    al., "Generating sentences from a continuous space", 2016.

    Args:
        vocabulary: How many words there are.
        width: Length of a vector.
        hidden: Share of the words hidden while training, 0 <= hidden < 1.

    Raises:
        ValueError: a number lies outside its range.
    """

    def __init__(self, vocabulary: int, width: int, hidden: float) -> None:
        super().__init__(vocabulary, width)
        if not 0 <= hidden < 1 or (hidden and vocabulary <= UNKNOWN):
            raise ValueError(f"words_dropout: a share from 0 to below 1, of two words or more, was expected; got {hidden}.")
        self.hidden = hidden

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=self.embedding_dim**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to vectors (n, length, width)."""
        if self.training and self.hidden:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.hidden, UNKNOWN)
        return super().forward(ids)
