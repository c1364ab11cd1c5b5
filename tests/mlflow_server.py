"""A real `mlflow server` that tests stop, pause and start again."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from served import free_port


class Server:
    """On loopback, with its runs in a database and its artifacts proxied from a folder.

    Args:
        store: the database's address.
        folder: for artifacts and the log.
    """

    def __init__(self, store: str, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        words += ["--backend-store-uri", self.store, "--artifacts-destination", str(self.folder / "artifacts")]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environment, start_new_session=True)
        for _ in range(600):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=1)
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.tell(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def tell(self, number: int) -> None:
        """A signal to all of its processes."""
        if self.process is not None:
            os.killpg(self.process.pid, number)
