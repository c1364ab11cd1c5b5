"""A network as a function of what can be changed a little: its float inputs, and what its embeddings make of ids."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trainbook.faults import Fault

Inputs = Mapping[str, Tensor]


class Continuous:
    """Called with ``values(inputs)``, or others of the same shapes, and then with all inputs, gives the scores.

    Ids have no gradient; their embeddings have. Which id an embedding was asked for is found by trial: some ids are
    changed, and what the embedding is asked then is compared.

    Args:
        scores: inputs by name -> (n, scores).
        network: whose ``nn.Embedding`` layers are meant.
        inputs: some rows; one is enough. Later ones may be longer or shorter.

    Raises:
        Fault: integers that go through no ``nn.Embedding``, or several of them through one together.
    """

    def __init__(self, scores: Callable[[Inputs], Tensor], network: nn.Module, inputs: Inputs) -> None:
        self.scores, self.names = scores, list(inputs)
        self.layers = [layer for layer in network.modules() if isinstance(layer, nn.Embedding)]
        self.floats = [name for name, value in inputs.items() if value.is_floating_point()]
        self.ids = [name for name, value in inputs.items() if name not in self.floats and value.dtype != torch.bool]
        self.found: dict[tuple[int, ...], list[Tensor | None]] = {}
        self.sources(inputs)

    def values(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Float inputs, then what each use of an embedding gives (n, …, dimensions)."""
        embedded = [made for _, made in self._uses(inputs)] if self.ids else []
        chosen = [made for made, source in zip(embedded, self.sources(inputs), strict=True) if source is not None]
        return tuple(value.detach() for value in (*(inputs[name] for name in self.floats), *chosen))

    def real(self, inputs: Inputs) -> tuple[Tensor | None, ...]:
        """For each of ``values`` whether its places (n, …) are real, and no padding; None = all are."""
        masks = [inputs.get(f"{name}_mask") for name in self.floats]
        if not self.ids:
            return tuple(masks)
        rows = len(inputs[self.ids[0]])
        known = [inputs.get(f"{name}_mask", torch.ones_like(inputs[name], dtype=torch.bool)) for name in self.ids]
        flat = torch.cat([*(each.reshape(rows, -1) for each in known), torch.ones(rows, 1, dtype=torch.bool)], 1)
        masked = any(f"{name}_mask" in inputs for name in self.ids)
        used = [source for source in self.sources(inputs) if source is not None]
        return (*masks, *(flat[:, source] if masked else None for source in used))

    def __call__(self, *arguments: Tensor) -> Tensor:
        """The scores (n, scores) of ``values``, with the inputs themselves behind them."""
        values, inputs = arguments[: -len(self.names)], dict(zip(self.names, arguments[-len(self.names) :], strict=True))
        inputs |= dict(zip(self.floats, values, strict=False))
        given, sources = iter(values[len(self.floats) :]), iter(self.sources(inputs))

        def exchange(_layer: nn.Module, _asked: Any, _made: Tensor) -> Tensor | None:
            return None if next(sources, None) is None else next(given)

        with self._hooked(exchange):
            return self.scores(inputs)

    def by_input(self, parts: tuple[Tensor, ...], inputs: Inputs) -> dict[str, Tensor]:
        """A number for each of ``values`` -> one for each float and id, in the shapes of the inputs: sums over dimensions."""
        found = dict(zip(self.floats, parts, strict=False))
        sizes = [inputs[name][0].numel() for name in self.ids]
        rows = len(inputs[self.names[0]])
        total = torch.zeros(rows, sum(sizes) + 1)  # the last column: what hangs on no id
        used = (source for source in self.sources(inputs) if source is not None)
        for source, part in zip(used, parts[len(self.floats) :], strict=True):
            total.scatter_add_(1, source.reshape(1, -1).expand(rows, -1), part.sum(-1).reshape(rows, -1))
        for name, flat in zip(self.ids, torch.split(total[:, :-1], sizes, 1), strict=True):
            found[name] = flat.reshape(inputs[name].shape)
        return {name: found[name] for name in self.names if name in found}

    def sources(self, inputs: Inputs) -> list[Tensor | None]:
        """For each use of an embedding, and each place in it, the number of the id that decides it; None = none does."""
        sizes = tuple(inputs[name][0].numel() for name in self.ids)
        if sizes not in self.found:
            self.found[sizes] = self._by_trial({name: value[:1] for name, value in inputs.items()}) if sizes else []
        return self.found[sizes]

    def _by_trial(self, first: Inputs) -> list[Tensor | None]:
        """Ids are numbered from 1; a trial for each binary digit changes those that have it, and one those that have not."""
        sizes = [first[name].numel() for name in self.ids]
        count = sum(sizes)
        digits = torch.arange(count.bit_length()).unsqueeze(1)
        having = (torch.arange(1, count + 1) >> digits & 1).bool()
        trials = torch.cat([torch.zeros(1, count, dtype=torch.bool), having, ~having])
        tried = {name: value.repeat(len(trials), *[1] * (value.ndim - 1)) for name, value in first.items()}
        tried |= {name: torch.ones_like(value) for name, value in tried.items() if name.endswith("_mask")}
        for name, chosen in zip(self.ids, torch.split(trials, sizes, 1), strict=True):
            flat = tried[name].view(len(trials), -1)
            flat.copy_(torch.where(chosen, (flat == 0).to(flat.dtype), flat))  # 0 and 1 are ids of any embedding
        sources: list[Tensor | None] = []
        for asked, _ in self._uses(tried):
            changed = asked[1:] != asked[:1] if len(asked) == len(trials) else torch.zeros(2 * len(digits), 1, dtype=torch.bool)
            one, other = changed.chunk(2)
            if bool((one & other).any()):
                raise Fault(f"explain: an nn.Embedding that is asked for one of {', '.join(self.ids)} at a time was expected.")
            number = (one.int() << digits.reshape(-1, *[1] * (one.ndim - 1))).sum(0)
            sources.append(torch.where(number > 0, number - 1, count) if bool(changed.any()) else None)
        seen = {int(each) for source in sources if source is not None for each in source.flatten()}
        if missing := count - len(seen - {count}):
            raise Fault(
                f"explain: integers that go through an nn.Embedding were expected of {', '.join(self.ids)}; "
                f"{missing} of {count} do not."
            )
        return sources

    def _uses(self, inputs: Inputs) -> list[tuple[Tensor, Tensor]]:
        """What embeddings are asked, and what they give, in order."""
        seen: list[tuple[Tensor, Tensor]] = []
        with self._hooked(lambda _, asked, made: seen.append((asked[0], made))), torch.no_grad():
            self.scores(inputs)
        return seen

    @contextmanager
    def _hooked(self, hook: Callable[..., Any]) -> Iterator[None]:
        handles = [layer.register_forward_hook(hook) for layer in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
