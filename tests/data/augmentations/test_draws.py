"""The numbers that belong to a row: their distribution, their independence, and who decides them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from trainbook.data.augmentations.draws import Draws, _mix, _mix_number, _signed

ROWS = torch.arange(20_000)


def uniform(seed: int = 0, epoch: int = 0, calls: int = 1, count: int = 5) -> np.ndarray:
    draws = Draws(seed, epoch)
    for _ in range(calls):
        numbers = draws.uniform(ROWS, count)
    return numbers.numpy().astype(np.float64)


def test_mixing_is_splitmix64() -> None:
    # The first outputs of the published generator from the state 1234567.
    state, golden = 1234567, 0x9E3779B97F4A7C15
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [_mix_number(state + number * golden) for number in range(4)] == published


def test_mixing_tensors_equals_mixing_integers() -> None:
    golden = 0x9E3779B97F4A7C15
    words = [0, 1, 2**63 - 1, 2**63, 2**64 - 1, *np.random.default_rng(0).integers(0, 2**63, 100).tolist()]
    steps = torch.tensor([_signed((word + golden) % 2**64) for word in words])
    assert _mix(steps).tolist() == [_signed(_mix_number(word)) for word in words]


def test_uniform_numbers_are_uniform() -> None:
    numbers = uniform()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.001
    for column in numbers.T:
        assert stats.kstest(column, "uniform").pvalue > 0.001
    bits = (numbers[:, 0] * 2**24).astype(np.int64)[:, None] >> np.arange(24) & 1
    assert np.abs(bits.mean(0) - 0.5).max() < 4 * 0.5 / np.sqrt(len(bits))


def test_normal_numbers_are_normal() -> None:
    numbers = Draws(1, 2).normal(ROWS, 2, 3)
    assert numbers.shape == (20_000, 2, 3)
    assert numbers.dtype == torch.float32
    flat = numbers.numpy().astype(np.float64).ravel()
    assert np.isfinite(flat).all()
    assert stats.kstest(flat, "norm").pvalue > 0.001
    assert flat.mean() == pytest.approx(0, abs=4 / np.sqrt(flat.size))
    assert flat.var() == pytest.approx(1, abs=4 * np.sqrt(2 / flat.size))
    assert (flat**4).mean() == pytest.approx(3, abs=4 * np.sqrt(96 / flat.size))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (uniform()[:-1], uniform()[1:]),
        (uniform()[:-64], uniform()[64:]),
        (uniform()[:, :-1], uniform()[:, 1:]),
        (uniform(), uniform(calls=2)),
        (uniform(calls=2), uniform(calls=3)),
        (uniform(), uniform(epoch=1)),
        (uniform(epoch=1), uniform(epoch=2)),
        (uniform(), uniform(seed=1)),
        (uniform(seed=1, epoch=0), uniform(seed=0, epoch=1)),
        (uniform(seed=-1), uniform(seed=1)),
        (uniform(calls=2), uniform(epoch=1)),
    ],
    ids=[
        "rows",
        "rows-64",
        "positions",
        "calls",
        "calls-2-3",
        "epochs",
        "epochs-1-2",
        "seeds",
        "seed-epoch",
        "sign",
        "call-epoch",
    ],
)
def test_neighbours_have_nothing_to_do_with_each_other(one: np.ndarray, other: np.ndarray) -> None:
    one, other = one.ravel(), other.ravel()
    assert (one == other).mean() < 1e-3
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(one.size)
    table = np.histogram2d(one, other, bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(table.ravel()).pvalue > 0.0005


@pytest.mark.parametrize("draw", [lambda d, r: d.uniform(r, 5, low=-1, high=3), lambda d, r: d.normal(r, 7, 9)])
def test_a_row_gets_the_same_numbers_in_any_company(draw: Callable[[Draws, torch.Tensor], torch.Tensor]) -> None:
    rows = torch.randperm(60_000, generator=torch.Generator().manual_seed(0))[:64]
    whole = draw(Draws(5, 6), rows)
    for size in (1, 3, 7, 32, 33):
        parts = [draw(Draws(5, 6), part) for part in rows.split(size)]
        assert torch.equal(torch.cat(parts), whole)
    order = torch.randperm(64)
    assert torch.equal(draw(Draws(5, 6), rows[order]), whole[order])
    assert torch.equal(draw(Draws(5, 6), rows), whole)


def test_the_later_call_does_not_depend_on_the_size_of_the_earlier() -> None:
    one, other = Draws(0, 0), Draws(0, 0)
    one.uniform(ROWS, 3)
    other.normal(ROWS, 100)
    assert torch.equal(one.uniform(ROWS, 4), other.uniform(ROWS, 4))


def test_shape_and_range() -> None:
    rows = torch.tensor([4, -1, 2**40])
    numbers = Draws(0, 0).uniform(rows, 2, 500, low=-3.0, high=-1.0)
    assert numbers.shape == (3, 2, 500)
    assert numbers.dtype == torch.float32
    assert -3 <= numbers.min() < -2.99
    assert -1.01 < numbers.max() <= -1
    assert Draws(0, 0).uniform(rows).shape == (3,)
    assert Draws(0, 0).uniform(rows[:0], 4).shape == (0, 4)
    assert torch.equal(rows, torch.tensor([4, -1, 2**40]))


@pytest.mark.parametrize("rows", [torch.zeros(3), torch.zeros(3, 1, dtype=torch.int64), torch.zeros(3, dtype=torch.int32)])
def test_rows_are_int64(rows: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"^row: int64 of shape \(n,\) was expected; got "):
        Draws(0, 0).uniform(rows)
