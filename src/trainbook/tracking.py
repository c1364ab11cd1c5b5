"""Runs in MLflow: opened and closed here, whatever happens in between."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainbook import processes
from trainbook.address import ARTIFACTS, address, client, without_secrets
from trainbook.faults import Fault, Pruned
from trainbook.run import LONGEST_VALUE, Run

if TYPE_CHECKING:  # MLflow takes seconds to import, and --help does without
    from mlflow import MlflowClient

PROCESS = "trainbook.process"
"""Tag of a run: which process of which machine works on it, or did."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tells MLflow's pages to show trainings, not conversations."""
NAME = "trainbook.run"
"""Tag of a run: its folder under `runs/`."""
TOKEN = "trainbook.token"
"""Tag of a run by which the folder's next process finds it again."""
ERROR = "trainbook.error"
"""Tag of a run: why it came to no end."""
PRUNED = "trainbook.pruned"
"""Tag of a run: when and why a search gave it up."""
PARENT = "mlflow.parentRunId"
"""Tag of a run: the run of the search that it is a trial of."""


@contextmanager
def recording(
    tracking: Mapping[str, Any], experiment: str, name: str, token: str, tags: Mapping[str, Any]
) -> Iterator[Run | None]:
    """Open a run for the time of a block and close it as the block ends: FINISHED, KILLED (Ctrl-C, SIGTERM, pruned) or FAILED.

    The run that carries the ``token`` is opened again, if there is one. Runs that a killed process of this machine left
    open are closed first. None when tracking is off.
    """
    if not tracking["enabled"]:
        yield None
        return
    uri = address(tracking)
    opened = client(uri)
    experiment_id = _experiment(opened, tracking.get("experiment_name") or experiment, uri)
    close_abandoned(opened)
    own = {"mlflow.source.name": "trainbook", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
    own |= {PROCESS: processes.this(), TOKEN: token}
    note = {"mlflow.note.content": tracking["description"]} if tracking.get("description") else {}
    everything = {key: str(value) for key, value in {**own, **note, **tags, **(tracking.get("tags") or {})}.items()}
    run = _opened_again(opened, token, everything, uri)
    if run is None:
        run = Run(opened, opened.create_run(experiment_id, tags=everything, run_name=name).info.run_id, uri)
    with closing(run), _system_metrics(tracking, run):
        yield run


@contextmanager
def closing(run: Run) -> Iterator[None]:
    """Give a run the status that the end of the block means."""
    try:
        yield
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt | Pruned) else "FAILED"
        if isinstance(error, Pruned):
            run.tags({PRUNED: str(error)[:LONGEST_VALUE]})
        elif not isinstance(error, KeyboardInterrupt):
            run.tags({ERROR: f"{type(error).__name__}: {error}"[:LONGEST_VALUE]})
        run.client.set_terminated(run.id, status)
        raise
    run.client.set_terminated(run.id, "FINISHED")


def _opened_again(opened: "MlflowClient", token: str, tags: Mapping[str, Any], uri: str) -> Run | None:
    """The run that an interrupted training has begun, in whatever experiment."""
    for found in all_runs(opened, f"tags.`{TOKEN}` = '{token}'"):
        run = Run(opened, found.info.run_id, uri)
        run.tags(tags)  # a run that is open must name a process that lives
        opened.update_run(run.id, status="RUNNING")
        if ERROR in found.data.tags:
            opened.delete_tag(run.id, ERROR)
        return run
    return None


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


def all_runs(opened: "MlflowClient", condition: str = "") -> "Iterator[Any]":
    """Every run of any experiment that meets a condition, page by page."""
    experiments = [each.experiment_id for each in opened.search_experiments()]
    token: str | None = ""
    while token is not None:
        page = opened.search_runs(experiments, condition, page_token=token or None)
        yield from page
        token = page.token or None


def close_abandoned(opened: "MlflowClient") -> None:
    """Give runs that are open, but whose process on this machine is gone, the status KILLED."""
    from mlflow.exceptions import MlflowException

    for run in list(all_runs(opened, "attributes.status = 'RUNNING'")):
        process = run.data.tags.get(PROCESS, "")
        if processes.local(process) and not processes.alive(process):
            with suppress(MlflowException):  # another process closes the same run
                opened.set_tag(run.info.run_id, ERROR, "its process ended without a word")
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

    how: Any = {"sampling_interval": 5, "resume_logging": True, "tracking_uri": run.uri}
    monitor: Any = SystemMetricsMonitor(run.id, **how)  # type: ignore[no-untyped-call]
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
