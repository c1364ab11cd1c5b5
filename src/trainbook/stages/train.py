"""train: settings and prepared data -> a model folder, and a run in MLflow."""

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import project, settings
from trainbook.faults import Fault
from trainbook.files import digest, read_yaml, refuse_others, replacing, write_text

if TYPE_CHECKING:  # --help and a mistyped key answer at once: what they do without is imported where it is used
    from trainbook import tracking
    from trainbook.data.facts import Facts
    from trainbook.profile import Profile
    from trainbook.training import Training

FOLDER = "TRAINBOOK_RUN_FOLDER"
PROCESS = "process"
"""File in a run's folder: which process works on it, or did."""


def main(arguments: list[str]) -> None:
    """``trainbook train experiment=NAME [key=value …]``, or ``trainbook train --settings FILE --output FOLDER``."""
    parser = argparse.ArgumentParser("trainbook train", add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--output")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--profile", action="store_true")
    given, rest = parser.parse_known_args(arguments)
    output = project.typed(given.output) if given.output else None
    if not given.settings:
        if output is not None and output.parts[:1] == ("build",):
            raise Fault(f"--output {output}: build/ holds what `dvc repro` makes; choose another folder.", code=2)
        settings.run(partial(train, output=output, quiet=given.quiet, profiled=given.profile), rest, _check)
        return
    if rest or output is None:
        raise Fault(f"--settings goes with --output and no other words; got {' '.join(rest) or 'no --output'}.", code=2)
    path = project.typed(given.settings)
    whole = settings.load(path)
    whole["tracking"] = read_yaml(path.parent / "tracking" / path.name)
    del whole["code"]
    train(whole, output, given.quiet, given.profile, only=project.PREPARED / whole["data"]["name"])


def _check(whole: dict[str, Any]) -> None:
    from trainbook import checks

    checks.check(whole)


def train(
    whole: dict[str, Any],
    output: Path | None = None,
    quiet: bool = False,
    profiled: bool = False,
    only: Path | None = None,
) -> float | None:
    """Train once. Returns the best value of the monitored metric.

    Args:
        whole: composed settings.
        output: the model folder; None = `runs/<run>/model`.
        quiet: no progress bar.
        profiled: say where the time went, in the run and on the screen.
        only: the one folder of prepared data that may be used; None = any that fits.
    """
    began = time.perf_counter()
    from trainbook import tracking
    from trainbook.address import address
    from trainbook.stages import prepare

    if whole["tracking"]["enabled"]:
        address(whole["tracking"])
    _check(whole)
    if profiled and whole["trainer"].get("profiler"):
        raise Fault("--profile and trainer.profiler measure in two ways; one of them was expected.", code=2)
    if output is not None:
        refuse_others(output, "run.yaml")
    prepared = prepare.ensure(whole["data"], only)
    from trainbook.journal import Journal
    from trainbook.profile import Profile
    from trainbook.training import Training

    training = Training.build(whole, prepared)
    folder = _folder(whole)
    output = output or folder / "model"
    leads = not int(os.environ.get("LOCAL_RANK", 0)) and not int(os.environ.get("NODE_RANK", 0))
    watched = whole["tracking"] if leads else {**whole["tracking"], "enabled": False}
    with tracking.recording(watched, whole["data"]["name"], folder.name, _tags(whole, training.facts, folder.name)) as run:
        recorded = {key: value for key, value in whole.items() if key not in settings.WATCHED}
        if leads:
            settings.save(folder / "settings.yaml", recorded)
        if run is not None:
            run.parameters(recorded)
            run.artifact(folder / "settings.yaml")
            record_data(run, whole["data"]["name"], prepared, ("train", "validation"))
        profile = Profile(began) if profiled and leads else None
        training.fit(folder, Journal(run), whole["tracking"]["progress_bar"] and not quiet and sys.stderr.isatty(), profile)
        if training.leads:
            _write(training, recorded, folder.name, output, run)
        if profile is not None:
            _tell_times(profile, folder / "profile.md", len(training.history), run)
    return training.best_value


def _tell_times(profile: "Profile", path: Path, epochs: int, run: "tracking.Run | None") -> None:
    table = profile.table(epochs)
    write_text(path, table)
    print(table, end="")
    if run is not None:
        run.artifact(path)


def _folder(whole: dict[str, Any]) -> Path:
    """A folder under `runs/` that is not there yet, named after the run; that of the first process for all others."""
    if int(os.environ.get("LOCAL_RANK", 0)) and FOLDER in os.environ:
        return Path(os.environ[FOLDER])
    name = whole["tracking"]["run_name"] or f"{whole['experiment'] or whole['data']['name']}-{time.strftime('%Y%m%d-%H%M%S')}"
    if Path(name).name != name:
        raise Fault(f"tracking.run_name: a name without slashes was expected; got {name!r}.")
    number, folder = 1, project.RUNS / name
    while not _made(folder):
        number, folder = number + 1, project.RUNS / f"{name}-{number + 1}"
    os.environ[FOLDER] = str(folder)  # Lightning's other processes inherit it
    return folder


def _made(folder: Path) -> bool:
    """Make a folder; False if somebody else has it already, were it in this very moment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    from trainbook import processes

    write_text(folder / PROCESS, processes.this())
    return True


def _tags(whole: dict[str, Any], facts: "Facts", name: str) -> dict[str, Any]:
    from trainbook import provenance, tracking

    commit, dirty = provenance.commit()
    return {
        tracking.NAME: name,
        "trainbook.experiment": whole["experiment"],
        "trainbook.dirty": dirty,
        "trainbook.raw": digest(facts["made_from"]["raw"]),
        "trainbook.prepared": digest(facts["prepared"]),
        "mlflow.source.git.commit": commit,
    }


def record_data(run: "tracking.Run", name: str, prepared: Path, splits: tuple[str, ...]) -> None:
    """The splits of a prepared data set that are opened, as inputs of the run."""
    from trainbook.data.facts import read_facts

    facts = read_facts(prepared)
    schema = {"mlflow_tensorspec": {"features": json.dumps(facts["inputs"]), "targets": json.dumps(facts["targets"])}}
    for split in splits:
        run.dataset(name, facts["prepared"][split], str(prepared), json.dumps(schema), split)


def _write(training: "Training", recorded: dict[str, Any], name: str, output: Path, run: "tracking.Run | None") -> None:
    """The model folder, then what of it the run shows."""
    from trainbook import evaluation, model, serving

    identity = {
        "run": None if run is None else run.id,
        "name": name,
        "best_epoch": training.best_epoch,
        "monitor": training.task.monitor,
        "value": training.best_value,
    }
    with replacing(output) as new:
        model.write(new, training.task, recorded, training.prepared, identity, training.history)
    said = (
        ""
        if training.best_epoch is None
        else f", {training.task.monitor} {training.best_value:.4f} in epoch {training.best_epoch}"
    )
    print(f"{output}{said}" + ("" if run is None else f" (run {run.id})"))
    if run is None:
        return
    columns, collected = training.module.columns("validation"), training.collected("val")
    for figure, drawn in evaluation.pictures(training.task, *collected, columns, training.history).items():
        run.figure(figure if figure == "learning_curves" else f"validation/{figure}", drawn)
    with tempfile.TemporaryDirectory() as scratch:
        opened = model.Model.open(output)
        serving.save(Path(scratch) / "model", opened, opened.preparation.source.example())
        run.model(name, Path(scratch) / "model", recorded)
