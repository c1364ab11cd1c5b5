"""Pictures, or any other numbers, with a little noise on every value, anew in every epoch."""

import math

from trainbook.batch import Batch
from trainbook.data.augmentations.draws import Draws


class Noise:
    """Gaussian noise added to every value of ``x``.

    Source: Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", 1995.

    Args:
        std: The noise's standard deviation, in units of the normalised input.

    Raises:
        ValueError: ``std`` is negative or not finite.
    """

    def __init__(self, std: float) -> None:
        if not 0 <= std < math.inf:
            raise ValueError(f"std: a number of 0 or more was expected; got {std}.")
        self.std = std

    def __call__(self, batch: Batch, draws: Draws) -> Batch:
        """Disturb ``batch.inputs["x"]``, float (n, ...); all else stays.

        Raises:
            ValueError: ``x`` is missing or not of a floating type.
        """
        x = batch.inputs.get("x")
        if x is None or not x.is_floating_point():
            raise ValueError(f"Noise is added to an input x of floats; got {'no x' if x is None else x.dtype}.")
        if not self.std:
            return batch
        noise = draws.normal(batch.row, *x.shape[1:]).mul_(self.std)
        return batch._replace(inputs={**batch.inputs, "x": x + noise.to(x.dtype)})
