"""A run as MLflow keeps it, read back: its record, settings, changes and metrics."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbook import project, registry, settings, tracking
from trainbook.address import address, client, without_secrets
from trainbook.columns import Columns
from trainbook.faults import Fault
from trainbook.files import read_json, read_yaml
from trainbook.record import FORMAT, PATCH, RECORD
from trainbook.run import SYSTEM, Run

DETAILS, ANSWERS = "report/details.json", "report/predictions"
TEST = "trainbook.test"
"""Tag of a run: the digest of the test rows that its model was judged on."""
SHORTEST = 4
"""Characters of a run's id that may stand for it."""

Curves = dict[str, dict[int, float]]
"""Metrics by name and epoch."""


@dataclass(frozen=True)
class Recorded:
    """What one run says about itself."""

    run: Run
    name: str
    status: str
    record: dict[str, Any]
    settings: dict[str, Any]
    tags: dict[str, str]
    patch: Path | None
    curves: Curves
    judged: dict[str, Any] | None
    """How the test split was judged, if it was: rows, resamples, confidence, intervals, values of each class."""

    @property
    def local(self) -> bool:
        """Whether the run lies in a file of this machine, and not on a server that others write to."""
        return self.run.uri.startswith("sqlite:")

    def answers(self, scratch: Path) -> tuple[str, Columns]:
        """The digest of the test rows, and what the model answered to them, as its evaluation recorded it.

        Raises:
            Fault: nothing is recorded.
        """
        if self.judged is None or TEST not in self.tags:
            raise Fault(f"Run {self.run.id}: a model that was evaluated was expected; `trainbook evaluate model=FOLDER` first.")
        scratch.mkdir(parents=True)
        try:
            folder = self.run.client.download_artifacts(self.run.id, ANSWERS, str(scratch))
        except Exception as error:  # of many kinds, by where the artifacts lie
            raise Fault(f"Run {self.run.id} has no {ANSWERS}; evaluate it again with this version.") from error
        return self.tags[TEST], Columns.load(Path(folder))


def open_tracking() -> tuple[Any, str]:
    """A client of the MLflow that is set now, and its address; outside of a project only the environment can name one."""
    inside = project.CONF.is_dir()
    uri = address({**settings.compose([])["tracking"], "server": False} if inside else {"server": True})
    return client(uri), uri


def find(text: str) -> tuple[Run, Any]:
    """The run of an id, of the beginning of one, of a name as under `runs/`, or of a model that MLflow keeps.

    Returns:
        The run, and what MLflow knows of it.

    Raises:
        Fault: there is none, or more than one.
    """
    opened, uri = open_tracking()
    if text.startswith("runs:/"):
        text = text.removeprefix("runs:/").partition("/")[0]
    elif text.startswith(registry.SCHEMES):
        text = registry.kept(opened, uri, text).run_id
    found = {}
    for each in tracking.all_runs(opened):
        begins = len(text) >= SHORTEST and each.info.run_id.startswith(text)
        if begins or text in (each.info.run_name, each.data.tags.get(tracking.NAME)):
            found[each.info.run_id] = each
    if not found:
        raise Fault(
            f"{text!r}: the id or name of a run was expected; {without_secrets(uri)} has none. `trainbook runs` lists them."
        )
    if len(found) > 1:
        raise Fault(f"{text!r} stands for {len(found)} runs ({', '.join(sorted(found))}); take an id.")
    (run,) = found.values()
    return Run(opened, run.info.run_id, uri), run


def read(text: str, scratch: Path) -> Recorded:
    """Everything about a run; its files go into ``scratch``.

    Raises:
        Fault: no such run, or one without a record.
    """
    run, known = find(text)
    if tracking.FOLDS in known.data.tags:
        raise Fault(f"{text} is a cross-validation; one of its folds was expected, such as {known.info.run_name}-fold-0.")
    scratch.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in (RECORD, "settings.yaml", PATCH, DETAILS):
        try:
            files[name] = Path(run.client.download_artifacts(run.id, name, str(scratch)))
        except Exception as error:  # of many kinds, by where the artifacts lie
            if name not in (PATCH, DETAILS):
                raise Fault(
                    f"Run {run.id} has no {name}; looked among its artifacts in {without_secrets(run.uri)} "
                    f"({' '.join(str(error).split())[:120]}). Only runs that `trainbook train` recorded can be read back."
                ) from error
    record = read_yaml(files[RECORD])
    if record.get("format") != FORMAT:
        raise Fault(f"Run {run.id}: a record of format {FORMAT} was expected; got {record.get('format')!r}.")
    names = [name for name in known.data.metrics if not name.startswith(SYSTEM)]
    curves = {name: {each.step: each.value for each in run.client.get_metric_history(run.id, name)} for name in names}
    whole = settings.load(files["settings.yaml"])
    for path in (record["data"]["name"], whole["data"]["name"], *record["data"]["raw"]):
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise Fault(f"Run {run.id}: a path within the project was expected in its record; got {path!r}. Nothing was run.")
    judged = read_json(files[DETAILS]) if DETAILS in files else None
    return Recorded(
        run, known.info.run_name, known.info.status, record, whole, dict(known.data.tags), files.get(PATCH), curves, judged
    )
