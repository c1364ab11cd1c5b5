"""Dense layers for rows of a table: numbers beside an embedding for each category."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainbook.networks.activation import Activation
from trainbook.networks.dense import dense_stack
from trainbook.networks.initialisation import BiasInit, Initialisation, WeightInit


class Tabular(nn.Module):
    """Each category becomes a vector that is learnt; numbers and vectors go through dense layers together.

    Source: Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016.

    Args:
        outputs: Number of outputs, for instance of classes.
        numbers_shape: Shape of one row's numbers: ``[numbers]``; none without them.
        categories_sizes: How many values each category has; none without them.
        embedding: Length of a category's vector; None = half as many as it has values, rounded up, at most 32.
        widths: Units of each hidden layer, first to last.
        activation: Function after each hidden layer.
        dropout: Share of hidden units silenced while training, 0 <= dropout < 1.
        batch_norm: Whether each hidden layer is normalised over the batch.
        weight_init: How weights of the dense layers begin, see ``Initialisation``.
        weight_std: Standard deviation for ``weight_init="normal"``.
        bias_init: How biases begin.
        bias_value: The number for ``bias_init="constant"``.

    Raises:
        ValueError: an argument lies outside its range, or there is no input.
    """

    def __init__(
        self,
        outputs: int,
        numbers_shape: Sequence[int] = (0,),
        categories_sizes: Sequence[int] = (),
        embedding: int | None = None,
        widths: Sequence[int] = (128, 64),
        activation: Activation = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        weight_init: WeightInit = "kaiming",
        weight_std: float = 0.01,
        bias_init: BiasInit = "zeros",
        bias_value: float = 0.1,
    ) -> None:
        super().__init__()
        if embedding is not None and embedding < 1:
            raise ValueError(f"embedding: 1 or more was expected; got {embedding}.")
        if len(numbers_shape) != 1:
            raise ValueError(f"numbers_shape: rows of numbers, such as [13], were expected; got {list(numbers_shape)}.")
        lengths = [embedding or min(32, -(-size // 2)) for size in categories_sizes]
        units = numbers_shape[0] + sum(lengths)
        if units < 1:
            raise ValueError(
                "at least one number or category a row was expected; this table has others (inputs: of the data set)"
            )
        self.embeddings = nn.ModuleList(nn.Embedding(*each) for each in zip(categories_sizes, lengths, strict=True))
        with torch.no_grad():
            for vectors in self.embeddings.parameters():
                vectors[0] = 0  # a value that training has not seen says nothing
        initialisation = Initialisation(weight_init, weight_std, bias_init, bias_value)
        self.layers = dense_stack(units, outputs, widths, activation, dropout, batch_norm, initialisation)

    def forward(self, numbers: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        """Map numbers (n, k) and ids of categories (n, c) to logits (n, outputs)."""
        parts = [] if numbers is None else [numbers]
        if categories is not None:
            parts += [embedding(ids) for embedding, ids in zip(self.embeddings, categories.unbind(1), strict=True)]
        logits: Tensor = self.layers(torch.cat(parts, dim=1))
        return logits
