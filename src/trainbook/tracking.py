"""A run in MLflow: opened, filled and closed here, whatever happens in between."""

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainbook import processes
from trainbook.address import ARTIFACTS, address, client, without_secrets
from trainbook.faults import Fault

if TYPE_CHECKING:  # MLflow takes seconds to import, and --help does without
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

LONGEST_VALUE = 6000
"""Characters that MLflow keeps of a parameter."""
PROCESS = "trainbook.process"
"""Tag of a run: which process of which machine works on it, or did."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tells MLflow's pages to show trainings, not conversations."""
NAME = "trainbook.run"
"""Tag of a run: its folder under `runs/`."""


class Run:
    """One MLflow run: what is written goes through here, in few requests."""

    def __init__(self, client: "MlflowClient", run_id: str, uri: str) -> None:
        self.client, self.id, self.uri = client, run_id, uri

    def parameters(self, settings: Mapping[str, Any]) -> None:
        """All settings, flattened; written once."""
        from mlflow.entities import Param

        flat = {key: str(value)[:LONGEST_VALUE] for key, value in flatten(settings).items()}
        items = [Param(key, value) for key, value in flat.items()]
        for start in range(0, len(items), 100):
            self.client.log_batch(self.id, params=items[start : start + 100])

    def metrics(self, values: Mapping[str, float], step: int, model: str | None = None) -> None:
        """Values of one epoch; with the id of a logged model, the model shows them, too."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step, model_id=model, run_id=self.id) for name, value in values.items()]
        self.client.log_batch(self.id, metrics=metrics)

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

        entity = Dataset(name=name, digest=digest[:36], source_type="local", source=source, schema=schema)
        self.client.log_inputs(self.id, [DatasetInput(entity, [InputTag("mlflow.data.context", context)])])

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or a folder's contents."""
        if path.is_dir():
            self.client.log_artifacts(self.id, str(path), folder)
        else:
            self.client.log_artifact(self.id, str(path), folder)

    def figure(self, name: str, figure: "Figure") -> None:
        """A picture, as ``figures/<name>.png``."""
        self.client.log_figure(self.id, figure, f"figures/{name}.png", save_kwargs={"dpi": 120})

    def model(self, name: str, saved: Path, parameters: Mapping[str, Any]) -> None:
        """A saved MLflow model as the run's logged model."""
        from mlflow.entities import LoggedModelOutput

        run = self.client.get_run(self.id)
        flat = {key: str(value)[:LONGEST_VALUE] for key, value in flatten(parameters).items()}
        model = self.client.create_logged_model(run.info.experiment_id, name, self.id, params=flat, model_type="trainbook")
        self.client.log_model_artifacts(model.model_id, str(saved))
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.log_outputs(self.id, [LoggedModelOutput(model.model_id, 0)])


def flatten(value: Any, above: str = "") -> dict[str, Any]:
    """Nested mappings as one, with keys joined by dots; empty ones stay as they are."""
    if not isinstance(value, Mapping) or not value:
        return {above: value}
    return {
        key: leaf
        for name, below in value.items()
        for key, leaf in flatten(below, f"{above}.{name}" if above else str(name)).items()
    }


@contextmanager
def recording(tracking: Mapping[str, Any], experiment: str, name: str, tags: Mapping[str, Any]) -> Iterator[Run | None]:
    """Open a run for the time of a block and close it as the block ends: FINISHED, KILLED (Ctrl-C) or FAILED.

    Runs that a killed process of this machine left open are closed first. None when tracking is off.
    """
    if not tracking["enabled"]:
        yield None
        return
    uri = address(tracking)
    opened = client(uri)
    experiment_id = _experiment(opened, tracking.get("experiment_name") or experiment, uri)
    close_abandoned(opened, experiment_id)
    own = {"mlflow.source.name": "trainbook", "mlflow.source.type": "LOCAL", "mlflow.user": _user(), PROCESS: processes.this()}
    note = {"mlflow.note.content": tracking["description"]} if tracking.get("description") else {}
    everything = {key: str(value) for key, value in {**own, **note, **tags, **(tracking.get("tags") or {})}.items()}
    run = Run(opened, opened.create_run(experiment_id, tags=everything, run_name=name).info.run_id, uri)
    with closing(run), _system_metrics(tracking, run):
        yield run


@contextmanager
def closing(run: Run) -> Iterator[None]:
    """Give a run the status that the end of the block means."""
    try:
        yield
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        if not isinstance(error, KeyboardInterrupt):
            run.tags({"trainbook.error": f"{type(error).__name__}: {error}"[:LONGEST_VALUE]})
        run.client.set_terminated(run.id, status)
        raise
    run.client.set_terminated(run.id, "FINISHED")


def reopen(tracking: Mapping[str, Any], run_id: str | None) -> Run | None:
    """A finished run, to add what was measured later; None when there is none to add to."""
    from mlflow.exceptions import MlflowException

    if run_id is None or not tracking["enabled"]:
        return None
    uri = address(tracking)
    try:
        opened = client(uri)
        opened.get_run(run_id)
    except MlflowException:
        print(f"trainbook: run {run_id} is not in {without_secrets(uri)}; nothing is recorded there.", file=sys.stderr)
        return None
    return Run(opened, run_id, uri)


def all_runs(opened: "MlflowClient", experiment_id: str, condition: str = "") -> "Iterator[Any]":
    """Every run of an experiment that meets a condition, page by page."""
    token: str | None = ""
    while token is not None:
        page = opened.search_runs([experiment_id], condition, page_token=token or None)
        yield from page
        token = page.token or None


def close_abandoned(opened: "MlflowClient", experiment_id: str) -> None:
    """Give runs that are open, but whose process on this machine is gone, the status KILLED."""
    for run in list(all_runs(opened, experiment_id, "attributes.status = 'RUNNING'")):
        process = run.data.tags.get(PROCESS, "")
        if process.partition(" ")[0] == socket.gethostname() and not processes.alive(process):
            opened.set_tag(run.info.run_id, "trainbook.error", "its process ended without a word")
            opened.set_terminated(run.info.run_id, "KILLED")


def _experiment(opened: "MlflowClient", name: str, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    found = opened.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            raise Fault(f"MLflow's experiment {name!r} was deleted. Restore it, or set tracking.experiment_name.")
        return str(found.experiment_id)
    try:
        beside = Path(urlsplit(uri).path[1:]).absolute().parent / ARTIFACTS if uri.startswith("sqlite:") else None
        return str(opened.create_experiment(name, None if beside is None else str(beside), KIND))
    except MlflowException:  # another process made it in between
        made = opened.get_experiment_by_name(name)
        if made is None:
            raise
        return str(made.experiment_id)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process without a name, as in some containers
        return "unknown"


@contextmanager
def _system_metrics(tracking: Mapping[str, Any], run: Run) -> Iterator[None]:
    if not tracking.get("system_metrics"):
        yield
        return
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor: Any = SystemMetricsMonitor(run.id, sampling_interval=5, tracking_uri=run.uri)  # type: ignore[no-untyped-call]
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
