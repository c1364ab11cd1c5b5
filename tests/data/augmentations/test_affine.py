"""Moved pictures against quarter turns, rolled pixels, and scipy's own affine transform."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from trainbook.batch import Batch
from trainbook.data.augmentations.affine import Affine
from trainbook.data.augmentations.draws import Draws

BACKGROUND = -0.4242


class Fixed(Draws):
    """Gives the numbers it was given, so that a test decides where a picture goes: -1 to 1 of each bound."""

    def __init__(self, turn: float = 0, right: float = 0, down: float = 0, size: float = 0, slant: float = 0) -> None:
        super().__init__(0, 0)
        self.amounts = [turn, right, down, size, slant]

    def uniform(self, row: torch.Tensor, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        assert (shape, low, high) == ((5,), -1.0, 1.0)
        return torch.tensor(self.amounts, dtype=torch.float32).repeat(len(row), 1)


def pictures(*shape: int) -> Batch:
    """Pictures of ink on background."""
    ink = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return Batch({"x": BACKGROUND + ink}, {"y": torch.arange(shape[0])}, torch.arange(shape[0]) * 7)


@pytest.mark.parametrize(("turn", "quarters"), [(1, -1), (-1, 1)])
@pytest.mark.parametrize("side", [8, 9, 28])
def test_90_degrees_are_a_quarter_turn(turn: float, quarters: int, side: int) -> None:
    batch = pictures(3, 2, side, side)
    moved = Affine(BACKGROUND, rotation=90)(batch, Fixed(turn=turn)).inputs["x"]
    torch.testing.assert_close(moved, torch.rot90(batch.inputs["x"], quarters, (2, 3)), atol=2e-5, rtol=0)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-4, 1)])
def test_whole_pixels_are_a_roll_with_background(right: int, down: int) -> None:
    batch = pictures(2, 1, 10, 16)
    moved = Affine(BACKGROUND, shift=0.5)(batch, Fixed(right=right / 8, down=down / 5)).inputs["x"]
    expected = batch.inputs["x"].roll((down, right), (2, 3))
    expected[:, :, :, (slice(0, right) if right >= 0 else slice(right, None))] = BACKGROUND
    expected[:, :, (slice(0, down) if down >= 0 else slice(down, None))] = BACKGROUND
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("height", [20, 31])
@pytest.mark.parametrize("amounts", [(0.3, 0, 0, 0, 0), (0, 0, 0, 0.5, 0), (0, 0, 0, 0, 1), (-1, 0.4, -0.7, -0.8, 0.6)])
def test_all_at_once_is_scipys_affine_transform(amounts: tuple[float, ...], height: int) -> None:
    batch = pictures(1, 1, height, 24)
    moved = Affine(BACKGROUND, rotation=30, shift=0.1, scale=0.2, shear=20)(batch, Fixed(*amounts)).inputs["x"]
    turn, slant = math.radians(30) * amounts[0], math.radians(20) * amounts[4]
    # Coordinates (down, right) from the centre; a positive turn carries what lies to the right downwards.
    slanting = np.array([[1, 0], [math.tan(slant), 1]])
    turning = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    back = np.linalg.inv(turning @ slanting * (1 + 0.2 * amounts[3]))
    centre = np.array([(height - 1) / 2, 23 / 2])
    move = np.array([0.1 * amounts[2] * height, 0.1 * amounts[1] * 24])
    ink = batch.inputs["x"][0, 0].numpy().astype(np.float64)
    expected = ndimage.affine_transform(
        ink, back, centre - back @ (centre + move), order=1, mode="grid-constant", cval=BACKGROUND
    )
    np.testing.assert_allclose(moved[0, 0].numpy(), expected, atol=2e-5)


def test_no_amount_is_the_same_picture() -> None:
    batch = pictures(4, 3, 28, 28)
    assert Affine(BACKGROUND)(batch, Draws(0, 0)) is batch
    moved = Affine(BACKGROUND, 30, 0.2, 0.2, 20)(batch, Fixed()).inputs["x"]
    torch.testing.assert_close(moved, batch.inputs["x"], atol=2e-6, rtol=0)


def test_what_comes_in_is_exactly_the_background() -> None:
    batch = pictures(3, 2, 12, 12)
    moved = Affine([BACKGROUND, 1.5], rotation=45)(batch, Fixed(turn=1)).inputs["x"]
    for corner in (moved[:, :, 0, 0], moved[:, :, 0, -1], moved[:, :, -1, 0], moved[:, :, -1, -1]):
        assert torch.equal(corner, torch.tensor([BACKGROUND, 1.5]).repeat(3, 1))


def test_a_blank_picture_stays_blank() -> None:
    batch = pictures(5, 1, 28, 28)
    batch.inputs["x"].fill_(BACKGROUND)
    assert (Affine(BACKGROUND, 20, 0.2, 0.2, 20)(batch, Draws(0, 0)).inputs["x"] == torch.tensor(BACKGROUND)).all()


def test_moves_fill_their_bounds_and_no_more() -> None:
    batch = pictures(2000, 1, 21, 21)
    batch.inputs["x"].fill_(0)
    batch.inputs["x"][:, :, 10, 10] = 1
    moved = Affine(0.0, shift=0.2)(batch, Draws(0, 0)).inputs["x"][:, 0]
    torch.testing.assert_close(moved.sum((1, 2)), torch.ones(2000), atol=1e-4, rtol=0)
    places = torch.arange(21.0) - 10
    for axis in (1, 2):
        moves = (moved.sum(3 - axis) * places).sum(1) / 21
        assert moves.abs().max() <= 0.2 + 1e-5
        assert moves.min() < -0.19
        assert moves.max() > 0.19
        assert abs(moves.mean()) < 4 * 0.2 / math.sqrt(3 * 2000)


def test_half_a_batch_is_moved_as_in_the_whole() -> None:
    batch = pictures(64, 1, 28, 28)
    affine = Affine(BACKGROUND, 15, 0.1, 0.1, 10)
    whole = affine(batch, Draws(1, 2)).inputs["x"]
    for half in (slice(0, 32), slice(32, 64), slice(5, 12)):
        part = Batch({"x": batch.inputs["x"][half]}, {}, batch.row[half])
        torch.testing.assert_close(affine(part, Draws(1, 2)).inputs["x"], whole[half], atol=1e-6, rtol=0)
    assert not torch.equal(affine(batch, Draws(1, 3)).inputs["x"], whole)


def test_all_else_is_left_alone() -> None:
    batch = pictures(4, 1, 8, 8)
    batch.inputs["size"] = torch.ones(4)
    before = batch.inputs["x"].clone()
    moved = Affine(BACKGROUND, rotation=90)(batch, Draws(0, 0))
    assert moved.inputs["size"] is batch.inputs["size"]
    assert moved.targets is batch.targets
    assert moved.row is batch.row
    assert torch.equal(batch.inputs["x"], before)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("rotation", -1),
        ("rotation", 181),
        ("shift", -0.1),
        ("shift", 3),
        ("scale", -0.1),
        ("scale", 1),
        ("shear", -1),
        ("shear", 90),
        ("rotation", math.nan),
    ],
)
def test_what_is_out_of_range_is_named(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{argument}: .* expected; got "):
        Affine(0.0, **{argument: value})


def test_only_pictures_are_moved() -> None:
    rows = torch.arange(3)
    with pytest.raises(ValueError, match=r"got shape \(3, 4\)"):
        Affine(0.0, rotation=10)(Batch({"x": torch.zeros(3, 4)}, {}, rows), Draws(0, 0))
    with pytest.raises(ValueError, match="got no x"):
        Affine(0.0, rotation=10)(Batch({}, {}, rows), Draws(0, 0))
    with pytest.raises(ValueError, match="background: 1 numbers"):
        Affine([0.0, 0.0], rotation=10)(pictures(3, 1, 8, 8), Draws(0, 0))
