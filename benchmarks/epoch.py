"""Time of a training epoch: a fully tracked run of trainbook beside the loop that textbooks print.

Both sides train the same network on the same digits with Adam, batch 64, the same number of threads, and judge the validation
rows after each epoch. They take turns, so that a machine that slows down slows both. Run: `make bench`.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainbook import assembly, checks, project, settings, tracking
from trainbook.columns import Columns
from trainbook.journal import Journal
from trainbook.networks.mlp import Mlp
from trainbook.stages import prepare
from trainbook.training import Training

REACH = 1.5


class Stopwatch(Callback):
    """Seconds from the start of each epoch to the start of the next one, validation and bookkeeping included."""

    def __init__(self) -> None:
        self.starts: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self.starts.append(time.perf_counter())

    def on_fit_end(self, *_: Any) -> None:
        self.starts.append(time.perf_counter())

    @property
    def epochs(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.starts, self.starts[1:], strict=False)]


def ours(whole: dict[str, Any], prepared: Path, scratch: Path) -> list[float]:
    """Epochs of trainbook, with everything on: tracking, metrics, checkpoints."""
    watch = Stopwatch()
    training = Training.build(whole, prepared)
    listed = assembly.callbacks
    assembly.callbacks = lambda *arguments: [*listed(*arguments), watch]
    try:
        with tracking.recording(whole["tracking"], "bench", "bench", {}) as run:
            assert run is not None
            training.fit(Path(tempfile.mkdtemp(dir=scratch)), Journal(run), bar=True)
    finally:
        assembly.callbacks = listed
    return watch.epochs


def textbook(prepared: Path, epochs: int, batch: int) -> list[float]:
    """Epochs of the twenty lines that a textbook prints."""
    train, validation = (Columns.load(prepared / split) for split in ("train", "validation"))
    tensors = [[torch.from_numpy(np.array(part[name])) for name in ("x", "label")] for part in (train, validation)]
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(*tensors[0]), batch_size=batch, shuffle=True)
    judge = DataLoader(TensorDataset(*tensors[1]), batch_size=1000)
    network = Mlp([1, 28, 28], 10)
    optimizer, criterion = torch.optim.Adam(network.parameters()), nn.CrossEntropyLoss()
    times = []
    for _ in range(epochs):
        start = time.perf_counter()
        network.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(network(x), y)
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            right = sum((network(x).argmax(1) == y).sum() for x, y in judge)
        assert right > 0
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Take turns, print a table, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", default="benchmarks/results.md")
    given = parser.parse_args()
    project.enter()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        where = [f"tracking.uri=sqlite:///{scratch}/mlflow.db", "trainer.max_epochs=2", "tracking.system_metrics=true"]
        whole = settings.compose(["experiment=mnist_mlp", *where])
        checks.check(whole)
        prepared = prepare.ensure(whole["data"])
        torch.set_num_threads(whole["threads"])
        batch = whole["data"]["batch_size"]
        pairs = [(ours(whole, prepared, scratch)[-1], textbook(prepared, 2, batch)[-1]) for _ in range(given.rounds)]
    ratios = [mine / theirs for mine, theirs in pairs]
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"
    threads, machine = whole["threads"], f"{platform.machine()}, {os.cpu_count()} cores"
    text = f"""# Measured side by side

Median of {given.rounds} rounds, taking turns. {machine}, Python {platform.python_version()}, torch {torch.__version__}.

| what | trainbook | textbook loop | ratio (min – max) | reach |
|---|---|---|---|---|
| training epoch, mnist_mlp, batch {batch}, threads {threads} | {mine:.2f} s | {theirs:.2f} s | {spread} | {REACH} |
"""
    print(text)
    Path(given.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
