"""The outbox of a run: what goes to a tracking server waits in files until it has arrived, each word once and in order."""

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from trainbook import project
from trainbook.address import without_secrets
from trainbook.faults import Fault
from trainbook.files import read_json, replacing, write_json
from trainbook.mistakes import first_line
from trainbook.run import Run

ABOUT, ENTRY, REFUSED = "run.json", "entry.json", "refused"
FINAL = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST")
"""Answers of a server that will not change by asking again."""


def remote(uri: str) -> bool:
    """Whether an address is a server's, which may be slow or away."""
    return uri.startswith(("http:", "https:"))


def said(error: Exception, uri: str) -> str:
    """What went wrong with a server, without secrets."""
    return f"{without_secrets(uri)}: {first_line(error).replace(uri, without_secrets(uri))[:200]}"


class Outbox:
    """A folder ``runs/<run>/outbox``: an entry a word, numbered, each with what is attached to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrived: dict[str, set[int]] | None = None
        """Epochs of which the server has a metric; None = to be asked."""

    @staticmethod
    def of(name: str) -> "Outbox":
        """The outbox of a run, by the name of its folder."""
        return Outbox(project.RUNS.absolute() / name / "outbox")

    @property
    def about(self) -> dict[str, str]:
        """The run's ``id``, its ``uri`` without secrets, and the ``token`` by which a training finds it; or nothing."""
        known: dict[str, str] = read_json(self.folder / ABOUT) if (self.folder / ABOUT).is_file() else {}
        return known

    def begin(self, run: Run, token: str) -> None:
        """Note whose words these are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        known = {"id": run.id, "uri": without_secrets(run.uri), "token": token or self.about.get("token", "")}
        write_json(self.folder / ABOUT, known)

    def end(self) -> None:
        """Leave nothing behind that nobody needs."""
        if not self.waiting() and not self.about.get("token") and not self.refused():
            shutil.rmtree(self.folder)
            if not any(self.folder.parent.iterdir()):
                self.folder.parent.rmdir()

    def refused(self) -> list[Path]:
        """What the server will never take."""
        return sorted((self.folder / REFUSED).glob("[0-9]*"))

    def waiting(self) -> list[Path]:
        """What has not arrived, in order."""
        return sorted(path for path in self.folder.glob("[0-9]*") if path.is_dir())

    def post(self, word: str, attached: Path | None = None, **what: Any) -> None:
        """Write a word down, whole, with a copy of what is attached."""
        with FileLock(self.folder / "numbers"):  # two processes of one search write to its run
            taken = [*self.waiting(), *self.refused()]
            number = max((int(path.name) for path in taken), default=0) + 1
            with replacing(self.folder / f"{number:06}") as new:
                new.mkdir()
                if attached is not None:
                    copy = shutil.copytree if attached.is_dir() else shutil.copyfile
                    copy(attached, new / attached.name)
                entry = {"word": word, "attached": attached.name if attached else None, "with": what}
                (new / ENTRY).write_text(json.dumps(entry), encoding="utf-8")  # with NaN, which metrics may be

    def deliver(self, run: Run) -> int:
        """Pass on what waits; returns how many words arrived.

        Raises:
            Exception: of many kinds: the server does not answer, or not well. What has not arrived stays.
        """
        count = 0
        try:
            with FileLock(self.folder / "lock", timeout=0):
                for path in self.waiting():
                    count += self._pass_on(path, run)
        except Timeout:
            raise Fault("another process delivers this outbox") from None
        except BaseException:
            self.arrived = None  # nobody knows whether the last word arrived
            raise
        return count

    def _pass_on(self, path: Path, run: Run) -> bool:
        """Whether the server took it; what it will never take is put aside."""
        from mlflow.exceptions import RestException

        entry = read_json(path / ENTRY)
        word, what = entry["word"], dict(entry["with"])
        if entry["attached"]:
            what[{"artifact": "path", "model": "saved"}[word]] = path / entry["attached"]
        try:
            if word == "metrics":
                self._metrics(run, **what)
            else:
                getattr(run, word)(**what)
        except RestException as error:  # of MLflow itself, not of what stands before it
            if error.error_code not in FINAL:
                raise
            print(f"trainbook: {said(error, run.uri)}; kept in {self.folder / REFUSED / path.name}.", file=sys.stderr)
            (self.folder / REFUSED).mkdir(exist_ok=True)
            path.replace(self.folder / REFUSED / path.name)
            return False
        gone = path.with_name(f".{path.name}")
        shutil.rmtree(gone, ignore_errors=True)  # a process was killed right here
        path.rename(gone)  # at once: half an entry would be read again
        shutil.rmtree(gone)
        return True

    def _metrics(self, run: Run, values: dict[str, float], step: int, with_model: bool, at: int) -> None:
        """Of a metric that has this step already, nothing is sent again; an evaluation may measure something else than before."""
        if self.arrived is None:
            self.arrived = run.recorded()
        last = run.latest() if with_model else {}
        known = {name for name in values if step in self.arrived.get(name, ())}
        new = {name: value for name, value in values.items() if name not in known or not _same(value, last.get(name, value))}
        if new:
            run.metrics(new, step, with_model, at)
        for name in new:
            self.arrived.setdefault(name, set()).add(step)


def _same(value: float, other: float) -> bool:
    return value == other or (math.isnan(value) and math.isnan(other))
