"""Attributions: how much each feature of a row added to, or took from, the score of its answer."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.explanations import saliency
from trainbook.explanations.continuous import Continuous, Inputs
from trainbook.explanations.feature import prepared_names, raw_features, texts
from trainbook.explanations.scores import Scores
from trainbook.model import Model

STEPS = 128
"""Points of the way from the baseline to a row."""
AT_ONCE = 2**22
"""Numbers that go through the network at once."""
TRAINING_ROWS = 10_000
"""Rows that are enough for a mean."""
Array = NDArray[np.float32]


class Explained(NamedTuple):
    """Some rows, what the model answered, and why."""

    rows: list[str]
    answers: list[str]
    """The class or label with the highest score."""
    chances: list[float]
    names: list[str]
    """Features that are no pixels."""
    readable: list[bool]
    """Whether the raw data have a feature of that name, from which its values are taken; else they are as prepared."""
    values: list[list[str]]
    """(n, features)"""
    attributions: Array
    """(n, features)"""
    pictures: Array | None
    """(n, channels, height, width)"""
    maps: dict[str, Array]
    """(n, height, width) by method"""
    error: float
    """The largest difference between a row's attributions together and its score less that of the baseline."""

    def first(self, count: int) -> "Explained":
        """The first so many rows."""
        return self._replace(
            rows=self.rows[:count],
            answers=self.answers[:count],
            chances=self.chances[:count],
            values=self.values[:count],
            attributions=self.attributions[:count],
            pictures=None if self.pictures is None else self.pictures[:count],
            maps={name: each[:count] for name, each in self.maps.items()},
        )

    def lines(self) -> Iterator[tuple[str, str, str, float, str]]:
        """Row, feature, value, attribution and answer, a line a feature."""
        for row, answer, values, parts in zip(self.rows, self.answers, self.values, self.attributions.tolist(), strict=True):
            for name, value, part in zip(self.names, values, parts, strict=True):
                yield row, name, value, part, answer


class Attributor:
    """Attributes the highest score of each row: integrated gradients, and for pictures occlusion and Grad-CAM, too.

    The baseline is the mean of the training rows, where they are at hand, else zeros; of pictures the empty one.

    Args:
        model: whose task predicts logits.
        train: prepared training rows.
    """

    def __init__(self, model: Model, train: Columns | None) -> None:
        self.model, self.scores = model, Scores(model.task, model.facts)
        self.train = None if train is None else self._training(train)
        self.mean: tuple[Tensor, ...] | None = None

    def __call__(self, rows: list[str], raw: Columns) -> Explained:
        """Explain raw rows, as ``Model.read`` gives them, with their names."""
        inputs = finished(self.model.sample, self.model.preparation.transform(raw)).inputs
        with torch.no_grad():
            logits = self.scores(inputs)
        target, chances = logits.argmax(1), self.scores.chances(logits)
        function, answers = Continuous(self.scores, self.model.task.network, inputs), self.scores.names(logits.shape[1])
        found, error = integrated_gradients(function, inputs, self._baseline(function, inputs), target)
        pictures = next((name for name, value in found.items() if value.ndim == 4), None)
        return Explained(
            rows,
            [answers[at] for at in target.tolist()],
            chances.gather(1, target.unsqueeze(1)).flatten().tolist(),
            *self._table({name: each for name, each in found.items() if each.ndim < 4}, inputs, raw),
            None if pictures is None else inputs[pictures].numpy(),
            {} if pictures is None else self._maps(pictures, found[pictures], inputs, target),
            error,
        )

    def _table(self, found: Inputs, inputs: Inputs, raw: Columns) -> tuple[list[str], list[bool], list[list[str]], Array]:
        """Of what is no picture: names (features), which of them are raw, values (n, features), attributions (n, features)."""
        by_input = {name: prepared_names(self.model.facts, name, tuple(each.shape[1:])) for name, each in found.items()}
        values = texts(self.model.facts, raw, {name: inputs[name].numpy() for name in found}, by_input)
        parts = [np.empty((raw.rows, 0), np.float32), *(each.reshape(raw.rows, -1).numpy() for each in found.values())]
        names = [each for own in by_input.values() for each in own]
        known = {feature.name for feature in raw_features(self.model.facts, raw)}
        return names, [name in known for name in names], values, np.concatenate(parts, 1)

    def _maps(self, name: str, gradients: Tensor, inputs: Inputs, target: Tensor) -> dict[str, Array]:
        network, empty = self.model.task.network, self._empty(name, inputs)
        found = saliency.maps(self.scores, network, inputs, name, target, empty)
        return {"integrated_gradients": gradients.sum(1).numpy(), **{method: each.numpy() for method, each in found.items()}}

    def _training(self, train: Columns) -> Inputs:
        rows = np.unique(np.linspace(0, train.rows - 1, TRAINING_ROWS).astype(np.int64))
        sample = self.model.sample
        inputs: Inputs = sample.finish(sample.fetch(train, Columns({}), rows), None).inputs
        return inputs

    def _baseline(self, function: Continuous, inputs: Inputs) -> tuple[Tensor, ...]:
        if self.train is not None and all(value.dtype != torch.bool for value in inputs.values()):  # rows of one length
            self.mean = self.mean or tuple(value.mean(0, keepdim=True) for value in function.values(self.train))
        found = list(self.mean or (torch.zeros_like(value[:1]) for value in function.values(inputs)))
        for at, name in enumerate(function.floats):
            if inputs[name].ndim == 4:
                found[at] = self._empty(name, inputs)
        return tuple(found)

    def _empty(self, name: str, inputs: Inputs) -> Tensor:
        """An empty picture (1, channels, height, width); zeros where it is not the same everywhere."""
        background = torch.tensor(self.model.facts["inputs"][name].get("background", 0.0)).reshape(1, -1, 1, 1)
        return background.expand(1, *inputs[name].shape[1:]).contiguous()


def integrated_gradients(
    function: Continuous, inputs: Inputs, baseline: tuple[Tensor, ...], target: Tensor
) -> tuple[dict[str, Tensor], float]:
    """Attributions in the shapes of the inputs, and how far a row's sum is at most from ``score - score of the baseline``.

    Source: Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017; all inputs go the way together.
    """
    from captum.attr import IntegratedGradients

    whole, error = [], 0.0
    numbers = sum(value[0].numel() for value in baseline)
    for part in torch.split(torch.arange(len(target)), max(1, AT_ONCE // (STEPS * numbers))):
        some = {name: value[part] for name, value in inputs.items()}
        found, delta = IntegratedGradients(function).attribute(
            function.values(some),
            baselines=baseline,
            target=target[part],
            additional_forward_args=tuple(some.values()),
            n_steps=STEPS,
            return_convergence_delta=True,
        )
        error = max(error, float(delta.abs().max()))
        whole.append(function.by_input(tuple(each.detach().float() for each in found), some))
    return {name: torch.cat([each[name] for each in whole]) for name in whole[0]}, error
