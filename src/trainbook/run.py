"""One MLflow run: what is written goes through here, in few requests."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # MLflow takes seconds to import, and --help does without
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

LONGEST_VALUE = 6000
"""Characters that MLflow keeps of a parameter."""
WORD = re.compile(r"[\w. :/-]+", re.ASCII)
"""What MLflow takes as the name of a parameter."""
SYSTEM = "system/"
"""How the names of metrics of the machine begin."""


class Run:
    """A run, by its id, in the MLflow that a client talks to."""

    def __init__(self, client: "MlflowClient", run_id: str, uri: str) -> None:
        self.client, self.id, self.uri = client, run_id, uri

    def parameters(self, settings: Mapping[str, Any]) -> None:
        """All settings, flattened; written once."""
        from mlflow.entities import Param

        flat = {key: str(value)[:LONGEST_VALUE] for key, value in flatten(settings).items()}
        items = [Param(key, value) for key, value in flat.items()]
        for start in range(0, len(items), 100):
            self.client.log_batch(self.id, params=items[start : start + 100])

    def metrics(self, values: Mapping[str, float], step: int, with_model: bool = False, at: int | None = None) -> None:
        """Values of one epoch, at a time in milliseconds, else now; the run's logged model may show them, too."""
        from mlflow.entities import Metric

        at, model = at or now(), self.model_id() if with_model else None
        metrics = [Metric(name, float(value), at, step, model_id=model, run_id=self.id) for name, value in values.items()]
        self.client.log_batch(self.id, metrics=metrics)

    def recorded(self) -> dict[str, set[int]]:
        """Epochs of which a metric is there already."""
        names = [name for name in self.client.get_run(self.id).data.metrics if not name.startswith(SYSTEM)]
        return {name: {each.step for each in self.client.get_metric_history(self.id, name)} for name in names}

    def latest(self) -> dict[str, float]:
        """The last value of each metric."""
        return dict(self.client.get_run(self.id).data.metrics)

    def model_id(self) -> str | None:
        """The logged model that the run has made, if it has."""
        outputs = self.client.get_run(self.id).outputs
        return next((str(output.model_id) for output in outputs.model_outputs), None) if outputs else None

    def tags(self, values: Mapping[str, Any]) -> None:
        """Facts by which a run is found again."""
        from mlflow.entities import RunTag

        self.client.log_batch(self.id, tags=[RunTag(name, str(value)) for name, value in values.items()])

    def dataset(self, name: str, digest: str, source: str, schema: str, context: str) -> None:
        """The data set as an input of the run; ``context`` says for what (train, test)."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        entity = Dataset(name=name, digest=digest[:36], source_type="local", source=source, schema=schema)
        inputs = [DatasetInput(entity, [InputTag("mlflow.data.context", context)])]
        try:
            self.client.log_inputs(self.id, inputs)
        except MlflowException:  # another run entered the same data set in between, which is there now
            self.client.log_inputs(self.id, inputs)

    def end(self, status: str, at: int | None = None) -> None:
        """FINISHED, FAILED or KILLED, at a time in milliseconds, else now."""
        self.client.set_terminated(self.id, status, at or now())

    def close(self) -> None:
        """Whoever worked on the run is done with it."""

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder's contents."""
        if path.is_dir():
            self.client.log_artifacts(self.id, str(path), folder)
        else:
            self.client.log_artifact(self.id, str(path), folder)

    def figure(self, name: str, figure: "Figure") -> None:
        """A picture, as ``figures/<name>.png``."""
        self.client.log_figure(self.id, figure, f"figures/{name}.png", save_kwargs={"dpi": 120})

    def model(self, name: str, saved: Path, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """A saved MLflow model as the run's logged model; one that an interrupted process left half done goes."""
        from mlflow.entities import LoggedModelOutput

        if self.model_id() is not None:  # written whole by an earlier process, and the same to the bit
            return
        run = self.client.get_run(self.id)
        for left in self.client.search_logged_models([run.info.experiment_id], f"source_run_id = '{self.id}'"):
            self.client.delete_logged_model(left.model_id)
        flat = {key: str(value)[:LONGEST_VALUE] for key, value in flatten(parameters).items()}
        model = self.client.create_logged_model(run.info.experiment_id, name, self.id, dict(tags), flat, "trainbook")
        self.client.log_model_artifacts(model.model_id, str(saved))
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.log_outputs(self.id, [LoggedModelOutput(model.model_id, 0)])


def now() -> int:
    """Milliseconds, as MLflow counts time."""
    return int(time.time() * 1000)


def flatten(value: Any, above: str = "") -> dict[str, Any]:
    """Nested mappings as one, with keys joined by dots; empty ones, and those with keys that MLflow refuses, stay as they are."""
    if not isinstance(value, Mapping) or not value or not all(WORD.fullmatch(str(name)) for name in value):
        return {above: value}
    return {
        key: leaf
        for name, below in value.items()
        for key, leaf in flatten(below, f"{above}.{name}" if above else str(name)).items()
    }
