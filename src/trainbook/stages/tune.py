"""tune: a space of settings -> the best of them, as an experiment."""

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from trainbook import checks, settings
from trainbook.faults import Fault

if TYPE_CHECKING:  # --help and a mistyped key answer at once
    from trainbook.run import Run
    from trainbook.search.loop import Job
    from trainbook.search.plan import Plan
    from trainbook.search.space import Space
    from trainbook.search.study import Study


def main(arguments: list[str]) -> None:
    """``trainbook tune experiment=NAME [search=FILE] [search.KEY=value …] [key=SPACE …] [--force] [--dry-run]``"""
    parser = argparse.ArgumentParser("trainbook tune", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "words", nargs="*", metavar="key=value", help="experiment=NAME, search=FILE, settings, and what they may be"
    )
    parser.add_argument("--force", action="store_true", help="write over a tuned experiment that was edited by hand")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be searched, and do not search")
    given = parser.parse_args(arguments)
    own = [word for word in given.words if word.lstrip("+").split("=")[0].split(".")[0] == "search"]
    section, chosen = settings.compose_search(own)
    tune(section, chosen, [word for word in given.words if word not in own], given.force, given.dry_run)


def tune(section: dict[str, Any], chosen: str, words: list[str], force: bool = False, dry: bool = False) -> None:
    """Search until the plan is done, and write what came of it.

    Args:
        section: the composed settings of the search.
        chosen: the file that they come from.
        words: the settings of all trials, and the space around them.
        force: write over a tuned experiment that was edited by hand.
        dry: only check, and say what would be searched.
    """
    if not any(word.startswith("experiment=") for word in words):
        raise Fault("experiment=NAME was expected: what shall be tuned? `trainbook list` names the experiments.", code=2)
    from trainbook.search import outcome, workers
    from trainbook.search.plan import Plan
    from trainbook.search.space import Space

    space = Space.read(words, section["space"])
    fixed = any(word.startswith("threads=") for word in space.fixed) or any(each.key == "threads" for each in space.dimensions)
    whole = space.base(next(space.combinations()))
    plan = Plan.read(section, chosen, whole, fixed)
    outcome.refuse_edited(plan.experiment, force)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = section["threads"] or max(1, cores // plan.workers)
    if plan.workers * threads > cores:
        print(
            f"trainbook: {plan.workers} workers of {threads} threads share {cores} cores: each will be slower.", file=sys.stderr
        )
    if not dry:
        workers.warm()
    _check(space, whole)
    for each in plan.enqueue:
        space.told(each)
    if plan.sampler == "grid":
        space.grid()
    if dry:
        print(_described(plan, space))
        return
    _search(plan, space, whole, threads)


def _check(space: "Space", whole: dict[str, Any]) -> None:
    """Every value of the space against names, types and ranges, and every network against the data."""
    from trainbook import assembly
    from trainbook.data.facts import read_facts
    from trainbook.stages import prepare

    space.check(checks.check)
    facts = read_facts(prepare.ensure(whole["data"]))
    same = {key: whole["data"][key] for key in assembly.PREPARED_FROM}

    def fits(tried: dict[str, Any]) -> None:
        if {key: tried["data"][key] for key in assembly.PREPARED_FROM} == same:
            assembly.task(tried, facts)

    space.check(fits)


def _described(plan: "Plan", space: "Space") -> str:
    lines = [f"study {plan.name}: {plan.n_trials} trials, {plan.sampler}, pruner {plan.pruner}"]
    lines += [f"  looks for {name} ({direction})" for name, direction in plan.objectives.items()]
    return "\n".join([*lines, *(f"  {each.word}" for each in space.dimensions)])


def _search(plan: "Plan", space: "Space", whole: dict[str, Any], threads: int) -> None:
    from trainbook import tracking
    from trainbook.files import digest
    from trainbook.search import storage, studies
    from trainbook.search.board import Board
    from trainbook.search.loop import Loop

    with storage.opened() as kept:
        study = studies.begin(kept, plan, space)
        token = study.study.user_attrs[studies.TOKEN]
        tags = {"trainbook.study": plan.name, "trainbook.search": str(plan.n_trials), "trainbook.experiment": plan.experiment}
        with tracking.recording(whole["tracking"], whole["data"]["name"], plan.name, digest(token)[:32], tags) as run:
            if run is not None:
                run.parameters({"search": plan.deciding(), "space": {each.key: each.word for each in space.dimensions}})
            with Board(study) as board:
                try:
                    Loop(study, token, attempt, threads, None if run is None else run.id, board.told, board.draw).run()
                except KeyboardInterrupt:
                    print(f"trainbook: the same command goes on with study {plan.name}.", file=sys.stderr)
                    raise
                finally:
                    if run is not None:
                        tracking.close_abandoned(run.client)
            if run is not None:
                _record(run, study)
            _conclude(study, run)


def attempt(job: "Job", report: Any) -> dict[str, Any]:
    """What a worker does: one trial."""
    from trainbook.search.trial import Trial
    from trainbook.stages.train import train

    trial = Trial(job.study, job.number, job.parent, job.objectives, job.hopeless, report)
    train(job.settings, quiet=True, trial=trial)
    return trial.outcome


def _record(run: "Run", study: "Study") -> None:
    """The best trial so far and the pictures, in the search's run."""
    from trainbook.search.board import values
    from trainbook.search.pictures import pictures

    known = run.recorded()
    for each in study.study.get_trials(deepcopy=False):
        if each.values and each.state.name == "COMPLETE":
            for name, value in zip(study.plan.objectives, each.values, strict=True):
                if each.number not in known.get(f"trial/{name}", ()):
                    run.metrics({f"trial/{name}": value}, each.number)
    if (best := study.chosen()) is not None:
        about = {"trial": best.number, "run": best.user_attrs.get("run"), "value": values(best)}
        run.tags({f"best.{key}": value for key, value in (about | best.params).items()})
    for name, figure in pictures(study.study).items():
        run.figure(name, figure)


def _conclude(study: "Study", run: "Run | None") -> None:
    """The best trial as an experiment."""
    from trainbook.search import outcome
    from trainbook.search.board import summary, values

    print(summary(study))
    if (chosen := study.chosen()) is None:
        raise Fault(f"No trial of study {study.plan.name} has come to a good end; `trainbook status` says why.")
    threads = None if study.plan.threads_fixed else chosen.user_attrs["threads"]
    told = (
        f"{study.plan.experiment} as study {study.plan.name} found it: trial {chosen.number}, "
        f"{', '.join(study.plan.objectives)} {values(chosen)}, {time.strftime('%Y-%m-%d')}."
    )
    file = outcome.write(study.space, chosen.params, threads, study.plan.experiment, told)
    if run is not None:
        run.artifact(file)
    missing = outcome.list_in_params(file.stem, settings.compose([f"experiment={file.stem}"]))
    print(f"{file}: {told.partition(': ')[2]}")
    print("`dvc repro` trains it." if missing is None else f"`dvc repro` does not train it: {missing}.")
    if len(study.best()) > 1:
        print(f"Of {len(study.best())} trials that nothing beats, this one has the best {next(iter(study.plan.objectives))}.")
