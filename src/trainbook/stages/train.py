"""train: settings and prepared data -> a model folder, and a run in MLflow."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from trainbook import assembly, project, provenance, settings, tracking
from trainbook.data.preparation import Facts, read_facts
from trainbook.faults import Fault
from trainbook.files import digest, read_yaml, replacing
from trainbook.stages import prepare

OPTIONS = ("--settings", "--output", "--quiet")


def main(arguments: list[str]) -> None:
    """``trainbook train experiment=NAME [key=value …]``, or ``trainbook train --settings FILE --output FOLDER``."""
    parser = argparse.ArgumentParser("trainbook train", add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--output")
    parser.add_argument("--quiet", action="store_true")
    given, rest = parser.parse_known_args(arguments)
    if not given.settings:
        output = project.typed(given.output) if given.output else None
        if output is not None and output.is_relative_to("build"):
            raise Fault(f"--output {output}: build/ holds what `dvc repro` makes; choose another folder.", code=2)
        settings.run(partial(train, output=output, quiet=given.quiet), rest)
        return
    left = [argument for argument in rest if not argument.startswith("hydra.")]  # Lightning adds those to its other processes
    if left or not given.output:
        raise Fault(f"--settings goes with --output and nothing else; got {' '.join(left) or 'no --output'}.", code=2)
    path = project.typed(given.settings)
    whole = settings.load(path)
    watched = path.parent / "tracking" / path.name
    whole["tracking"] = read_yaml(watched) if watched.is_file() else settings.compose([])["tracking"]
    whole.pop("code", None)
    train(whole, project.typed(given.output), given.quiet, only=project.PREPARED / whole["data"]["name"])


def train(whole: dict[str, Any], output: Path | None = None, quiet: bool = False, only: Path | None = None) -> float | None:
    """Train once. Returns the best value of the monitored metric.

    Args:
        whole: composed settings.
        output: the model folder; None = `runs/<run>/model`.
        quiet: no progress bar.
        only: the one folder of prepared data that may be used; None = any that fits.
    """
    assembly.check(whole)
    name = whole["tracking"].get("run_name") or f"{whole['experiment'] or whole['data']['name']}-{time.strftime('%Y%m%d-%H%M%S')}"
    name = _free(name)
    import torch

    from trainbook import model

    torch.set_num_threads(whole["threads"])
    prepared = prepare.ensure(whole["data"], only)
    facts = read_facts(prepared)
    task = assembly.task(whole, facts)
    if whole["init_from"]:
        model.load_weights(task.network, project.typed(whole["init_from"]), "network.")
    assembly.freeze(task, whole["freeze"])
    module = assembly.data_module(whole, facts, prepared, prepared / "steps.safetensors")
    assembly.check_fit(task, module)
    task.recipe = assembly.recipe(whole, task, module)
    folder = project.RUNS / name
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0 and int(os.environ.get("NODE_RANK", 0)) == 0
    watching = whole["tracking"] if first else {**whole["tracking"], "enabled": False}
    with tracking.recording(watching, whole["data"]["name"], name, _tags(whole, facts, name)) as run:
        return _fit(whole, task, module, facts, prepared, folder, output or folder / "model", run, quiet)


def _fit(
    whole: dict[str, Any], task: Any, module: Any, facts: Facts, prepared: Path, folder: Path, output: Path, run: Any, quiet: bool
) -> float | None:
    """From the first step to the written model."""
    from trainbook import checkpoints, evaluation, model
    from trainbook.journal import Journal
    from trainbook.progress import Progress

    recorded = {key: value for key, value in whole.items() if key != "tracking"}
    if run is not None:
        run.parameters(recorded)
        _record_data(run, whole, facts)
    journal, kept = Journal(run), checkpoints.keeper(folder / "checkpoints", task.monitor, task.mode)
    bar = whole["tracking"]["progress_bar"] and not quiet and sys.stderr.isatty()
    watching = {
        "logger": journal,
        "callbacks": [*assembly.callbacks(whole, task), kept, *([Progress()] if bar else [])],
        "enable_progress_bar": bar,
        "enable_model_summary": whole["tracking"]["model_summary"],
    }
    with _told_apart(), quieted():
        trainer = assembly.trainer(whole, module, folder, watching)
        trainer.fit(task, datamodule=module)
        journal.closed = True
        best = checkpoints.take_best(task, kept)
        trainer.validate(task, datamodule=module, verbose=False)
    if not trainer.is_global_zero:
        return None
    value = None if kept.best_model_score is None else float(kept.best_model_score)
    identity = {"run": None if run is None else run.id, "name": folder.name, "best_epoch": best}
    with replacing(output) as new:
        model.write(new, task, recorded, prepared, {**identity, "monitor": task.monitor, "value": value}, journal.history)
    if run is not None:
        rows, predictions, targets = task.collected["val"].read(False)
        drawn = evaluation.pictures(task, rows, predictions, targets, module.columns("validation"), journal.history)
        _record_model(run, output, drawn, module, value)
    said = "" if value is None else f", {task.monitor} {value:.4f} in epoch {best}"
    print(f"{output}{said}" + ("" if run is None else f" (run {run.id})"))
    return value


def _tags(whole: dict[str, Any], facts: Facts, name: str) -> dict[str, Any]:
    commit, dirty = provenance.commit()
    return {
        tracking.NAME: name,
        "trainbook.experiment": whole["experiment"],
        "trainbook.dirty": dirty,
        "trainbook.raw": digest(facts["made_from"]["raw"]),
        "trainbook.prepared": digest(facts["prepared"]),
        "mlflow.source.git.commit": commit,
    }


def _record_data(run: Any, whole: dict[str, Any], facts: Facts) -> None:
    import json

    from trainbook.files import write_yaml

    schema = {"mlflow_tensorspec": {"features": json.dumps(facts["inputs"]), "targets": json.dumps(facts["targets"])}}
    for split in ("train", "validation"):
        run.dataset(whole["data"]["name"], facts["prepared"][split], f"data/{whole['data']['name']}", json.dumps(schema), split)
    with tempfile.TemporaryDirectory() as scratch:
        write_yaml(Path(scratch) / "settings.yaml", whole)
        run.artifact(Path(scratch) / "settings.yaml")


def _record_model(run: Any, output: Path, drawn: dict[str, Any], module: Any, value: float | None) -> None:
    from trainbook import serving
    from trainbook.model import Model

    for name, figure in drawn.items():
        run.figure(name if name == "learning_curves" else f"validation/{name}", figure)
    opened = Model.open(output)
    example = opened.preparation.source.example()
    with tempfile.TemporaryDirectory() as scratch:
        serving.save(Path(scratch) / "model", opened, example)
        run.model(output.parent.name, Path(scratch) / "model", opened.settings, {})


def _free(name: str) -> str:
    """A run's name that no folder has yet."""
    number, free = 1, name
    while (project.RUNS / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


@contextmanager
def _told_apart() -> Iterator[None]:
    """Lightning leaves with SystemExit after Ctrl-C; say what it was."""
    try:
        yield
    except SystemExit as leaving:
        if isinstance(leaving.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from leaving
        raise


@contextmanager
def quieted() -> Iterator[None]:
    """Lightning without its hints that do not apply here: blocks are no batches, and one process fetches fast enough."""
    import logging
    import warnings

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for hint in (".*does not have many workers", "The number of training batches", "GPU available but not", ".*LeafSpec"):
            warnings.filterwarnings("ignore", hint)
        yield
