"""Two networks that learn from one another."""

from collections.abc import Sequence
from math import prod

from torch import nn


class Pair(nn.Module):
    """``generator``: noise (n, latent) -> (n, values); ``discriminator``: (n, values) -> (n, 1), great for real ones.

    Args:
        shape: of what is generated.
        latent: numbers of noise.
        width: hidden units of both.
    """

    def __init__(self, shape: Sequence[int], latent: int = 2, width: int = 16) -> None:
        super().__init__()
        self.latent, values = latent, prod(shape)
        self.generator = nn.Sequential(nn.Linear(latent, width), nn.Tanh(), nn.Linear(width, values))
        self.discriminator = nn.Sequential(nn.Linear(values, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
