"""Put columns of words side by side, as numbers of the words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step


class Categories(Step):
    """Makes ``into`` (n, columns): each word's place, from 1, in the list of the training rows' words; 0 = never seen.

    Args:
        columns: the columns to put together.
        into: the name of what is made.
    """

    def __init__(self, columns: Sequence[str], into: str = "categories") -> None:
        self.columns, self.into = list(columns), into
        self.known: dict[str, list[str]] = {}

    def fit(self, columns: Columns) -> None:
        self.known = {name: sorted(set(columns[name].tolist())) for name in self.columns}

    def transform(self, columns: Columns) -> Columns:
        if not set(self.columns) <= set(columns):
            return columns
        places = {name: {word: place for place, word in enumerate(self.known[name], 1)} for name in self.columns}
        ids = [[places[name].get(word, 0) for word in columns[name].tolist()] for name in self.columns]
        return columns.replace(**{self.into: np.array(ids, np.int16).T})

    def state(self) -> dict[str, Array]:
        return {name: np.frombuffer("\n".join(words).encode(), np.uint8) for name, words in self.known.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        self.known = {name: state[name].tobytes().decode().split("\n") for name in self.columns}

    def facts(self) -> dict[str, dict[str, Any]]:
        return {self.into: {"names": self.columns, "sizes": [len(self.known[name]) + 1 for name in self.columns]}}
