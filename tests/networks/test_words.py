"""Words begin with vectors of length 1, and only in training some of them are hidden behind the unknown one."""

import numpy as np
import pytest
import torch
from torch import nn

from trainbook.networks.recurrent import Recurrent
from trainbook.networks.text_convolutional import TextConvolutional
from trainbook.networks.transformer import Transformer
from trainbook.networks.words import UNKNOWN, Words


@pytest.mark.parametrize("width", [8, 128])
def test_vectors_begin_with_a_length_of_about_one(width: int) -> None:
    torch.manual_seed(0)
    assert Words(2000, width, 0.0).weight.norm(dim=1).square().mean().item() == pytest.approx(1, abs=0.05)


def test_so_many_words_are_hidden_and_only_in_training() -> None:
    torch.manual_seed(0)
    words = Words(50, 4, 0.3)
    ids = torch.randint(2, 50, (200, 30))
    told = words(ids)
    hidden = (told == words.weight[UNKNOWN]).all(2)
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(told[~hidden], nn.functional.embedding(ids, words.weight)[~hidden])
    assert torch.equal(words.eval()(ids), nn.functional.embedding(ids, words.weight))
    told.sum().backward()
    assert words.weight.grad is not None
    assert words.weight.grad[UNKNOWN].norm() > 0


@pytest.mark.parametrize("kind", [Recurrent, TextConvolutional, Transformer])
def test_networks_hide_words_while_training(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    shape = {} if kind is TextConvolutional else {"x_shape": []}
    network = kind(outputs=1, x_vocabulary=9, dropout=0.0, words_dropout=0.5, **shape)
    x, mask = torch.randint(2, 9, (3, 7)), torch.ones(3, 7, dtype=torch.bool)
    assert not torch.allclose(network(x, mask), network(x, mask))
    network.eval()
    assert torch.equal(network(x, mask), network(x, mask))
    with pytest.raises(ValueError, match="words_dropout: a share from 0 to below 1"):
        kind(outputs=1, x_vocabulary=9, words_dropout=1.0, **shape)


def test_positions_and_words_are_of_one_size() -> None:
    """As in the paper, where a word's vector is made longer by the root of the width, and positions have numbers up to 1."""
    torch.manual_seed(0)
    network = Transformer(1, [], 500, width=64, dropout=0.0)
    x = torch.randint(2, 500, (40, 60))
    steps = network._placed(network.entrance(x, None, None)[0])
    words = network.entrance(x, None, None)[0]
    ratio = np.sqrt((steps - words).square().mean().item() / words.square().mean().item())
    assert ratio == pytest.approx(np.sqrt(0.5), abs=0.05), "sines and cosines have a mean square of a half, words then of one"
