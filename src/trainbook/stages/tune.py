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
    parser.add_argument("--force", action="store_true", help="write over a tuned experiment that was edited, or that is better")
    parser.add_argument("--dry-run", action="store_true", help="check everything, say what would be searched, and do not search")
    given = parser.parse_intermixed_args(arguments)
    own = [word for word in given.words if word.lstrip("+").split("=")[0].split(".")[0] == "search"]
    section, chosen = settings.compose_search(own)
    tune(section, chosen, [word for word in given.words if word not in own], given.force, given.dry_run)


def tune(section: dict[str, Any], chosen: str, words: list[str], force: bool = False, dry: bool = False) -> None:
    """Search until the plan is done, and write what came of it.

    Args:
        section: the composed settings of the search.
        chosen: the file that they come from.
        words: the settings of all trials, and the space around them.
        force: write over a tuned experiment that was edited by hand, or that an earlier search found and is better.
        dry: only check, and say what would be searched.
    """
    if not any(word.startswith("experiment=") for word in words):
        raise Fault("experiment=NAME was expected: what shall be tuned? `trainbook list` names them.", code=2)
    from trainbook.search import outcome, workers
    from trainbook.search.plan import Plan
    from trainbook.search.space import Space

    space = Space.read(words, section["space"])
    whole, said = space.base(next(space.combinations())), any(word.lstrip("+").startswith("threads=") for word in space.fixed)
    fixed = said or any(each.key == "threads" for each in space.dimensions)
    if isinstance(section["enqueue"], list) and all(isinstance(each, dict) for each in section["enqueue"]):
        section = {**section, "enqueue": space.fitted(section["enqueue"])}
    plan = Plan.read(section, chosen, whole, fixed)
    outcome.refuse_edited(plan.experiment, force)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = whole["threads"] if said else section["threads"] or max(1, cores // plan.workers)
    if plan.workers * threads > cores:
        print(
            f"trainbook: {plan.workers} workers of {threads} threads share {cores} cores: each will be slower.", file=sys.stderr
        )
    if not dry:
        workers.warm()
    _check(space, whole)
    for each in plan.enqueue:
        space.told(each)
    if plan.sampler == "grid" and (size := len(space.grid())) > plan.n_trials:
        print(
            f"trainbook: the grid has {size} combinations; {plan.n_trials} of them are tried (search.n_trials).", file=sys.stderr
        )
    if dry:
        print(_described(plan, space, threads))
    else:
        _search(plan, space, whole, threads, force)


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


def _described(plan: "Plan", space: "Space", threads: int) -> str:
    from trainbook.search import outcome

    many = f"{plan.workers} {'worker' if plan.workers == 1 else 'workers'} of {threads} {'thread' if threads == 1 else 'threads'}"
    lines = [f"study {plan.name}: {plan.n_trials} trials, {plan.sampler}, pruner {plan.pruner}, seed {plan.seed}, {many}"]
    lines += [f"  looks for {name} ({direction})" for name, direction in plan.objectives.items()]
    lines += [f"  {each.word}" for each in space.dimensions]
    lines += [f"  of all trials: {word}" for word in space.fixed if not word.startswith("experiment=")]
    lines += [f"  first: {each}" for each in plan.enqueue]
    return "\n".join([*lines, f"  what is best is written to {outcome.path(plan.experiment)}"])


def _search(plan: "Plan", space: "Space", whole: dict[str, Any], threads: int, force: bool) -> None:
    from trainbook import tracking
    from trainbook.files import digest
    from trainbook.search import storage, studies
    from trainbook.search.board import Board, summary
    from trainbook.search.loop import Loop

    with storage.opened() as kept:
        study = studies.begin(kept, plan, space)
        known = f"; goes on: {summary(study)}" if study.trials() else ""
        print(_described(plan, space, threads).splitlines()[0] + known, flush=True)
        token = study.study.user_attrs[studies.TOKEN]
        tags = {"trainbook.study": plan.name, "trainbook.search": str(plan.n_trials), "trainbook.experiment": plan.experiment}
        with tracking.recording(whole["tracking"], whole["data"]["name"], plan.name, digest(token)[:32], tags) as run:
            if run is not None:
                run.parameters({"search": plan.deciding(), "space": {each.key: each.word for each in space.dimensions}})
            failures: dict[int, str] = {}
            with Board(study) as board:

                def told(number: int, how: str, what: str) -> None:
                    board.told(number, how, what)
                    if how == "failed":
                        failures[number] = what

                try:
                    Loop(study, token, attempt, threads, None if run is None else run.id, told, board.draw).run()
                except KeyboardInterrupt:
                    print(f"trainbook: the same command goes on with study {plan.name}.", file=sys.stderr)
                    raise
                finally:
                    if run is not None:
                        for failure in failures.items():  # not before: trials wait for our answers, and a server may take long
                            tracking.failed(run, *failure)
                        tracking.close_abandoned(run.client)
            if not study.done():
                print(f"The time is over (search.timeout): {summary(study)}. The same command goes on.")
            if run is not None:
                _record(run, study)
            _conclude(study, run, force)


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


def _conclude(study: "Study", run: "Run | None", force: bool) -> None:
    """The best trial as an experiment."""
    from trainbook.search import outcome
    from trainbook.search.board import summary, values

    print(summary(study))
    if (chosen := study.chosen()) is None:
        raise Fault(f"No trial of study {study.plan.name} has come to a good end; `trainbook status` says why.")
    objectives, direction = ", ".join(study.plan.objectives), next(iter(study.plan.objectives.values()))
    stays = outcome.better(study.plan.experiment, objectives, direction == "max", chosen.values[0])
    if stays is not None and not force:
        print(f"{stays}; here it is {values(chosen)} (trial {chosen.number}). The same command with --force writes this one.")
        return
    outcome.refuse_edited(study.plan.experiment, force)  # a search takes long
    threads = None if study.plan.threads_fixed else chosen.user_attrs["threads"]
    trial = f"trial {chosen.number} ({study.plan.name}-{chosen.number:03d}), {objectives} {values(chosen)}"
    told = f"{study.plan.experiment} as study {study.plan.name} found it: {trial}, {time.strftime('%Y-%m-%d')}."
    file = outcome.write(study.space, chosen.params, threads, study.plan.experiment, told)
    if run is not None:
        run.artifact(file)
    missing = outcome.list_in_params(file.stem, settings.compose([f"experiment={file.stem}"]))
    print(f"{file}: {told.partition(': ')[2]}")
    print("`dvc repro` trains it." if missing is None else f"`dvc repro` does not train it: {missing}.")
    if len(study.best()) > 1:
        print(f"Of {len(study.best())} trials that nothing beats, this one has the best {next(iter(study.plan.objectives))}.")
