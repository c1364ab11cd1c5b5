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

        names = self.model.preparation.inputs
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
    (array,) = example.values() if len(example) == 1 else (None,)
    specs: list[ColSpec | TensorSpec] = [
        TensorSpec(value.dtype, (-1, *value.shape[1:]), None if len(example) == 1 else name) for name, value in example.items()
    ]
    mlflow.pyfunc.save_model(
        folder,
        loader_module="trainbook.serving",
        data_path=str(model.folder),
        signature=ModelSignature(inputs=Schema(specs), outputs=infer_signature(answers).inputs),
        input_example=array if array is not None else dict(example),
        pip_requirements=[
            f"{name}=={version(name)}" for name in ("torch", "pytorch-lightning", "torchmetrics", "numpy", "safetensors")
        ],
    )
