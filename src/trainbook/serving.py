"""A trainbook model as an MLflow model: data that this module loads, no code and no pickle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainbook.faults import Fault
from trainbook.model import Model
from trainbook.requirements import requirements

LOOPBACK = "127.0.0.1"


class Answering:
    """What MLflow calls: raw inputs in, a table of answers out."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Arrays by input name, or one array for a single input, or a table -> a table, one row an input.

        Raises:
            MlflowException: a name, shape, type or range does not fit; a server answers 400 with the reason.
        """
        import pandas
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import BAD_REQUEST

        if isinstance(model_input, pandas.DataFrame):
            model_input = {str(name): column.tolist() for name, column in model_input.items()}
        names = list(self.model.facts["raw"])
        try:
            if not isinstance(model_input, Mapping):
                if len(names) > 1:
                    raise Fault(f"{', '.join(names)} were expected, by name; got one array.")
                model_input = {names[0]: model_input}
            return pandas.DataFrame(self.model.answer(self.model.accept(model_input)))
        except Fault as fault:
            raise MlflowException(str(fault), error_code=BAD_REQUEST) from fault


def _load_pyfunc(path: str) -> Answering:
    """MLflow calls this by its name."""
    return Answering(Model.open(Path(path)))


def save(folder: Path, model: Model, example: Mapping[str, Any]) -> None:
    """Write an MLflow model around a model folder, with an example of raw inputs, and the signature of the answers.

    Inputs have no signature: MLflow would cut 0.5 to 0 and leave out fields to make them fit one, before anybody could refuse.

    Raises:
        MlflowException: the model cannot answer its own example.
    """
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.models.signature import infer_signature

    answers = Answering(model).predict(example)
    alone = len(example) == 1 and set(example) == set(model.facts["raw"])  # then a plain array says enough
    mlflow.pyfunc.save_model(
        folder,
        loader_module=__name__,
        data_path=str(model.folder),
        signature=ModelSignature(outputs=infer_signature(answers).inputs),
        input_example=next(iter(example.values())) if alone else dict(example),
        metadata={"raw_inputs": model.facts["raw"]},
        pip_requirements=requirements(),
    )


def serve(model: Model, port: int) -> None:
    """Answer over HTTP, for this machine alone, as MLflow's own server does, until Ctrl-C."""
    import uvicorn
    from mlflow.models import Model as Described
    from mlflow.pyfunc import PyFuncModel
    from mlflow.pyfunc.scoring_server import init

    described: Any = Described()
    uvicorn.run(init(PyFuncModel(described, Answering(model))), host=LOOPBACK, port=port, log_level="warning")
