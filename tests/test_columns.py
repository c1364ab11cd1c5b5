"""Columns of any length, and what comes from outside as such."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainbook.columns import Columns
from trainbook.data.exactly import exactly_each

LENGTHS = st.lists(st.integers(0, 5), max_size=6)


def made_up(lengths: list[int]) -> list[np.ndarray]:
    draw = np.random.default_rng(sum(lengths))
    return [draw.normal(size=(length, 2)).astype(np.float32) for length in lengths]


@given(LENGTHS, st.randoms())
def test_rows_of_any_length_come_back_as_they_were_put_in(lengths: list[int], random: st.DataObject) -> None:
    rows = made_up(lengths)
    table = Columns({"n": np.arange(len(rows))}).ragged("x", rows, like=np.empty((0, 2), np.float32))
    assert table.rows == len(rows)
    for given_row, found in zip(rows, table.entries("x"), strict=True):
        np.testing.assert_array_equal(given_row, found)
    order = np.array([random.randrange(len(rows)) for _ in rows], np.int64)  # type: ignore[attr-defined]
    for at, found in zip(order, table.take(order).entries("x"), strict=True):
        np.testing.assert_array_equal(rows[at], found)
    assert table.entries("n") is table["n"]


def test_many_free_texts_are_picked_as_they_are() -> None:
    texts = np.array([f"text number {at}, " * (at % 3) for at in range(100_000)], object)
    some = Columns({"x": texts}).take(np.arange(100_000) % 7 == 0)["x"]
    assert some.tolist() == texts.tolist()[::7]


@given(LENGTHS.filter(bool))
def test_lists_and_padded_arrays_are_the_same_rows(lengths: list[int]) -> None:
    rows = made_up(lengths)
    mask = np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]
    padded = np.full((*mask.shape, 2), np.nan, np.float32)
    padded[mask] = np.concatenate(rows)
    listed = exactly_each("x", [row.tolist() if len(row) else np.empty((0, 2), np.float32) for row in rows], "float32")
    for one, other, row in zip(listed, exactly_each("x", padded, "float32", mask), rows, strict=True):
        np.testing.assert_array_equal(one, row)
        np.testing.assert_array_equal(other, row)
