"""Data: preparing it, and answering raw inputs."""

import gzip
import io
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from turns import Row, seconds, turns

from trainbook import assembly, settings
from trainbook.columns import Columns
from trainbook.data.sources.idx import read_idx
from trainbook.data.sources.source import AT_ONCE
from trainbook.model import Model
from trainbook.stages import prepare
from trainbook.stages.train import train

SPLITS = ("train", "validation", "test")


def preparing(rounds: int) -> Iterator[Row]:
    """From raw files to arrays on disk, without the start of Python on either side."""
    data = settings.compose(["data=mnist"])["data"]
    prepared = assembly.preparation(data)
    sample = prepare.ensure(data)
    arrays = {split: {name: np.array(value) for name, value in Columns.load(sample / split).items()} for split in SPLITS}

    def theirs() -> None:
        for file in sorted(Path("data/mnist").glob("*.gz")):
            np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8)
        for split, columns in arrays.items():
            (Path("by_numpy") / split).mkdir(parents=True, exist_ok=True)
            for name, value in columns.items():
                np.save(Path("by_numpy") / split / f"{name}.npy", value)

    def ours() -> None:
        prepared.run(Path("by_trainbook"), prepare.made_from(data, prepared))

    found = turns(2 * rounds + 1, trainbook=seconds(ours), numpy=seconds(theirs))
    for folder in ("by_numpy", "by_trainbook"):
        shutil.rmtree(folder)
    note = "threads 1; the same raw files read, the same arrays written; imports not counted"
    yield Row("prepare MNIST", "numpy", 2, found["trainbook"], found["numpy"], note=note)


def predicting(rounds: int) -> Iterator[Row]:
    """60,000 raw digits -> class and probabilities of each, as `predict` has them before it writes."""
    whole: dict[str, Any] = settings.compose(["experiment=mnist_mlp", "trainer.max_epochs=1", "tracking=none"])
    with redirect_stdout(io.StringIO()):
        train(whole, Path("answering"), quiet=True)
    model = Model.open(Path("answering"))
    raw = np.array(read_idx(Path("data/mnist/train-images-idx3-ubyte.gz")))
    torch.set_num_threads(1)

    def bare() -> None:
        with torch.inference_mode():
            for start in range(0, len(raw), AT_ONCE):
                x = torch.from_numpy(raw[start : start + AT_ONCE])
                model.task.network(x.unsqueeze(1).float().div_(255))

    found = turns(2 * rounds + 1, trainbook=seconds(lambda: model.answer(model.accept({"x": raw}))), torch=seconds(bare))
    note = f"threads 1, batches of {AT_ONCE:,} on both sides"
    yield Row("predict 60,000 digits", "torch forward pass", 1.3, found["trainbook"], found["torch"], note=note)
