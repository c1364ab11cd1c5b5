"""Added noise: its size, and that it belongs to the row."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from trainbook.batch import Batch
from trainbook.data.augmentations.draws import Draws
from trainbook.data.augmentations.noise import Noise


def test_noise_is_normal_and_of_the_asked_size() -> None:
    batch = Batch({"x": torch.full((400, 5, 20), 3.0)}, {}, torch.arange(400))
    noise = (Noise(0.25)(batch, Draws(0, 0)).inputs["x"] - 3).numpy().astype(np.float64).ravel()
    assert noise.std() == pytest.approx(0.25, rel=0.02)
    assert stats.kstest(noise / 0.25, "norm").pvalue > 0.001
    assert (batch.inputs["x"] == 3).all()


def test_half_a_batch_gets_what_the_whole_would() -> None:
    x, rows = torch.randn(64, 7), torch.randperm(64)
    whole = Noise(0.1)(Batch({"x": x}, {}, rows), Draws(3, 4)).inputs["x"]
    parts = [Noise(0.1)(Batch({"x": x[i : i + 32]}, {}, rows[i : i + 32]), Draws(3, 4)).inputs["x"] for i in (0, 32)]
    assert torch.equal(torch.cat(parts), whole)


def test_no_noise_is_the_same_batch() -> None:
    batch = Batch({"x": torch.randn(3, 4)}, {}, torch.arange(3))
    assert Noise(0.0)(batch, Draws(0, 0)) is batch


@pytest.mark.parametrize("std", [-0.1, math.inf, math.nan])
def test_the_size_is_a_number_from_0(std: float) -> None:
    with pytest.raises(ValueError, match=r"^std: a number of 0 or more was expected; got "):
        Noise(std)


def test_only_floats_take_noise() -> None:
    with pytest.raises(ValueError, match=r"got torch\.int64"):
        Noise(0.1)(Batch({"x": torch.zeros(3, dtype=torch.int64)}, {}, torch.arange(3)), Draws(0, 0))
    with pytest.raises(ValueError, match="got no x"):
        Noise(0.1)(Batch({}, {}, torch.arange(3)), Draws(0, 0))
