"""A stack of dense layers, from flat values to outputs: what an MLP is, and what other networks end with."""

from collections.abc import Sequence

from torch import nn

from trainbook.networks.activation import Activation, activation_layer
from trainbook.networks.initialisation import Initialisation


def dense_stack(
    units: int,
    outputs: int,
    widths: Sequence[int],
    activation: Activation,
    dropout: float,
    batch_norm: bool,
    initialisation: Initialisation,
) -> nn.Sequential:
    """Flatten to (n, units); per hidden layer dense, batch norm if wanted, activation, dropout; then dense to (n, outputs).

    Batch norm has its own shift, so the dense layers before it have no bias. The output layer's gain is 1.

    Raises:
        ValueError: outputs, widths or dropout lie outside their range.
    """
    if outputs < 1:
        raise ValueError(f"outputs: 1 or more was expected; got {outputs}.")
    if not widths or min(widths) < 1:
        raise ValueError(f"widths: at least one hidden layer of 1 or more units was expected; got {list(widths)}.")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout: a share from 0 to below 1 was expected; got {dropout}.")
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        dense = nn.Linear(units, width, bias=not batch_norm)
        initialisation.apply(dense, activation)
        layers.append(dense)
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation_layer(activation))
        if dropout:
            layers.append(nn.Dropout(dropout))
        units = width
    output = nn.Linear(units, outputs)
    initialisation.apply(output, "linear")
    return nn.Sequential(*layers, output)
