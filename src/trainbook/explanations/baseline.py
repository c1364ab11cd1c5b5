"""The baseline: what stands for nothing in particular, against which a row is explained."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.explanations.continuous import Continuous, Inputs

if TYPE_CHECKING:
    from trainbook.model import Model

ROWS, SEQUENCES, AT_ONCE = 10_000, 1_000, 500
"""Training rows that are enough for a mean, those of unequal length, and how many go through the network at once."""


class Baseline:
    """The mean of the training rows, where they are at hand, else zeros; of pictures the empty one, of texts no words.

    Of series of unequal length the mean is that of all real steps. A word is nothing where its vector is zeros: that is
    what networks for texts make of padding themselves.

    Args:
        train: prepared training rows.
    """

    def __init__(self, model: "Model", train: Columns | None) -> None:
        self.model, self.train = model, train
        self.found: tuple[Tensor, ...] | None = None
        self.about: dict[str, str] = {}

    def __call__(self, function: Continuous, inputs: Inputs) -> tuple[Tensor, ...]:
        """One (1, …) for each of the function's values, which fits any number of rows and places."""
        if self.found is None:
            self.about = {name: self._named(name, inputs) for name in (*function.floats, *function.ids)}
            values, real = function.values(inputs), function.real(inputs)
            zeros = [value[:1] if mask is None else value[:1, :1] for value, mask in zip(values, real, strict=True)]
            self.found = tuple(map(torch.zeros_like, zeros))
            if "mean of the training rows" in self.about.values():
                self.found = self._means(function)
            known = zip(function.floats, self.found, strict=False)
            pictures = [self.empty(name, inputs) if inputs[name].ndim == 4 else each for name, each in known]
            self.found = (*pictures, *self.found[len(pictures) :])
        return self.found

    def empty(self, name: str, inputs: Inputs) -> Tensor:
        """An empty picture (1, channels, height, width); zeros where it is not the same everywhere."""
        background = torch.tensor(self.model.facts["inputs"][name].get("background", 0.0)).reshape(1, -1, 1, 1)
        return background.expand(1, *inputs[name].shape[1:]).contiguous()

    def _named(self, name: str, inputs: Inputs) -> str:
        if inputs[name].ndim == 4:
            return "empty picture"
        if f"{name}_mask" in inputs and not inputs[name].is_floating_point():
            return "no words"
        return "zeros" if self.train is None else "mean of the training rows"

    def _means(self, function: Continuous) -> tuple[Tensor, ...]:
        assert self.train is not None
        sample, words = self.model.sample, len(function.floats)
        most = ROWS if sample.lengths(self.train) is None else SEQUENCES
        rows = np.unique(np.linspace(0, sample.count(self.train) - 1, most).astype(np.int64))
        sums: list[Tensor] = []
        counts: list[int] = []
        for part in np.array_split(rows, -(-len(rows) // AT_ONCE)):
            inputs = finished(sample, self.train, part).inputs
            for at, (value, mask) in enumerate(zip(function.values(inputs), function.real(inputs), strict=True)):
                real = value.double() if mask is None else value[mask].double()
                total = real.sum(0, keepdim=True) if mask is None else real.sum(0)[None, None]
                if at == len(sums):
                    sums.append(torch.zeros_like(total))
                    counts.append(0)
                sums[at] += 0 if mask is not None and at >= words else total
                counts[at] += len(real)
        return tuple((total / max(1, count)).float() for total, count in zip(sums, counts, strict=True))
