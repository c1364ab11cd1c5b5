"""Runs in MLflow: opened and closed here, whatever happens in between."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainbook import processes
from trainbook.address import ARTIFACTS, address, client, unchecked, unreachable, without_secrets
from trainbook.faults import Away, Fault, Pruned
from trainbook.machine import watching
from trainbook.outbox import Outbox, remote, said
from trainbook.posted import Posted
from trainbook.run import LONGEST_VALUE, Run

if TYPE_CHECKING:  # MLflow takes seconds to import, and --help does without
    from mlflow import MlflowClient

PROCESS = "trainbook.process"
"""Tag of a run: which process of which machine works on it, or did."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tells MLflow's pages to show trainings, not conversations."""
NAME, TOKEN = "trainbook.run", "trainbook.token"
"""Tags of a run: its folder under `runs/`, and by what the folder's next process finds it again."""
ERROR = "trainbook.error"
"""Tag of a run: why it came to no end."""
PRUNED = "trainbook.pruned"
"""Tag of a run: when and why a search gave it up."""
PARENT, TRIAL = "mlflow.parentRunId", "trainbook.trial"
"""Tags of a run: the run of the search that it is a trial of, and which position of the plan."""
FOLDS, FOLD = "trainbook.folds", "trainbook.fold"
"""Tags of a run: of a cross-validation, how many folds it has; of a run below it, which of them was held out."""


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
    own = {"mlflow.source.name": "trainbook", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
    own |= {PROCESS: processes.this(), TOKEN: token}
    note = {"mlflow.note.content": tracking["description"]} if tracking.get("description") else {}
    everything = {key: str(value) for key, value in {**own, **note, **tags, **(tracking.get("tags") or {})}.items()}
    run = _begun(uri, tracking, experiment, name, token, everything)
    with closing(run), watching(tracking, run):
        yield run


def _begun(uri: str, tracking: Mapping[str, Any], experiment: str, name: str, token: str, tags: Mapping[str, str]) -> Run:
    """The run of a token, opened again, or a new one; one on a server that is away goes on as far as it is known here."""
    box = Outbox.of(name) if remote(uri) else None
    try:
        run = _there(uri, tracking, experiment, name, token, tags)
    except Away as fault:
        if box is None or box.about.get("token") != token:
            raise
        print(f"trainbook: {fault} The run goes on, and what it records waits.", file=sys.stderr)
        return Posted(unchecked(uri), box.about["id"], uri, box, tracking["patience"], token)
    return run if box is None else Posted(run.client, run.id, uri, box, tracking["patience"], token)


def _there(uri: str, tracking: Mapping[str, Any], experiment: str, name: str, token: str, tags: Mapping[str, str]) -> Run:
    from mlflow.exceptions import MlflowException

    opened = client(uri)
    try:
        experiment_id = _experiment(opened, tracking.get("experiment_name") or experiment, uri)
        close_abandoned(opened)
        run = _opened_again(opened, token, tags, uri)
        if run is None:
            run = Run(opened, opened.create_run(experiment_id, tags=dict(tags), run_name=name).info.run_id, uri)
    except MlflowException as error:
        raise unreachable(uri, error) from error
    return run


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
        run.end(status)
        run.close()
        raise
    run.end("FINISHED")
    run.close()


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


def reopen(tracking: Mapping[str, Any], run_id: str | None, name: str) -> Run | None:
    """A finished run, to add what was measured later; None when there is none to add to."""
    from mlflow.exceptions import MlflowException

    if run_id is None or not tracking["enabled"]:
        return None
    uri = address(tracking)
    box = Outbox.of(name) if remote(uri) else None
    try:
        opened = client(uri)
        opened.get_run(run_id)
    except (MlflowException, Fault) as error:
        if isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST":
            print(f"trainbook: run {run_id} is not in {without_secrets(uri)}; nothing is recorded there.", file=sys.stderr)
            return None
        if box is None:
            raise
        print(f"trainbook: {said(error, uri)}. What is recorded waits.", file=sys.stderr)
        opened = unchecked(uri)
    return Run(opened, run_id, uri) if box is None else Posted(opened, run_id, uri, box, tracking["patience"])


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

    with suppress(MlflowException):  # a server that is away now, or another process that closes the same run
        for run in list(all_runs(opened, "attributes.status = 'RUNNING'")):
            process = run.data.tags.get(PROCESS, "")
            if processes.local(process) and not processes.alive(process):
                opened.set_tag(run.info.run_id, ERROR, "its process ended without a word")
                opened.set_terminated(run.info.run_id, "KILLED")


def failed(parent: Run, number: int, reason: str) -> None:
    """Give the run of a trial that was killed the status FAILED, and the reason; a server that is away hears nothing."""
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):
        for run in all_runs(parent.client, f"tags.`{PARENT}` = '{parent.id}' and tags.`{TRIAL}` = '{number}'"):
            if run.info.status != "FAILED":
                parent.client.set_tag(run.info.run_id, ERROR, reason[:LONGEST_VALUE])
                parent.client.set_terminated(run.info.run_id, "FAILED")


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
