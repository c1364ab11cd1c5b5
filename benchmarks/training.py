"""Training: an epoch of a fully tracked run beside plain loops, with and without tracking, in one process and in two."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stopwatch import FILE, Stopwatch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from turns import Row, turns

from trainbook import assembly, checks, settings, tracking
from trainbook.columns import Columns
from trainbook.data.facts import read_facts
from trainbook.files import read_yaml
from trainbook.journal import Journal
from trainbook.stages import prepare
from trainbook.stages.train import train
from trainbook.training import Training, Watching

Pair = tuple[torch.Tensor, torch.Tensor]
WATCH = "+callbacks.watch._target_=stopwatch.Stopwatch"
LIMITED = 120
"""Batches of an epoch of the convolutional network, on both sides: enough to tell, and not half an hour."""


def compose(*words: str) -> dict[str, Any]:
    """Checked settings of the reference experiment, tracked in the scratch project."""
    whole = settings.compose(["experiment=mnist_mlp", WATCH, *words])
    checks.check(whole)
    return whole


def ours(whole: dict[str, Any]) -> float:
    """The last epoch of a training with everything on: progress bar, metrics, tracking, checkpoints, system metrics."""
    training = Training.build(whole, prepare.ensure(whole["data"]))
    with tracking.recording(whole["tracking"], "bench", "bench", uuid.uuid4().hex, {}) as run, redirect_stdout(io.StringIO()):
        training.fit(Path(tempfile.mkdtemp(dir=".")), Journal(run), Watching(bar=True))
    return Stopwatch.epochs[-1]


class Plain:
    """Loops without a framework over the same data, network, batch size and number of threads."""

    def __init__(self, whole: dict[str, Any], rows: int | None = None) -> None:
        prepared = prepare.ensure(whole["data"])
        self.whole, self.facts, self.size = whole, read_facts(prepared), whole["data"]["batch_size"]
        self.train, self.validation = (self._tensors(Columns.load(prepared / split)) for split in ("train", "validation"))
        if rows is not None:
            self.train = (self.train[0][:rows], self.train[1][:rows])
        torch.set_num_threads(whole["threads"])

    @staticmethod
    def _tensors(columns: Columns) -> Pair:
        return torch.from_numpy(np.array(columns["x"])).float() / 255, torch.from_numpy(columns["label"].astype(np.int64))

    def epoch(self, batches: Callable[[], Iterable[Pair]], **how: Any) -> float:
        """The second epoch, judged on the validation rows like ours."""
        torch.manual_seed(0)
        network = assembly.task(self.whole, self.facts).network
        optimizer, criterion = torch.optim.Adam(network.parameters(), **how), nn.CrossEntropyLoss()
        size = self.whole["data"]["evaluation_batch_size"]
        loader = DataLoader(TensorDataset(*self.validation), batch_size=size)
        judge = (
            list(zip(*(each.split(size) for each in self.validation), strict=True)) if how else loader
        )  # the limit cuts these, too
        took = 0.0
        for _ in range(2):
            some = batches()
            start = time.perf_counter()
            network.train()
            for x, y in some:
                optimizer.zero_grad()
                loss = criterion(network(x), y)
                loss.backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                right = sum(int((network(x).argmax(1) == y).sum()) for x, y in judge)
            took = time.perf_counter() - start
            assert right > 0
        return took

    def textbook(self) -> float:
        """The loop that textbooks print."""
        return self.epoch(lambda: DataLoader(TensorDataset(*self.train), batch_size=self.size, shuffle=True))

    def limit(self) -> float:
        """Batches cut before the clock starts, and a fused optimiser: nothing can be left out."""
        x, y = self.train
        return self.epoch(lambda: [(x[rows], y[rows]) for rows in torch.randperm(len(y)).split(self.size)], fused=True)


def epochs(rounds: int) -> Iterator[Row]:
    """Seconds an epoch."""
    whole = compose("trainer.max_epochs=2")
    plain = Plain(whole)
    found = turns(rounds, trainbook=lambda: ours(whole), textbook=plain.textbook, limit=plain.limit)
    note = f"threads {whole['threads']}"
    yield Row("epoch, batch 64", "textbook loop", 0.75, found["trainbook"], found["textbook"], note=note)
    yield Row("epoch, batch 64", "the limit", 1.5, found["trainbook"], found["limit"], note=note)
    whole = compose("trainer.max_epochs=3", "data.batch_size=1024")
    plain = Plain(whole)
    found = turns(rounds, trainbook=lambda: ours(whole), textbook=plain.textbook)
    yield Row("epoch, batch 1,024", "textbook loop", 0.9, found["trainbook"], found["textbook"], note=note)
    network = ("network=convolutional", "trainer.max_epochs=2", f"trainer.limit_train_batches={LIMITED}")
    whole = settings.compose(["data=mnist", WATCH, *network])
    plain = Plain(whole, LIMITED * whole["data"]["batch_size"])
    found = turns(rounds, trainbook=lambda: ours(whole), textbook=plain.textbook)
    note = f"threads {whole['threads']}, {LIMITED} batches of {whole['data']['batch_size']}"
    yield Row("epoch, convolutional network", "textbook loop", 1.05, found["trainbook"], found["textbook"], note=note)


def tracked(rounds: int) -> Iterator[Row]:
    """Twenty epochs with tracking and without, from the opening of the run to its end; the last pictures come once, beside."""

    def run(which: str) -> float:
        whole = compose("trainer.max_epochs=20", f"tracking={which}")
        training = Training.build(whole, prepare.ensure(whole["data"]))
        start = time.perf_counter()
        with tracking.recording(whole["tracking"], "bench", "bench", uuid.uuid4().hex, {}) as run:
            if run is not None:
                run.parameters(whole)
            training.fit(Path(tempfile.mkdtemp(dir=".")), Journal(run), Watching())
        return time.perf_counter() - start

    with redirect_stdout(io.StringIO()):  # imports are paid before, too
        train(compose("trainer.max_epochs=1"), Path("tracked"), quiet=True)
        ended = time.perf_counter()
    rest = ended - Stopwatch.ended
    found = turns(rounds, False, on=lambda: run("local"), off=lambda: run("none"))
    note = f"threads 1; metrics, parameters, system metrics; {rest:.1f} s for the model and five pictures come once a run"
    yield Row("20 epochs, tracking on", "the same, tracking off", 1.05, found["on"], found["off"], note=note)


def processes(rounds: int) -> Iterator[Row]:
    """Two data-parallel processes beside one with two threads, and the weights that both give."""
    many = ("data.batch_size=4096", "tracking=none")
    one, two = ("threads=2",), ("threads=1", "trainer=ddp", "trainer.devices=2")

    def run(*words: str) -> float:
        command = [sys.executable, "-m", "trainbook", "train", "experiment=mnist_mlp", "--quiet", WATCH, *many, *words]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "epochs.json"
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, FILE: str(file)})
            if done.returncode:
                raise RuntimeError(done.stderr)
            taken = sorted(json.loads(file.read_text())[1:])
        return float(taken[len(taken) // 2])

    found = turns(rounds, False, two=lambda: run("trainer.max_epochs=5", *two), one=lambda: run("trainer.max_epochs=5", *one))
    apart = _apart(run, one, two)
    if apart > 1e-5:
        raise RuntimeError(f"weights within 1e-5 were expected after 20 steps of one process and of two; got {apart:.1e}")
    note = f"epoch, batch 4,096, gloo; after 20 steps weights differ by at most {apart:.1e}"
    yield Row("two processes", "one with two threads", 1.2, found["two"], found["one"], note=note)


def _apart(run: Callable[..., float], *sides: tuple[str, ...]) -> float:
    """Greatest difference of any weight after twenty steps."""
    from safetensors.numpy import load_file

    weights = []
    for number, side in enumerate(sides):
        run("trainer.max_steps=20", f"tracking.run_name=side-{number}", "--output", f"side-{number}", *side)
        assert read_yaml(Path(f"side-{number}/run.yaml"))["best_epoch"] == 1
        weights.append(load_file(f"side-{number}/weights.safetensors"))
    return max(float(np.abs(value - weights[1][name]).max()) for name, value in weights[0].items())
