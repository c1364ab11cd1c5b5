"""Rows of numbers and categories become outputs, by either or both."""

from typing import Any

import pytest
import torch

from trainbook.networks.mlp import Mlp
from trainbook.networks.tabular import Tabular


def test_each_category_has_a_vector_of_its_own() -> None:
    network = Tabular(3, [4], [7, 2, 90], widths=[5])
    assert [tuple(each.weight.shape) for each in network.embeddings] == [(7, 4), (2, 1), (90, 32)]
    assert all((each.weight[0] == 0).all() and each.weight[1:].any() for each in network.embeddings), "unseen says nothing"
    numbers, categories = torch.randn(6, 4), torch.tensor([[6, 1, 89]] * 6)
    out = network(numbers, categories)
    assert out.shape == (6, 3)
    vectors = torch.cat([each.weight[at] for each, at in zip(network.embeddings, (6, 1, 89), strict=True)])
    torch.testing.assert_close(out, network.layers(torch.cat([numbers, vectors.expand(6, -1)], 1)))
    out.sum().backward()
    assert all(each.grad is not None for each in network.parameters())


def test_numbers_alone_are_an_mlp() -> None:
    torch.manual_seed(1)
    table = Tabular(3, [4], widths=[5])
    torch.manual_seed(1)
    plain = Mlp([4], 3, widths=[5])
    numbers = torch.randn(6, 4)
    torch.testing.assert_close(table(numbers=numbers), plain(numbers))
    assert Tabular(3, categories_sizes=[7, 2], widths=[5])(categories=torch.tensor([[6, 1]])).shape == (1, 3)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "at least one number or category"),
        ({"numbers_shape": [3, 4]}, "rows of numbers"),
        ({"numbers_shape": [3], "embedding": 0}, "embedding"),
    ],
)
def test_what_cannot_be_is_refused(how: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tabular(3, **how)
