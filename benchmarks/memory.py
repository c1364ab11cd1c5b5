"""Memory: what a command holds that no file backs, with ten times the data beside the data as it is."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from turns import Row, turns


def peak(folder: Path, *words: str) -> float:
    """Greatest anonymous memory of a command, in MB; looked at every few milliseconds."""
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "trainbook", *words]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=said)
        status, most = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            try:
                lines = [line for line in status.read_text().splitlines() if line.startswith("RssAnon:")]
            except OSError:
                break
            most = max([most, *(int(line.split()[1]) for line in lines)])
            time.sleep(0.004)
        if process.wait():
            said.seek(0)
            raise RuntimeError(said.read())
    return most / 1000


def memory(rounds: int, once: Path, tenfold: Path) -> Iterator[Row]:
    """Preparing and training."""
    long = ["data.batch_size=1024", "trainer.max_epochs=1", "tracking=none", "--quiet", "--output", "held"]
    commands = {
        "prepare": ["prepare", "data=mnist", "--output", "build/prepared/mnist"],
        "train": ["train", "experiment=mnist_mlp", *long],
    }
    note = "threads 1; 600,000 digits beside 60,000 (trained in batches of 1,024); memory that no file backs, at its peak"
    for what, words in commands.items():
        found = turns(
            rounds, False, tenfold=lambda words=words: peak(tenfold, *words), once=lambda words=words: peak(once, *words)
        )
        yield Row(f"memory of {what}, ten times the data", "the data as it is", 1.1, found["tenfold"], found["once"], "MB", note)
