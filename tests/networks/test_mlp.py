"""The multilayer perceptron against numpy and the formulas of its initialisations."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from trainbook.networks.activation import gain
from trainbook.networks.mlp import Mlp

FUNCTIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "gelu": lambda z: z * 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2))),
}


def dense(network: nn.Module) -> list[nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_forward_is_the_formula(activation: Any) -> None:
    torch.manual_seed(0)
    network = Mlp([2, 3], 4, [5, 6], activation, bias_init="torch")
    x = torch.randn(7, 2, 3)
    signal = x.numpy().astype(np.float64).reshape(7, 6)
    for number, layer in enumerate(dense(network)):
        weight, bias = (tensor.detach().numpy().astype(np.float64) for tensor in (layer.weight, layer.bias))
        signal = signal @ weight.T + bias
        if number < 2:
            signal = FUNCTIONS[activation](signal)
    np.testing.assert_allclose(network(x).detach().numpy(), signal, atol=1e-5)


@pytest.mark.parametrize("widths", [(128, 64), (10,), (3, 4, 5, 6)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_parameters_are_as_many_as_the_formula_says(widths: tuple[int, ...], batch_norm: bool) -> None:
    network = Mlp([1, 28, 28], 10, widths, batch_norm=batch_norm)
    sizes = [784, *widths, 10]
    expected = sum(before * after + after for before, after in pairwise(sizes))
    # Batch norm brings a scale and a shift for each unit; the shift takes the bias's place.
    expected += sum(widths) if batch_norm else 0
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_the_reference_network_has_109386_parameters() -> None:
    assert sum(parameter.numel() for parameter in Mlp([1, 28, 28], 10).parameters()) == 109_386


def test_batch_norm_centres_and_scales_each_hidden_unit_in_training() -> None:
    network = Mlp([20], 3, [8], "tanh", batch_norm=True)
    x = torch.randn(64, 20)
    hidden = (x @ dense(network)[0].weight.T).detach().double()
    normal = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + 1e-5).sqrt()
    expected = normal.tanh().float() @ dense(network)[1].weight.T
    torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)


def test_dropout_silences_its_share_in_training_only() -> None:
    torch.manual_seed(0)
    network = Mlp([4], 1, [20_000], "sigmoid", dropout=0.3)
    x = torch.zeros(1, 4)
    dropped = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
    assert len(dropped) == 1
    seen: list[torch.Tensor] = []
    dropped[0].register_forward_hook(lambda _module, _given, answer: seen.append(answer))
    network(x)
    assert (seen[-1] == 0).float().mean().item() == pytest.approx(0.3, abs=0.015)
    network.eval()
    network(x)
    assert (seen[-1] == 0.5).all()


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_kaiming_has_the_variance_of_its_formula(activation: Any) -> None:
    torch.manual_seed(0)
    first, output = dense(Mlp([500], 400, [600], activation, weight_init="kaiming"))
    factors = {"relu": 2, "leaky_relu": 2 / 1.0001, "tanh": 25 / 9, "sigmoid": 1, "gelu": 1.533530**2}
    assert first.weight.var().item() == pytest.approx(factors[activation] / 500, rel=0.02)
    assert output.weight.var().item() == pytest.approx(1 / 600, rel=0.02)
    assert (first.weight.abs() > 3 * first.weight.std()).float().mean() == pytest.approx(0.0027, abs=0.0006)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu"])
def test_the_gain_keeps_the_second_moment(activation: Any) -> None:
    z = np.linspace(-12, 12, 200_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    moment = np.trapezoid(FUNCTIONS[activation](z) ** 2 * density, z)
    assert gain(activation) ** 2 * moment == pytest.approx(1, abs=1e-6)


def test_xavier_has_the_bound_and_the_variance_of_its_formula() -> None:
    torch.manual_seed(0)
    first, output = dense(Mlp([500], 400, [600], weight_init="xavier"))
    for layer, fans in ((first, 1100), (output, 1000)):
        bound = math.sqrt(6 / fans)
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
        assert layer.weight.abs().max().item() <= bound
        assert layer.weight.var().item() == pytest.approx(2 / fans, rel=0.02)


def test_orthogonal_weights_are_orthogonal() -> None:
    first, output = dense(Mlp([50], 10, [30], "relu", weight_init="orthogonal"))
    torch.testing.assert_close(first.weight @ first.weight.T, 2 * torch.eye(30), atol=1e-5, rtol=0)
    torch.testing.assert_close(output.weight @ output.weight.T, torch.eye(10), atol=1e-5, rtol=0)


def test_normal_zeros_and_constant() -> None:
    torch.manual_seed(0)
    for layer in dense(Mlp([500], 400, [600], weight_init="normal", weight_std=0.2)):
        assert layer.weight.std().item() == pytest.approx(0.2, rel=0.02)
    for layer in dense(Mlp([5], 4, [6], weight_init="zeros", bias_init="constant", bias_value=0.7)):
        assert (layer.weight == 0).all()
        assert (layer.bias == 0.7).all()
    for layer in dense(Mlp([5], 4, [6], bias_init="zeros")):
        assert (layer.bias == 0).all()


def test_torch_means_the_layers_as_torch_leaves_them() -> None:
    torch.manual_seed(3)
    expected = [nn.Linear(5, 6), nn.Linear(6, 4)]
    torch.manual_seed(3)
    for layer, other in zip(dense(Mlp([5], 4, [6], weight_init="torch", bias_init="torch")), expected, strict=True):
        assert torch.equal(layer.weight, other.weight)
        assert torch.equal(layer.bias, other.bias)


@pytest.mark.parametrize("weight_init", ["torch", "kaiming", "xavier", "orthogonal", "normal"])
def test_the_seed_decides_the_weights(weight_init: Any) -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(dense(Mlp([5], 4, [6], weight_init=weight_init))[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("weight_init", ["torch", "kaiming", "xavier", "orthogonal", "normal", "zeros"])
def test_it_is_built_without_memory(weight_init: Any) -> None:
    with torch.device("meta"):
        network = Mlp([1, 28, 28], 10, dropout=0.1, batch_norm=True, weight_init=weight_init, bias_init="constant")
        assert network(torch.empty(3, 1, 28, 28)).shape == (3, 10)
    assert all(parameter.is_meta for parameter in network.parameters())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("shape", []),
        ("shape", [0]),
        ("outputs", 0),
        ("widths", []),
        ("widths", [8, -1]),
        ("activation", "swish"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", math.nan),
        ("weight_init", "he"),
        ("weight_std", 0.0),
        ("weight_std", math.nan),
        ("bias_init", "ones"),
    ],
)
def test_what_is_out_of_range_is_named(argument: str, value: object) -> None:
    arguments: dict[str, Any] = {"shape": [4], "outputs": 2, argument: value}
    with pytest.raises(ValueError, match=f"^{argument}: .* expected; got "):
        Mlp(**arguments)
