"""Networks for sequences: padding says nothing, the past does not know the future, and the arithmetic is that of the papers."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainbook.networks.attention import Attention
from trainbook.networks.recurrent import Recurrent
from trainbook.networks.summary import Summary
from trainbook.networks.temporal import Temporal
from trainbook.networks.text_convolutional import TextConvolutional
from trainbook.networks.transformer import Transformer, positions

CHANNELS, OUTPUTS, WORDS = 3, 2, 11
LENGTHS = torch.tensor([6, 3, 1, 0])
POOLINGS = ("last", "mean", "max", "attention")
Make = Callable[..., nn.Module]


def recurrent(**how: Any) -> Make:
    return lambda **given: Recurrent(OUTPUTS, embedding=4, width=5, **how, **given)


MAKERS: dict[str, Make] = {
    f"{cell} {pooling} {'both ways' if both else ''}": recurrent(cell=cell, pooling=pooling, bidirectional=both, layers=2)
    for cell, pooling, both in product(("rnn", "gru", "lstm"), POOLINGS, (False, True))
}
MAKERS |= {
    f"temporal {each}": lambda each=each, **given: Temporal(OUTPUTS, width=4, blocks=2, pooling=each, **given)
    for each in POOLINGS
}
MAKERS |= {
    f"transformer {each}": lambda each=each, **given: Transformer(OUTPUTS, width=4, heads=2, pooling=each, dropout=0.2, **given)
    for each in POOLINGS
}
KINDS = {
    "numbers": ({"x_shape": [CHANNELS]}, lambda *shape: torch.randn(*shape, CHANNELS)),
    "words": ({"x_shape": [], "x_vocabulary": WORDS}, lambda *shape: torch.randint(0, WORDS, shape)),
}


def made(name: str, kind: str = "numbers") -> nn.Module:
    torch.manual_seed(0)
    return MAKERS[name](**KINDS[kind][0]).eval()


def mask(length: int, lengths: Tensor = LENGTHS) -> Tensor:
    return torch.arange(length) < lengths.unsqueeze(1)


def longer(x: Tensor, by: int, fill: Any) -> Tensor:
    """The same sequences with more padding; ``fill`` makes what stands there, also where there was padding before."""
    padded = fill(len(x), x.shape[1] + by)
    real = mask(padded.shape[1])
    padded[real] = x[mask(x.shape[1])]
    return padded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_padding_says_nothing(name: str, kind: str) -> None:
    """Neither more of it nor what stands there, and a sequence alone gets the answer that it gets among others."""
    network, draw = made(name, kind), KINDS[kind][1]
    x = draw(4, 6)
    plain = network(x, mask(6))
    assert plain.shape == (4, OUTPUTS)
    garbage = draw if kind == "words" else lambda *shape: torch.full((*shape, CHANNELS), torch.nan)
    for fill, by in product((garbage, lambda *shape: 0 * draw(*shape)), (0, 5)):
        torch.testing.assert_close(network(longer(x, by, fill), mask(6 + by)), plain, atol=1e-6, rtol=0)
    for row, length in enumerate(LENGTHS[:3]):
        torch.testing.assert_close(network(x[row : row + 1, :length])[0], plain[row], atol=1e-6, rtol=0)
    torch.testing.assert_close(plain[3], network.summary.output.bias, msg="a sequence without a step has no vector of its own")


@pytest.mark.parametrize("name", ["lstm last both ways", "gru mean ", "temporal max", "transformer mean"])
def test_the_order_of_rows_and_steps(name: str) -> None:
    network, x = made(name), torch.randn(4, 6, CHANNELS)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(network(x[order], mask(6)[order]), network(x, mask(6))[order], atol=1e-6, rtol=0)
    assert (network(x.flip(1))[0] - network(x)[0]).abs().max() > 1e-4, "steps have an order"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_one_gradient_reaches_every_part(name: str, kind: str) -> None:
    network = made(name, kind)
    network(KINDS[kind][1](4, 6), mask(6)).square().sum().backward()
    for part, parameter in network.named_parameters():
        idle = part == "summary.score.2.bias"  # the same for all steps, so that it chooses none
        assert parameter.grad is not None, part
        assert parameter.grad.isfinite().all(), part
        assert idle or parameter.grad.abs().max() > 0, part


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_summary_is_its_formula(pooling: Any) -> None:
    torch.manual_seed(0)
    summary, steps = Summary(4, OUTPUTS, pooling, 0.0, 2), torch.randn(3, 5, 4)
    pooled = summary.pooled(steps, mask(5, torch.tensor([5, 2, 1])))
    for row, length in enumerate((5, 2, 1)):
        real = steps[row, :length]
        scores = [summary.score(step) for step in real] if summary.score else []
        expected = {
            "last": torch.cat([real[-1, :2], real[0, 2:]]),
            "mean": sum(real) / length,
            "max": torch.stack([max(column) for column in real.T]),
            "attention": sum(each.exp() * step for each, step in zip(scores, real, strict=False))
            / max(sum(each.exp() for each in scores), 1e-9),
        }[pooling]
        torch.testing.assert_close(pooled[row], expected)


def test_weights_of_attention_are_shared_out_among_real_steps() -> None:
    summary, steps = Summary(4, OUTPUTS, "attention", 0.0), torch.randn(4, 6, 4)
    weights = summary.weights(steps, mask(6))
    torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 1, 1, 0]))
    assert (weights[~mask(6)] == 0).all()
    with pytest.raises(ValueError, match="attention was expected; got mean"):
        Summary(4, OUTPUTS, "mean", 0.0).weights(steps, mask(6))


def gates(layer: nn.Module, cell: str, x: Tensor) -> Tensor:
    """The last state after one sequence (steps, channels), gate by gate; Hochreiter and Schmidhuber 1997, Cho et al. 2014."""
    state = memory = torch.zeros(layer.hidden_size)
    for step in x:
        a, b = step @ layer.weight_ih_l0.T + layer.bias_ih_l0, state @ layer.weight_hh_l0.T + layer.bias_hh_l0
        if cell == "rnn":
            state = (a + b).tanh()
        elif cell == "lstm":
            enter, forget, content, leave = (a + b).chunk(4)
            memory = forget.sigmoid() * memory + enter.sigmoid() * content.tanh()
            state = leave.sigmoid() * memory.tanh()
        else:
            (ra, za, na), (rb, zb, nb) = a.chunk(3), b.chunk(3)
            kept = (za + zb).sigmoid()
            state = (1 - kept) * (na + (ra + rb).sigmoid() * nb).tanh() + kept * state
    return state


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_state_is_carried_as_the_papers_say(cell: Any) -> None:
    torch.manual_seed(0)
    network, x = Recurrent(OUTPUTS, [CHANNELS], cell=cell, embedding=4, width=5), torch.randn(4, 6, CHANNELS)
    answers = network(x, mask(6))
    for row, length in enumerate(LENGTHS[:3]):
        last = gates(network.layer, cell, network.entrance.x(x[row, :length]))
        torch.testing.assert_close(answers[row], network.summary.output(last), atol=1e-6, rtol=1e-5)


def test_forget_gates_begin_open() -> None:
    network = Recurrent(OUTPUTS, [CHANNELS], width=5, layers=2, bidirectional=True, forget_bias=1.5)
    biases = dict(network.layer.named_parameters())
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        both = biases[f"bias_ih_{end}"] + biases[f"bias_hh_{end}"]
        assert (both[5:10] == 1.5).all()
        assert (both[:5].abs() < 1).all(), "no other gate"


@pytest.mark.parametrize(("blocks", "kernel"), [(1, 2), (2, 3), (3, 2)])
def test_convolutions_look_back_as_far_as_they_say_and_never_ahead(blocks: int, kernel: int) -> None:
    torch.manual_seed(0)
    network = Temporal(OUTPUTS, [CHANNELS], width=4, blocks=blocks, kernel=kernel, activation="tanh")
    x = torch.randn(1, 40, CHANNELS, requires_grad=True)
    network.blocks(network.entrance(x, None, None)[0])[0, 30].sum().backward()
    seen = x.grad[0].abs().amax(1).nonzero().flatten()
    assert seen.max() == 30
    assert seen.min() == 30 - 2 * (kernel - 1) * (2**blocks - 1)


def test_positions_are_sines_and_cosines() -> None:
    found = positions(7, 6)
    for place, k in product(range(7), range(3)):
        angle = place / 10000 ** (2 * k / 6)
        assert found[place, 2 * k].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert found[place, 2 * k + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_attention_is_torch_s_own() -> None:
    torch.manual_seed(0)
    ours, theirs, steps = Attention(8, 2, 0.0), nn.MultiheadAttention(8, 2, batch_first=True), torch.randn(3, 6, 8)
    real = mask(6, LENGTHS[:3])
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.asked.weight)
        theirs.in_proj_bias.copy_(ours.asked.bias)
        theirs.out_proj.load_state_dict(ours.output.state_dict())
        expected, weights = theirs(steps, steps, steps, key_padding_mask=~real, average_attn_weights=False)
    torch.testing.assert_close(ours(steps, real), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours.weights(steps, real), weights, atol=1e-6, rtol=1e-5)


def test_attention_of_the_layers_is_what_the_network_uses() -> None:
    network = made("transformer mean")
    x, real = torch.randn(4, 6, CHANNELS), mask(6)
    found = network.attention(x, real)
    assert [each.shape for each in found] == [(4, 2, 6, 6)] * 2
    for each in found:
        torch.testing.assert_close(each.sum(3), torch.ones(4, 2, 6))
        assert (each[1, :, :, 3:] == 0).all(), "padding is never asked"


@pytest.mark.parametrize("name", ["lstm last ", "gru mean both ways", "temporal mean", "transformer last"])
def test_a_forecast_has_outputs_for_each_step_ahead(name: str) -> None:
    torch.manual_seed(0)
    network = MAKERS[name](x_shape=[5, CHANNELS], known_shape=[8, 2]).eval()
    x, known = torch.randn(4, 5, CHANNELS), torch.randn(4, 8, 2)
    plain = network(x, known=known)
    assert plain.shape == (4, 3, OUTPUTS)
    later = known.clone()
    later[:, 7] += 1
    changed = (network(x, known=later) - plain).abs().amax((0, 2)) > 1e-6
    looks_ahead = "both ways" in name or "transformer" in name
    assert changed.tolist() == [looks_ahead, looks_ahead, True]
    earlier = x.clone()
    earlier[:, 3] += 1
    assert ((network(earlier, known=known) - plain).abs().amax((0, 2)) > 1e-6).all()
    plain.sum().backward()
    assert [part for part, each in network.named_parameters() if each.grad is None] == []


def phrases(network: TextConvolutional, words: Tensor) -> Tensor:
    """Of one text (length,) the largest answer of each filter, place by place; a phrase stands where its middle is."""
    found = []
    for kernel, each in zip(network.kernels, network.filters, strict=True):
        vectors = torch.zeros(len(words) + kernel - 1, network.words.embedding_dim)
        vectors[(kernel - 1) // 2 : (kernel - 1) // 2 + len(words)] = network.words(words)
        answers = [(each.weight * vectors[at : at + kernel].T).sum((1, 2)) + each.bias for at in range(len(words))]
        found.append(torch.stack(answers).relu().amax(0))
    return network.output(torch.cat(found))


def test_a_text_is_its_strongest_phrases() -> None:
    torch.manual_seed(0)
    network = TextConvolutional(OUTPUTS, WORDS, embedding=4, filters=5, kernels=[1, 2, 3, 4]).eval()
    words = torch.randint(0, WORDS, (4, 6))
    plain = network(words, mask(6))
    for row, length in enumerate(LENGTHS[:3]):
        torch.testing.assert_close(plain[row], phrases(network, words[row, :length]), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(plain[3], network.output.bias)
    for by in (0, 5):
        more = longer(words, by, lambda *shape: torch.randint(0, WORDS, shape))
        torch.testing.assert_close(network(more, mask(6 + by)), plain, atol=1e-6, rtol=0)
    plain.sum().backward()
    assert all(each.grad.abs().max() > 0 for each in network.parameters())


BAD = [
    (Recurrent, {"width": 0}, "width and layers of 1 or more"),
    (Recurrent, {"layers": 0}, "width and layers of 1 or more"),
    (Recurrent, {"cell": "elman"}, "one of rnn, gru, lstm was expected; got 'elman'"),
    (Recurrent, {"embedding": 0}, "vectors of 1 number or more"),
    (Recurrent, {"pooling": "sum"}, "one of last, mean, max, attention was expected; got 'sum'"),
    (Recurrent, {"dropout": 1.0}, "a share from 0 to below 1"),
    (Recurrent, {"outputs": 0}, "outputs: 1 or more"),
    (Recurrent, {"x_shape": []}, "channels at each step, or words"),
    (Temporal, {"blocks": 0}, "blocks of 1 or more"),
    (Temporal, {"kernel": 1}, "kernel of 2 or more"),
    (Temporal, {"width": 0}, "vectors of 1 number or more"),
    (Transformer, {"layers": 0}, "layers and hidden of 1 or more"),
    (Transformer, {"hidden": 0}, "layers and hidden of 1 or more"),
    (Transformer, {"width": 9, "heads": 3}, "an even width"),
    (Transformer, {"width": 10, "heads": 4}, "a number that divides the width, 10"),
    (Transformer, {"dropout": -0.1}, "a share from 0 to below 1"),
    (TextConvolutional, {"kernels": []}, "at least one kernel"),
    (TextConvolutional, {"kernels": [3, 0]}, "at least one kernel"),
    (TextConvolutional, {"filters": 0}, "all of 1 or more"),
    (TextConvolutional, {"dropout": 1.0}, "a share from 0 to below 1"),
]


@pytest.mark.parametrize(("network", "how", "said"), BAD)
def test_what_cannot_be_is_refused(network: Any, how: dict[str, Any], said: str) -> None:
    given = {"x_vocabulary": WORDS} if network is TextConvolutional else {"x_shape": [CHANNELS]}
    with pytest.raises(ValueError, match=said):
        network(**{"outputs": OUTPUTS, **given, **how})


def test_a_padded_past_is_not_forecast_by_a_recurrent_network() -> None:
    network = Recurrent(OUTPUTS, [5, CHANNELS], known_shape=[8, 2])
    with pytest.raises(ValueError, match="a past without padding"):
        network(torch.randn(4, 5, CHANNELS), mask(5), torch.randn(4, 8, 2))
