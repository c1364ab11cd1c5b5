"""A batch: the rows that a network sees at once."""

from typing import NamedTuple

import torch
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

    def to(self, device: torch.device) -> "Batch":
        """The same rows on a device; from pinned memory the copy goes on while the host does something else."""
        if self.row.device == device:
            return self
        inputs, targets = (
            {name: value.to(device, non_blocking=True) for name, value in named.items()} for named in (self.inputs, self.targets)
        )
        return Batch(inputs, targets, self.row.to(device, non_blocking=True))
