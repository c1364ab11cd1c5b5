"""train: settings and prepared data -> a model folder, and a run in MLflow."""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import processes, project, settings
from trainbook.faults import Fault, Pruned
from trainbook.files import file_digest, read_yaml, refuse_others, replacing

if TYPE_CHECKING:  # --help and a mistyped key answer at once: what they do without is imported where it is used
    from trainbook.claim import Claim
    from trainbook.run import Run
    from trainbook.search.trial import Trial
    from trainbook.training import Training, Watching


def main(arguments: list[str]) -> None:
    """``trainbook train experiment=NAME [key=value …]``, or ``trainbook train --settings FILE --output FOLDER``."""
    parser = argparse.ArgumentParser("trainbook train", add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--output")
    for flag in ("--quiet", "--profile", "--fresh"):
        parser.add_argument(flag, action="store_true")
    given, rest = parser.parse_known_args(arguments)
    output = project.typed(given.output) if given.output else None
    if not given.settings:
        if output is not None and output.parts[:1] == ("build",):
            raise Fault(f"--output {output}: build/ holds what `dvc repro` makes; choose another folder.", code=2)
        how = {"quiet": given.quiet, "profiled": given.profile, "fresh": given.fresh}
        settings.run(partial(train, output=output, **how), rest, _check)
        return
    if rest or output is None:
        raise Fault(f"--settings goes with --output and no other words; got {' '.join(rest) or 'no --output'}.", code=2)
    path = project.typed(given.settings)
    whole = settings.load(path)
    for section in ("tracking", "checkpoints"):
        whole[section] = read_yaml(path.parent / section / path.name)
    del whole["code"]
    train(whole, output, given.quiet, given.profile, given.fresh, only=project.PREPARED / whole["data"]["name"])


def _check(whole: dict[str, Any]) -> None:
    from trainbook import checks

    checks.check(whole)


def train(
    whole: dict[str, Any],
    output: Path | None = None,
    quiet: bool = False,
    profiled: bool = False,
    fresh: bool = False,
    only: Path | None = None,
    trial: "Trial | None" = None,
) -> float | None:
    """Train once, or once a fold. Returns the best value of the monitored metric; None of several trainings.

    Args:
        whole: composed settings.
        output: the model folder; None = `runs/<run>/model`.
        quiet: no progress bar.
        profiled: say where the time went, in the run and on the screen.
        fresh: do not go on with an interrupted training.
        only: the one folder of prepared data that may be used; None = any that fits.
        trial: the search that this training is a trial of.

    Raises:
        Pruned: the search gives it up.
    """
    began = time.perf_counter()
    from trainbook.address import address
    from trainbook.stages import prepare

    if whole["tracking"]["enabled"]:
        address(whole["tracking"])
    _check(whole)
    if whole.get("folds"):
        from trainbook.stages import folds

        folds.cross_validate(whole, output, quiet, profiled, fresh)
        return None
    if whole["init_from"]:  # seen from the root, as everything that is recorded
        whole = {**whole, "init_from": str(project.typed(whole["init_from"]))}
    if profiled and whole["trainer"].get("profiler"):
        raise Fault("--profile and trainer.profiler measure in two ways; one of them was expected.", code=2)
    if output is not None:
        refuse_others(output, "run.yaml")
    prepared = prepare.ensure(whole["data"], only)
    from trainbook import checkpoints, claim
    from trainbook.profile import Profile
    from trainbook.record import identity
    from trainbook.training import Training, Watching

    training = Training.build(whole, prepared)
    recorded = {key: value for key, value in whole.items() if key not in settings.WATCHED}
    leads = processes.leads()
    watched = whole["tracking"] if leads else {**whole["tracking"], "enabled": False}
    otherwise = claim.timely(whole["experiment"] or whole["data"]["name"])
    same = identity(recorded, training.facts)
    name, token = (watched["run_name"], None) if trial is None else (trial.name, trial.token(same))
    with claim.claimed(same, name, otherwise, fresh, leads, token) as claimed:
        if claimed.resumes:
            begun, _ = checkpoints.latest(claimed.folder / "checkpoints")
            where = "from its beginning" if begun is None else "from epoch {}, batch {}".format(*checkpoints.position(begun))
            print(f"trainbook: goes on with the interrupted training in {claimed.folder}, {where}.", file=sys.stderr)
        profile = Profile(began) if profiled and leads else None
        bar = watched["progress_bar"] and not quiet and sys.stdout.isatty()  # where Lightning draws it
        _fit(training, recorded, claimed, output or claimed.folder / "model", watched, Watching(bar, profile, trial))
        if trial is not None:
            trial.ended(claimed.folder)
        claimed.end("finished")
    return training.best_value


def _fit(
    training: "Training",
    recorded: dict[str, Any],
    claimed: "Claim",
    output: Path,
    watched: dict[str, Any],
    watching: "Watching",
) -> None:
    """Train, within a run of MLflow if it is wanted, and write what came of it."""
    from trainbook import record, registry, tracking
    from trainbook.journal import Journal

    folder, data, trial = claimed.folder, recorded["data"]["name"], watching.trial
    tags = record.tags(recorded, training.facts, folder.name) | ({} if trial is None else trial.tags)
    with tracking.recording(watched, data, folder.name, claimed.token, tags) as run:
        if claimed.token:
            settings.save(folder / "settings.yaml", recorded)
            written = [folder / "settings.yaml", *record.begin(folder, recorded, training.facts)]
        if run is not None:
            run.parameters(recorded)
            for path in written:
                run.artifact(path)
            record.opened(run, data, training.prepared, ("train", "validation"))
        try:
            training.fit(folder, Journal(run), watching)
        except (Fault, Pruned) as error:  # it would come again
            claimed.end("pruned" if isinstance(error, Pruned) else "failed")
            raise
        except KeyboardInterrupt:
            if claimed.token and trial is None:
                print(f"trainbook: the same command goes on with {folder}; --fresh starts over.", file=sys.stderr)
            raise
        if training.leads:
            _write(training, recorded, tags, output, run)
            known = record.end(folder, output)
            if trial is not None:
                trial.judge(training, folder)
            if run is not None:
                run.artifact(folder / record.RECORD)
                best = "" if training.best_value is None else f"{training.best_value:.4f}"
                noted = file_digest(output / "run.yaml")
                run.tags({registry.WEIGHTS: known["weights"], registry.NOTED: noted, "trainbook.best": best})
        if (profile := watching.profile) is not None:
            profile.tell(folder / "profile.md", len(training.history))
            if run is not None:
                run.artifact(folder / "profile.md")


def _write(training: "Training", recorded: dict[str, Any], tags: dict[str, Any], output: Path, run: "Run | None") -> None:
    """The model folder, then what of it the run shows."""
    from trainbook import evaluation, model, registry, serving, tracking

    name = tags[tracking.NAME]
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
    if training.settings["tracking"].get("figures", True):
        columns, collected = training.module.columns("validation"), training.collected("val")
        told = training.module.sample.beside(columns, collected[0].numpy())
        for figure, drawn in evaluation.pictures(training.task, *collected, columns, training.history, None, told).items():
            run.figure(figure if figure == "learning_curves" else f"validation/{figure}", drawn)
    with tempfile.TemporaryDirectory() as scratch:
        opened = model.Model.open(output)
        serving.save(Path(scratch) / "model", opened, opened.preparation.source.example())
        known = {**tags, registry.WEIGHTS: file_digest(output / model.WEIGHTS)}
        run.model(name, Path(scratch) / "model", recorded, {key: str(value) for key, value in known.items()})
