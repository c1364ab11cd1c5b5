"""Raw values are cast where nothing is lost, and refused elsewhere."""

from typing import Any

import numpy as np
import pytest

from trainbook.data.exactly import exactly, exactly_each
from trainbook.faults import Fault


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0, 255], "uint8", np.array([0, 255], np.uint8)),
        ([0.0, 255.0], "uint8", np.array([0, 255], np.uint8)),
        (np.array([-128, 127], np.int64), "int8", np.array([-128, 127], np.int8)),
        ([1, 2.5], "float32", np.array([1, 2.5], np.float32)),
        ([1, None], "float32", np.array([1, np.nan], np.float32)),
        (["a", "longer"], "text", np.array(["a", "longer"])),
        (np.array(["a", "longer"], object), "text", np.array(["a", "longer"])),
        (np.zeros((0, 3)), "uint8", np.zeros((0, 3), np.uint8)),
    ],
)
def test_what_fits(values: Any, kind: str, expected: np.ndarray) -> None:
    found = exactly("x", values, kind)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([[1, 2], [3, 0.5]], "uint8", "row 1 has 0.5"),
        ([1, 256], "uint8", "row 1 has 256"),
        ([-1], "uint8", "from 0 to 255 were expected; row 0 has -1"),
        ([np.nan], "int32", "row 0 has nan"),
        ([np.inf], "int64", "row 0 has inf"),
        ([2.0**63], "int64", "row 0 has"),
        ([True, False], "uint8", "got true and false"),
        (["1"], "float32", "got text"),
        ([1, None], "uint8", "something missing"),
        ([1], "text", "text was expected"),
        ([None, "a"], "text", "text was expected"),
        ([[1], [2, 3]], "uint8", "rows of one shape"),
        ([1 + 1j], "float32", "got complex"),
    ],
)
def test_what_does_not(values: Any, kind: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        exactly("x", values, kind)


def test_rows_of_unequal_length_with_and_without_a_mask() -> None:
    plain = exactly_each("x", [[[1, 2]], [[3, None], [5, 6]]], "float32")
    assert [each.dtype for each in plain] == [np.float32] * 2
    np.testing.assert_equal([each.tolist() for each in plain], [[[1, 2]], [[3, np.nan], [5, 6]]])
    padded = np.array([[[1, 2], [9, 9]], [[3, np.nan], [5, 6]]])
    for mask in (np.array([[True, False], [True, True]]), [[1, 0], [1, 1]]):
        again = exactly_each("x", padded, "float32", mask)
        np.testing.assert_equal([each.tolist() for each in again], [each.tolist() for each in plain])
    uneven = exactly_each("x", [[1, 2, 9], [3]], "int64", [[True, True, False], [True]])
    assert [each.tolist() for each in uneven] == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("values", "mask", "said"),
    [
        ([3], None, "x, row 0: a list was expected; got 3"),
        ([[1], [[1], [2, 3]]], None, "x, row 1: rows of one shape"),
        ([[1], [0.5]], None, "x, row 1: whole numbers .*; row 0 has 0.5"),
        ([[1], [2]], [[True]], "x_mask: 2 rows were expected, as x has; got 1"),
        ([[1, 2]], [[True]], "x_mask, row 0: true or false for each of 2 values was expected"),
        ([[1, 2]], [[2, 1]], "x_mask, row 0: true or false for each of 2 values was expected"),
        ([[1, 2]], [True], "x_mask, row 0: true or false for each of 2 values"),
        ([[1, 2]], [["yes", "no"]], "x_mask, row 0: true or false for each of 2 values"),
    ],
)
def test_rows_that_do_not(values: Any, mask: Any, said: str) -> None:
    with pytest.raises(Fault, match=said):
        exactly_each("x", values, "int64", mask)
