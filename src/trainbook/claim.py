"""A claim on a run's folder under `runs/`: one process at a time works in it, and an interrupted one is gone on with."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from trainbook import processes, project
from trainbook.faults import Fault
from trainbook.files import read_yaml, write_yaml

STATE, LOCK = "state.yaml", "lock"
FOLDER = "TRAINBOOK_RUN_FOLDER"
ORPHANS = 10
"""Seconds that workers of a killed process may take to notice, and to let go of what they inherited."""


@dataclass
class Claim:
    """A folder, the token by which its run is found in MLflow, and whether somebody worked on it before."""

    folder: Path
    token: str = ""
    resumes: bool = False

    def end(self, how: str) -> None:
        """``finished``, ``failed`` or ``pruned``: nobody goes on with it."""
        if self.token:
            write_yaml(self.folder / STATE, state(self.folder) | {"ended": how})


@contextmanager
def claimed(
    identity: str, name: str | None, otherwise: str, fresh: bool, leads: bool, token: str | None = None
) -> Iterator[Claim]:
    """Hold a folder for the time of a block: that of an interrupted training of the same identity, else a new one.

    Args:
        identity: digest of what decides over the training.
        name: what the run must be called; None = ``otherwise``, or whatever it was called before.
        fresh: begin anew.
        leads: whether this is the process that writes, of several; the others follow it.
        token: by which the run is found again even where the folder is not; None = the folder's own.

    Raises:
        Fault: the same training is going on in another process.
    """
    if not leads:
        told = os.environ.get(FOLDER)
        yield Claim(Path(told) if told else (not fresh and found(identity, name)) or project.RUNS / otherwise)
        return
    project.RUNS.mkdir(exist_ok=True)
    with FileLock(project.RUNS / f".{LOCK}"):  # of several that come at once, one looks at a time
        while fresh and (left := found(identity, name)) and not processes.alive(str(state(left)["process"])):
            write_yaml(left / STATE, state(left) | {"ended": "abandoned"})
        folder = None if fresh else found(identity, name)
        resumes = folder is not None
        folder = folder or _new(name or otherwise)
        lock = _locked(folder)
        token = token or (state(folder)["token"] if resumes else uuid.uuid4().hex)
        about = {"format": 1, "identity": identity, "token": token, "process": processes.this(), "ended": None}
        write_yaml(folder / STATE, about)
    os.environ[FOLDER] = str(folder)  # Lightning's other processes inherit it
    try:
        yield Claim(folder, token, resumes)
    finally:
        lock.release()


def state(folder: Path) -> dict[str, Any]:
    """What is known of the work in a run's folder; empty where there never was any."""
    try:
        found = read_yaml(folder / STATE)
    except Fault:  # none, or one that a power cut has damaged
        return {}
    return found if isinstance(found, dict) else {}


def folders() -> list[Path]:
    """Folders of runs, the last one that was worked on first."""
    found = [path.parent for path in project.RUNS.glob(f"*/{STATE}")]
    return sorted(found, key=lambda folder: (folder / STATE).stat().st_mtime, reverse=True)


def called(folder: Path, name: str) -> bool:
    """Whether a folder was made for a run of that name: the first one, or a later one with a number behind."""
    return name in (folder.name, folder.name.rpartition("-")[0])


def found(identity: str, name: str | None, ended: str | None = None) -> Path | None:
    """The folder of a training that ended so; None = that was not brought to an end."""
    for folder in folders():
        known = state(folder)
        if (name is None or called(folder, name)) and known.get("identity") == identity and known.get("ended") == ended:
            return folder
    return None


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK)
    gone = not processes.alive(str(state(folder).get("process", "")))
    try:
        lock.acquire(timeout=ORPHANS if gone else 0)
    except Timeout:
        where = " process ".join(str(state(folder).get("process")).partition("@")[0].split())
        raise Fault(
            f"This very training is going on already, in {folder} ({where}). Wait for it; --fresh begins another one beside it."
        ) from None
    return lock


def _new(name: str) -> Path:
    """A folder that was not there yet, named after the run."""
    if Path(name).name != name:
        raise Fault(f"tracking.run_name: a name without slashes was expected; got {name!r}.")
    number, folder = 1, project.RUNS / name
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            folder = project.RUNS / f"{name}-{number}"


def timely(name: str) -> str:
    """A name with the time of this moment."""
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
