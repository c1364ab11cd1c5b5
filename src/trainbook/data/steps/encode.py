"""Turn words into numbers of words, for embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Encode(Step):
    """Text (n, c) -> int32 (n, c): each word's place, from 1, among the training rows' words of its feature.

    0 stands for a word that training has not seen, or too rarely. A missing word (empty) is a word of its own.

    Args:
        columns: the columns to change.
        rarest: words that fewer training rows have are taken for unseen, so that 0 is learnt, too.
    """

    def __init__(self, columns: Sequence[str], rarest: int = 1) -> None:
        if rarest < 1:
            raise ValueError(f"rarest of at least 1 was expected; got {rarest}")
        self.columns, self.rarest = list(columns), rarest
        self.known: dict[str, list[list[str]]] = {}

    def fit(self, columns: Columns) -> None:
        for name in self.columns:
            if columns[name].ndim != 2:
                raise Fault(f"{name}: categories (n, features) were expected by encode; got free text. Take the step tokenize.")
            counted = [np.unique(columns[name][:, at], return_counts=True) for at in range(columns[name].shape[1])]
            self.known[name] = [words[counts >= self.rarest].tolist() for words, counts in counted]

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(**{name: self._places(name, columns[name]) for name in self.columns if name in columns})

    def _places(self, name: str, values: Array) -> Array:
        places = np.zeros(values.shape, np.int32)
        for at, words in enumerate(self.known[name]):
            found, back = np.unique(values[:, at], return_inverse=True)
            order = {word: place for place, word in enumerate(words, 1)}
            places[:, at] = np.array([order.get(word, 0) for word in found.tolist()], np.int32)[back]
        return places

    def state(self) -> dict[str, Array]:
        return {
            f"{name}.{at}": np.frombuffer("\0".join(words).encode(), np.uint8)
            for name, features in self.known.items()
            for at, words in enumerate(features)
        } | {f"{name}.counts": np.array([len(words) for words in features]) for name, features in self.known.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        for name in self.columns:
            texts = [state[f"{name}.{at}"].tobytes().decode() for at in range(len(state[f"{name}.counts"]))]
            counts = state[f"{name}.counts"].tolist()
            self.known[name] = [text.split("\0") if count else [] for text, count in zip(texts, counts, strict=True)]

    def facts(self) -> dict[str, dict[str, Any]]:
        return {name: {"sizes": [len(words) + 1 for words in features]} for name, features in self.known.items()}
