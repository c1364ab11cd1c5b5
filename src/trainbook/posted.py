"""A run on a tracking server that nobody waits for: its words go through an outbox."""

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook.address import without_secrets
from trainbook.files import replacing
from trainbook.outbox import Outbox, said
from trainbook.run import Run, flatten, now

if TYPE_CHECKING:  # MLflow takes seconds to import
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

PAUSES = (1, 2, 4, 8, 15)
"""Seconds between attempts."""


class Posted(Run):
    """Each word is written down at once, and a thread passes it on when the server answers.

    Args:
        box: where words wait.
        patience: seconds without an arrival after which ``close`` waits no longer.
        token: by which an interrupted training finds its run without the server.
    """

    def __init__(self, client: "MlflowClient", run_id: str, uri: str, box: Outbox, patience: float, token: str = "") -> None:
        super().__init__(client, run_id, uri)
        self.box, self.direct, self.patience = box, Run(client, run_id, uri), patience
        box.begin(self, token)
        self.closing, self.news, self.last = False, threading.Event(), 0.0
        self.thread: threading.Thread | None = None

    def parameters(self, settings: Mapping[str, Any]) -> None:
        self._post("parameters", settings={key: str(value) for key, value in flatten(settings).items()})

    def metrics(self, values: Mapping[str, float], step: int, with_model: bool = False, at: int | None = None) -> None:
        plain = {name: float(value) for name, value in values.items()}
        self._post("metrics", values=plain, step=step, with_model=with_model, at=at or now())

    def tags(self, values: Mapping[str, Any]) -> None:
        self._post("tags", values={name: str(value) for name, value in values.items()})

    def dataset(self, name: str, digest: str, source: str, schema: str, context: str) -> None:
        self._post("dataset", name=name, digest=digest, source=source, schema=schema, context=context)

    def end(self, status: str, at: int | None = None) -> None:
        self._post("end", status=status, at=at or now())

    def artifact(self, path: Path, folder: str | None = None) -> None:
        self._post("artifact", path, folder=folder)

    def figure(self, name: str, figure: "Figure") -> None:
        folder, _, file = f"figures/{name}.png".rpartition("/")
        with replacing(self.box.folder / "drawn" / file) as drawn:
            figure.savefig(drawn, dpi=120, format="png")
        self._post("artifact", self.box.folder / "drawn" / file, folder=folder)

    def model(self, name: str, saved: Path, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        flat = {key: str(value) for key, value in flatten(parameters).items()}
        self._post("model", saved, name=name, parameters=flat, tags=dict(tags))

    def recorded(self) -> dict[str, set[int]]:
        """Nothing: what has arrived is looked up when words are passed on."""
        return {}

    def close(self) -> None:
        """Wait while the server takes what waits; what it does not take stays, and is said."""
        if self.thread is not None:
            self.closing, self.last = True, time.monotonic()
            self.news.set()
            self.thread.join()
        if left := self.box.waiting():
            print(
                f"trainbook: {without_secrets(self.uri)} did not take everything; {len(left)} records wait in "
                f"{self.box.folder}. `trainbook sync` delivers them.",
                file=sys.stderr,
            )
        else:
            self.box.end()

    def _post(self, word: str, attached: Path | None = None, **what: Any) -> None:
        self.box.post(word, attached, **what)
        self.news.set()
        if self.thread is None:
            self.thread = threading.Thread(target=self._work, name="outbox", daemon=True)
            self.thread.start()

    def _work(self) -> None:
        """Pass on what waits, whenever there is something, until the run is closed."""
        away = 0
        while True:
            self.news.clear()
            try:
                if self.box.deliver(self.direct):
                    self.last = time.monotonic()
                if away:
                    print(f"trainbook: {without_secrets(self.uri)} answers again.", file=sys.stderr)
                away = 0
            except Exception as error:  # of many kinds, by what a network does
                if not away:
                    print(f"trainbook: {said(error, self.uri)}; what is recorded waits.", file=sys.stderr)
                away += 1
            if self.closing and (not self.box.waiting() or time.monotonic() - self.last > self.patience):
                return
            if away:
                time.sleep(PAUSES[min(away, len(PAUSES)) - 1])
            else:
                self.news.wait()
