"""A batch: the rows that a network sees at once."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Rows fetched together; tensors only, first dimension = rows.

    A ragged column is padded and stands beside ``<name>_mask`` (True = real).
    """

    inputs: dict[str, Tensor]
    """By parameter name of ``network.forward``; a single input is called ``x``."""
    targets: dict[str, Tensor]
    """By name in the data set's YAML; empty when predicting."""
    row: Tensor
    """int64: row within the split; -1 marks a row that only fills a process's share."""
