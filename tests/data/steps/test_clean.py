"""Rows that teach nothing are found by their contents, be they arrays, texts or sequences of unequal length."""

from typing import Any

import numpy as np
import pytest

from trainbook.columns import Columns
from trainbook.data.steps.clean import Clean


def kept(columns: Columns, **how: Any) -> list[int]:
    mask = Clean(list(columns), **how).keep(columns)
    assert mask is not None
    return np.flatnonzero(mask).tolist()


def by_hand(rows: list[Any]) -> list[int]:
    """A loop that remembers what it has seen."""
    seen: set[Any] = set()
    found = []
    for at, row in enumerate(rows):
        if row not in seen:
            found.append(at)
        seen.add(row)
    return found


def copied(text: str) -> str:
    """An equal text that is another object."""
    return "".join(list(text))


def test_texts_that_are_equal_are_found_whatever_objects_they_are() -> None:
    draw = np.random.default_rng(0)
    texts = [copied(draw.choice(["tea", "teä", "te", "a", "tea ", "Tea", "cup"])) * int(draw.integers(1, 4)) for _ in range(200)]
    assert kept(Columns({"x": np.array(texts, object)})) == by_hand(texts)


def test_blank_texts_are_white_space_alone() -> None:
    texts = np.array(["a", "", "aaa", " \n", "\t", "a"], object)
    assert kept(Columns({"x": texts})) == [0, 2]
    assert kept(Columns({"x": texts}), duplicates=False) == [0, 2, 5]
    assert kept(Columns({"x": texts}), blank=False) == [0, 1, 2, 3, 4]


def test_sequences_of_unequal_length_are_equal_only_as_a_whole() -> None:
    rows = [[1, 2], [1], [2], [1, 2], [1, 2, 0], [], [2], [3, 3]]
    ragged = Columns({}).ragged("x", [np.array(row, np.float32) for row in rows], np.empty(0, np.float32))
    assert kept(ragged, blank=False) == by_hand([tuple(row) for row in rows]) == [0, 1, 2, 4, 5, 7]
    assert kept(ragged, duplicates=False) == [0, 3, 4], "one value says nothing, nor does one that never changes"


def test_sequences_with_channels() -> None:
    draw = np.random.default_rng(0)
    rows = [draw.integers(0, 2, (int(draw.integers(1, 3)), 2)).astype(np.float32) for _ in range(60)]
    ragged = Columns({}).ragged("x", rows, np.empty((0, 2), np.float32))
    assert kept(ragged, blank=False) == by_hand([tuple(row.ravel()) for row in rows])


def test_columns_count_together() -> None:
    texts, more = ["ab", "a", "ab", "ab"], ["c", "bc", "c", "d"]
    columns = Columns({"one": np.array(texts, object), "two": np.array(more, object), "label": np.array([0, 0, 0, 0])})
    assert kept(columns, blank=False) == [0, 1, 3], "ab, c is not a, bc"
    columns = columns.replace(label=np.array([0, 0, 1, 0]))
    assert kept(columns, blank=False) == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_arrays_of_numbers_and_words_as_before(shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    numbers = draw.integers(0, 2, (100, *shape)).astype(np.float32)
    assert kept(Columns({"x": numbers}), blank=False) == by_hand([row.tobytes() for row in numbers])
    words = draw.choice(["a", "b", "cc"], (100, *shape))
    assert kept(Columns({"x": words}), blank=False) == by_hand([row.tobytes() for row in words])
