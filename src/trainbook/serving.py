"""A trainbook model as an MLflow model: data that this module loads, no code and no pickle."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from trainbook.faults import Fault
from trainbook.model import Model

NEEDED = ("torch", "pytorch-lightning", "torchmetrics", "numpy", "safetensors")


class Answering:
    """What MLflow calls: raw inputs in, a table of answers out."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Arrays by input name, or one array for a single input -> a table, one row an input.

        Raises:
            Fault: a name, shape, type or range does not fit.
        """
        import pandas

        names = list(self.model.facts["raw"])
        arrays = model_input if isinstance(model_input, Mapping) else dict(zip(names, [np.asarray(model_input)], strict=True))
        return pandas.DataFrame(self.model.answer(self.model.accept(arrays)))


def _load_pyfunc(path: str) -> Answering:
    """MLflow calls this by its name."""
    return Answering(Model.open(Path(path)))


def save(folder: Path, model: Model, example: Mapping[str, Any]) -> None:
    """Write an MLflow model around a model folder, with signature and an example of raw inputs.

    Raises:
        Fault: the model cannot answer its own example.
    """
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.models.signature import infer_signature
    from mlflow.types import ColSpec, Schema, TensorSpec

    answers = Answering(model).predict(example)
    if len(answers) != len(next(iter(example.values()))):
        raise Fault("The model gives another number of answers than there are rows.")
    alone = len(example) == 1 and set(example) == set(model.facts["raw"])  # then a plain array says enough
    specs: list[ColSpec | TensorSpec] = [
        TensorSpec(
            np.dtype(str) if value.dtype.kind == "U" else value.dtype,  # text of any length
            _open(name, value.shape, example),
            None if alone else name,
        )
        for name, value in example.items()
    ]
    mlflow.pyfunc.save_model(
        folder,
        loader_module="trainbook.serving",
        data_path=str(model.folder),
        signature=ModelSignature(inputs=Schema(specs), outputs=infer_signature(answers).inputs),
        input_example=next(iter(example.values())) if alone else dict(example),
        pip_requirements=[f"{name}=={version(name)}" for name in NEEDED],
    )


def _open(name: str, shape: tuple[int, ...], example: Mapping[str, Any]) -> tuple[int, ...]:
    """A shape with any number of rows, and any length of padded sequences, which stand beside their mask."""
    ragged = f"{name}_mask" in example or name.endswith("_mask")
    return (-1, -1, *shape[2:]) if ragged else (-1, *shape[1:])
