"""Pictures turned, moved, stretched and slanted a little, anew in every epoch."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from trainbook.batch import Batch
from trainbook.data.augmentations.draws import Draws


class Affine:
    """A random affine map of each picture ``x``, sampled bilinearly.

    A picture is slanted, stretched, turned about its centre, then shifted; each amount is uniform between minus and
    plus its bound. What comes in at the edge is the background. Pictures are normalised before they are augmented, so
    the background is the normalised value of raw 0; it is taken away, the rest is moved with zeros around it, and it
    is put back. That needs a normalisation that treats all pixels of a channel alike: where each pixel has its own
    scale, a moved pixel would carry the scale of the place it came from.

    Source: Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks", 2003, section 2.

    Args:
        background: What raw 0 has become: one number, or one a channel. The facts offer it.
        rotation: Largest turn, in degrees, 0 to 180.
        shift: Largest move along each axis, as a share of the picture's side, 0 to 1.
        scale: Largest relative change of size: 0.1 means 0.9 to 1.1 times, 0 <= scale < 1.
        shear: Largest slant, in degrees, 0 <= shear < 90.

    Raises:
        ValueError: an argument lies outside its range.
    """

    def __init__(
        self,
        background: float | Sequence[float],
        rotation: float = 0.0,
        shift: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
    ) -> None:
        if not 0 <= rotation <= 180:
            raise ValueError(f"rotation: 0 to 180 degrees were expected; got {rotation}.")
        if not 0 <= shift <= 1:
            raise ValueError(f"shift: a share of the side, 0 to 1, was expected; got {shift}.")
        if not 0 <= scale < 1:
            raise ValueError(f"scale: a relative change from 0 to below 1 was expected; got {scale}.")
        if not 0 <= shear < 90:
            raise ValueError(f"shear: 0 to below 90 degrees were expected; got {shear}.")
        self.background = background
        self.bounds = (math.radians(rotation), shift, shift, scale, math.radians(shear))

    def __call__(self, batch: Batch, draws: Draws) -> Batch:
        """Move ``batch.inputs["x"]``, float (n, channels, height, width); all else stays.

        Raises:
            ValueError: ``x`` is missing or no stack of pictures, or ``background`` has another number of channels.
        """
        x = batch.inputs.get("x")
        if x is None or x.ndim != 4:
            came = "no x" if x is None else f"shape {tuple(x.shape)}"
            raise ValueError(f"Affine moves an input x of shape (n, channels, height, width); got {came}.")
        if not any(self.bounds):
            return batch
        background = self._background(x)
        amounts = draws.uniform(batch.row, len(self.bounds), low=-1.0)
        amounts *= amounts.new_tensor(self.bounds)
        sources = _sources(amounts, *x.shape[2:]).to(x.dtype)
        moved = F.grid_sample(x - background, sources, align_corners=False).add_(background)
        return batch._replace(inputs={**batch.inputs, "x": moved})

    def _background(self, x: Tensor) -> float | Tensor:
        """The background in a form that is taken away from pictures (n, channels, height, width)."""
        if not isinstance(self.background, Sequence):
            return self.background
        if len(self.background) != x.shape[1]:
            raise ValueError(f"background: {x.shape[1]} numbers, one a channel, were expected; got {self.background}.")
        return x.new_tensor(self.background)[:, None, None]


def _sources(amounts: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel comes from: (n, height, width, 2), x before y, -1 and 1 at the picture's edges.

    ``amounts`` (n, 5): turn (radians, clockwise), moves right and down (shares of the side), relative change of size,
    slant (radians). The map is undone from its end, for it is the new pixels that ask where they come from. Written
    out because ``affine_grid`` multiplies a batch of matrices, at several times the cost for small pictures.
    """
    turn, right, down, change, slant = amounts.unbind(1)
    cosine, sine, slope = turn.cos() / (1 + change), turn.sin() / (1 + change), slant.tan()
    ratio = height / width
    columns = torch.stack((cosine + slope * sine, sine / -ratio), 1)
    lines = torch.stack(((sine - slope * cosine) * ratio, cosine), 1)
    # Each coordinate is what its column gives plus what its line gives; only the sum is as large as the pictures.
    from_column = columns[:, :, None] * (_centres(width, amounts) - 2 * right[:, None])[:, None]
    from_line = lines[:, :, None] * (_centres(height, amounts) - 2 * down[:, None])[:, None]
    return (from_line[:, :, :, None] + from_column[:, :, None, :]).movedim(1, -1)


def _centres(side: int, like: Tensor) -> Tensor:
    """The middles of a side's pixels, (side,), from -1 to 1."""
    return torch.arange(1 - side, side, 2, dtype=like.dtype, device=like.device) / side
