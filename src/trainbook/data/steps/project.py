"""Fewer numbers a row that stand for many: principal components, or a random projection."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Project(Step):
    """Matrices (n, k) -> (n, components): ``(values - mean) @ directions``, learnt from the training rows.

    Args:
        columns: the columns to change.
        method: ``pca`` (directions of greatest variance), ``gaussian`` or ``sparse`` (random directions, which keep distances
            roughly: Johnson & Lindenstrauss 1984, Achlioptas 2003).
        components: how many; for ``pca`` also a share of the variance, below 1.
        whiten: ``pca`` only: give every component deviation 1.
        seed: of the random directions.

    Source: scikit-learn's ``PCA``, ``GaussianRandomProjection`` and ``SparseRandomProjection``.
    """

    def __init__(
        self,
        columns: Sequence[str],
        method: Literal["pca", "gaussian", "sparse"] = "pca",
        components: int | float = 50,
        whiten: bool = False,
        seed: int = 0,
    ) -> None:
        if components <= 0 or (components != int(components) and (method != "pca" or components > 1)):
            raise ValueError(f"components: a whole number, or for pca a share below 1, was expected; got {components}")
        self.columns, self.method, self.components, self.whiten, self.seed = list(columns), method, components, whiten, seed
        self.learnt: dict[str, Any] = {}

    def fit(self, columns: Columns) -> None:
        for name in self.columns:
            values = columns[name].astype(np.float64)
            components = self.components if self.components < 1 else int(self.components)
            if components > min(values.shape):
                raise Fault(
                    f"Project: at most {min(values.shape)} components were expected of {name}, {values.shape}; got {components}."
                )
            projection = self._projection(components)
            projection.fit(values)
            directions = projection.components_
            directions = directions.toarray() if self.method == "sparse" else directions
            if self.method == "pca" and self.whiten:
                directions = directions / np.sqrt(np.maximum(projection.explained_variance_, np.finfo(float).eps))[:, np.newaxis]
            self.learnt[f"{name}.mean"] = projection.mean_ if self.method == "pca" else np.zeros(values.shape[1])
            self.learnt[f"{name}.directions"] = np.ascontiguousarray(directions.T)

    def _projection(self, components: int | float) -> Any:
        from sklearn.decomposition import PCA
        from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

        if self.method == "pca":
            return PCA(components, svd_solver="full")
        kind = GaussianRandomProjection if self.method == "gaussian" else SparseRandomProjection
        return kind(components, random_state=self.seed)

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(**{name: self._projected(name, columns[name]) for name in self.columns if name in columns})

    def _projected(self, name: str, values: Array) -> Array:
        centred = values.astype(np.float64) - self.learnt[f"{name}.mean"]
        return (centred @ self.learnt[f"{name}.directions"]).astype(np.float32)  # type: ignore[no-any-return]

    def state(self) -> dict[str, Array]:
        return self.learnt

    def restore(self, state: Mapping[str, Array]) -> None:
        self.learnt = dict(state)

    def names(self, column: str, names: list[str]) -> list[str]:
        if column not in self.columns:
            return names
        return [f"component {number + 1}" for number in range(self.learnt[f"{column}.directions"].shape[1])]
