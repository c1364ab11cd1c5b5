"""Losses of a block, gathered into the means of an epoch."""

import pytest
import torch

from trainbook.tasks.means import Means


def test_a_loss_that_comes_with_some_batches_only_is_averaged_over_those() -> None:
    means = Means()
    means.begin()
    for weight, losses in ((2, {"loss": 1.0}), (4, {"loss": 4.0, "extra": 3.0}), (1, {"loss": 7.0, "extra": 8.0})):
        means.note({**{name: torch.tensor(value) for name, value in losses.items()}, "weight": weight}, counts=True)
    assert means.look() is None
    assert means.read(False, torch.device("cpu")) == pytest.approx({"loss": (2 + 16 + 7) / 7, "extra": (12 + 8) / 5})


def test_the_batch_of_a_loss_that_is_not_finite_is_named() -> None:
    means = Means()
    means.begin()
    for losses in ({"loss": 1.0}, {"loss": 1.0, "extra": float("inf")}):
        means.note({**{name: torch.tensor(value) for name, value in losses.items()}, "weight": 1}, counts=True)
    assert means.look() == ("extra", 1, float("inf"))
