"""Random numbers that belong to a row: the same row gets the same numbers, whoever else is in its batch."""

import math

import torch
from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB
WORD = 2**64


class Draws:
    """Random numbers as a function of (seed, epoch, row, index of the call, position), with no state to save.

    A batch cut in two, or dealt out to several processes, gets what the whole batch would have got. One object serves
    one batch, so that calls are counted from the batch's first augmentation: make a new one for each. The numbers are
    splitmix64's: a counter times a constant, then a mixing function of 64 bits (Steele, Lea, Flood, "Fast Splittable
    Pseudorandom Number Generators", 2014). The idea of counters in place of state: Salmon et al., "Parallel Random
    Numbers: As Easy as 1, 2, 3", 2011.

    Args:
        seed: The training's seed, any integer.
        epoch: The epoch, so that a row is drawn afresh in each.
    """

    def __init__(self, seed: int, epoch: int) -> None:
        self._key = _mix_number(_mix_number(seed) + epoch)
        self._calls = 0

    def uniform(self, row: Tensor, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers, float32 (n, *shape) on the device of ``row`` (int64, (n,)), low <= number < high.

        They have 24 random bits; rounding to float32 may yield ``high`` itself where ``low`` is not 0.

        Raises:
            ValueError: ``row`` is not one int64 for each row.
        """
        bits = _upper(self._words(row, shape), 24).to(torch.float32)
        return bits.mul_((high - low) / 2**24).add_(low)

    def normal(self, row: Tensor, *shape: int) -> Tensor:
        """Standard normal numbers, float32 (n, *shape) on the device of ``row`` (int64, (n,)); none beyond 6.7.

        Source: Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.

        Raises:
            ValueError: ``row`` is not one int64 for each row.
        """
        words = self._words(row, shape)
        # One word holds both uniforms; the logarithm's is never 0.
        radius = _upper(words, 32).to(torch.float32).add_(1).mul_(2.0**-32).log_().mul_(-2).sqrt_()
        angle = words.bitwise_and_(2**32 - 1).to(torch.float32).mul_(2 * math.pi / 2**32)
        return radius.mul_(angle.cos_())

    def _words(self, row: Tensor, shape: tuple[int, ...]) -> Tensor:
        """64 random bits each, int64 (n, *shape); every call has its own."""
        if row.ndim != 1 or row.dtype != torch.int64:
            raise ValueError(f"row: int64 of shape (n,) was expected; got {row.dtype} of shape {tuple(row.shape)}.")
        self._calls += 1
        # The counter is row * 2^32 + position; the call moves where it starts.
        start = row.mul(_signed(GOLDEN << 32)).add_(_signed(_mix_number(self._key + self._calls)))
        position = torch.arange(math.prod(shape), device=row.device).mul_(_signed(GOLDEN))
        return _mix(start[:, None] + position).view(len(row), *shape)


def _mix(words: Tensor) -> Tensor:
    """Splitmix64's mixing function, in place, on int64 that stand for unsigned words (products wrap around)."""
    words ^= _upper(words, 34)
    words *= _signed(FIRST)
    words ^= _upper(words, 37)
    words *= _signed(SECOND)
    words ^= _upper(words, 33)
    return words


def _upper(words: Tensor, bits: int) -> Tensor:
    """The upper bits as numbers from 0: torch shifts copies of the sign in, and the mask takes them out."""
    return (words >> (64 - bits)).bitwise_and_(2**bits - 1)


def _mix_number(number: int) -> int:
    """The same mixing, after one step of the counter, for one Python integer."""
    word = (number + GOLDEN) % WORD
    word = (word ^ word >> 30) * FIRST % WORD
    word = (word ^ word >> 27) * SECOND % WORD
    return word ^ word >> 31


def _signed(word: int) -> int:
    """The int64 with the same 64 bits."""
    return (word + WORD // 2) % WORD - WORD // 2
