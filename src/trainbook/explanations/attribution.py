"""Attributions: how much each feature, word or step of an input added to, or took from, the score of its answer."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.explanations import saliency
from trainbook.explanations.baseline import Baseline
from trainbook.explanations.continuous import Continuous, Inputs
from trainbook.explanations.explained import Array, Explained
from trainbook.explanations.feature import prepared_names, raw_features, texts
from trainbook.explanations.integrated_gradients import integrated_gradients
from trainbook.explanations.scores import Scores
from trainbook.explanations.series import Indices, is_series, is_words, series, words
from trainbook.model import Model

AT_ONCE = 50
"""Rows that are explained at once."""


class Attributor:
    """Attributes the highest score of each row, or its number: integrated gradients; of pictures occlusion and Grad-CAM, too.

    Args:
        model: whose task predicts logits, or says which number it explains.
        train: prepared training rows, whose mean is the baseline; see ``Baseline``.
    """

    def __init__(self, model: Model, train: Columns | None) -> None:
        self.model, self.scores, self.baseline = model, Scores(model.task, model.facts), Baseline(model, train)

    def __call__(self, rows: list[str], raw: Columns) -> Iterator[Explained]:
        """Explain raw inputs, as ``Model.read`` gives them, with their names; some at a time."""
        stored = self.model.preparation.transform(raw)
        alone = raw.rows == stored.rows == len(rows)  # of a forecast many raw rows make one
        for start in range(0, len(rows), AT_ONCE):
            at = np.arange(start, min(start + AT_ONCE, len(rows)))
            inputs = finished(self.model.sample, stored, at).inputs
            yield self._explain(rows[start : start + len(at)], inputs, raw.part(at[0], at[-1] + 1) if alone else raw, at)

    def _explain(self, rows: list[str], inputs: Inputs, raw: Columns, at: Indices) -> Explained:
        with torch.no_grad():
            scores = self.scores(inputs)
        target = scores.argmax(1)
        amounts = scores if self.scores.number is not None else self.scores.chances(scores)
        function, answers = Continuous(self.scores, self.model.task.network, inputs), self.scores.names(scores.shape[1])
        found, errors = integrated_gradients(function, inputs, self.baseline(function, inputs), target)
        kinds = {name: _kind(name, inputs) for name in found}
        of = {kind: {name: each for name, each in found.items() if kinds[name] == kind} for kind in set(kinds.values())}
        pictures = next(iter(of.get("pictures", ())), None)
        return Explained(
            rows,
            [answers[best] for best in target.tolist()],
            amounts.gather(1, target.unsqueeze(1)).flatten().tolist(),
            *self._table(of.get("features", {}), inputs, raw, len(rows)),
            None if pictures is None else inputs[pictures].numpy(),
            {} if pictures is None else self._maps(pictures, found[pictures], inputs, target),
            {name: words(self.model, name, raw, inputs, each) for name, each in of.get("words", {}).items()},
            series(self.model, raw, at, inputs, of.get("series", {})),
            errors.tolist(),
        )

    def _table(
        self, found: Inputs, inputs: Inputs, raw: Columns, rows: int
    ) -> tuple[list[str], list[bool], list[list[str]], Array]:
        """Names (features), which of them are raw, values (n, features), attributions (n, features)."""
        if not found:
            return [], [], [[]] * rows, np.empty((rows, 0), np.float32)
        by_input = {name: prepared_names(self.model.facts, name, tuple(each.shape[1:])) for name, each in found.items()}
        raw = raw if raw.rows == rows else Columns({})
        values = texts(self.model.facts, raw, {name: inputs[name].numpy() for name in found}, by_input)
        names = [each for own in by_input.values() for each in own]
        known = {feature.name for feature in raw_features(self.model.facts, raw)}
        parts = [each.reshape(rows, -1).numpy() for each in found.values()]
        return names, [name in known for name in names], values, np.concatenate(parts, 1)

    def _maps(self, name: str, gradients: Tensor, inputs: Inputs, target: Tensor) -> dict[str, Array]:
        network, empty = self.model.task.network, self.baseline.empty(name, inputs)
        found = saliency.maps(self.scores, network, inputs, name, target, empty)
        return {"integrated_gradients": gradients.sum(1).numpy(), **{method: each.numpy() for method, each in found.items()}}


def _kind(name: str, inputs: Inputs) -> str:
    if inputs[name].ndim == 4:
        return "pictures"
    if is_words(name, inputs):
        return "words"
    return "series" if is_series(name, inputs) else "features"
