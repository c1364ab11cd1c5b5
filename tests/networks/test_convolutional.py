"""The convolutional network against scipy's correlation and closed formulas."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from trainbook.networks.convolutional import Convolutional


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def by_hand(network: Convolutional, picture: np.ndarray, padding: str, pool: int) -> np.ndarray:
    """Logits of one picture (channels, height, width): ReLU network without batch norm."""
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            weight, bias = array(layer.weight), array(layer.bias)
            answers = [
                sum(correlate2d(plane, kernel, padding) for plane, kernel in zip(picture, kernels, strict=True))
                for kernels in weight
            ]
            picture = np.maximum(np.stack(answers) + bias[:, None, None], 0)
            depth, height, width = picture.shape
            height, width = height // pool, width // pool
            blocks = picture[:, : height * pool, : width * pool].reshape(depth, height, pool, width, pool)
            picture = blocks.max((2, 4))
    signal = picture.reshape(-1)
    layers = [layer for layer in network.classifier.modules() if isinstance(layer, nn.Linear)]
    for layer in layers:
        signal = array(layer.weight) @ signal + array(layer.bias)
        if layer is not layers[-1]:
            signal = np.maximum(signal, 0)
    return signal


@pytest.mark.parametrize(
    ("shape", "channels", "kernel", "padding", "pool"),
    [
        ([1, 16, 16], [3, 4], 3, "valid", 2),
        ([3, 13, 17], [3, 4], 3, "same", 2),
        ([2, 11, 12], [5], 4, "valid", 3),
        ([1, 8, 9], [2, 3], 3, "same", 1),
    ],
)
def test_forward_is_the_formula(shape: list[int], channels: list[int], kernel: int, padding: Any, pool: int) -> None:
    torch.manual_seed(0)
    network = Convolutional(shape, 5, channels, kernel, padding, pool, [6], bias_init="torch")
    x = torch.randn(4, *shape)
    expected = np.stack([by_hand(network, picture, padding, pool) for picture in array(x)])
    np.testing.assert_allclose(array(network(x)), expected, atol=1e-4)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_parameters_are_as_many_as_the_formula_says(batch_norm: bool) -> None:
    network = Convolutional([1, 28, 28], 10, [6, 16], 5, widths=[120, 84], batch_norm=batch_norm)
    # 28 -> 24 -> 12 -> 8 -> 4
    expected = (6 * 25 + 6) + (16 * 6 * 25 + 16) + (16 * 4 * 4 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10)
    expected += 6 + 16 + 120 + 84 if batch_norm else 0
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_kaiming_counts_a_whole_filter_as_fan_in() -> None:
    torch.manual_seed(0)
    network = Convolutional([3, 28, 28], 10, [64, 64], 5, weight_init="kaiming")
    first, second = (layer for layer in network.features if isinstance(layer, nn.Conv2d))
    assert first.weight.var().item() == pytest.approx(2 / (3 * 25), rel=0.06)
    assert second.weight.var().item() == pytest.approx(2 / (64 * 25), rel=0.03)


def test_parameters_lie_in_memory_in_plain_order() -> None:
    network = Convolutional([3, 28, 28], 10)
    assert all(parameter.is_contiguous() for parameter in network.parameters())


def test_the_order_of_the_input_in_memory_changes_nothing() -> None:
    network = Convolutional([3, 16, 16], 10, [4, 8], 3)
    x = torch.randn(5, 3, 16, 16)
    before = x.clone()
    torch.testing.assert_close(network(x), network(x.to(memory_format=torch.channels_last)))
    assert torch.equal(x, before)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_parameter_learns(batch_norm: bool) -> None:
    torch.manual_seed(0)
    network = Convolutional([1, 28, 28], 10, batch_norm=batch_norm, dropout=0.2)
    nn.functional.cross_entropy(network(torch.randn(32, 1, 28, 28)), torch.arange(32) % 10).backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_the_seed_decides_the_weights() -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(torch.cat([p.detach().flatten() for p in Convolutional([1, 28, 28], 10).parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_it_is_built_without_memory() -> None:
    with torch.device("meta"):
        network = Convolutional([1, 28, 28], 10, batch_norm=True, padding="same", weight_init="orthogonal")
        assert network(torch.empty(3, 1, 28, 28)).shape == (3, 10)
    assert all(parameter.is_meta for parameter in network.parameters())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("shape", [28, 28]),
        ("shape", [1, 0, 28]),
        ("shape", [1, 8, 8]),
        ("outputs", 0),
        ("channels", []),
        ("channels", [0]),
        ("kernel", 0),
        ("padding", "full"),
        ("pool", 0),
        ("widths", []),
        ("activation", "swish"),
        ("dropout", 1.0),
        ("weight_init", "he"),
    ],
)
def test_what_is_out_of_range_is_named(argument: str, value: object) -> None:
    arguments: dict[str, Any] = {"shape": [1, 28, 28], "outputs": 2, argument: value}
    with pytest.raises(ValueError, match=f"^{argument}: .* expected; got "):
        Convolutional(**arguments)


def test_zeros_around_the_picture_need_an_odd_kernel() -> None:
    with pytest.raises(ValueError, match="kernel: with padding=same an odd number"):
        Convolutional([1, 28, 28], 10, kernel=4, padding="same")
