"""folds: cross-validation, a training and an evaluation for each fold, below one run in MLflow."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import assembly, checks, project, settings
from trainbook.data.facts import read_facts
from trainbook.faults import Fault
from trainbook.files import read_json, read_yaml, replacing
from trainbook.folds import Folds, deviation, mean
from trainbook.stages import prepare

if TYPE_CHECKING:
    from trainbook.run import Run


def cross_validate(whole: dict[str, Any], output: Path | None, quiet: bool, profiled: bool, fresh: bool) -> None:
    """Train on all folds of the training rows but one, judge that one, and so on; then say how far they agree.

    Each fold is prepared, trained and evaluated as any run, with ``data.split.folds`` and ``data.split.fold`` set. When an
    interrupted cross-validation goes on, folds that are done are left alone.

    Args:
        whole: composed and checked settings, with ``folds``.
        output, quiet, profiled, fresh: as ``train`` takes them.

    Raises:
        Fault: the data cannot be cut so, or one training was expected and not several.
    """
    count, data, trainer, watched = whole["folds"], whole["data"], whole["trainer"], whole["tracking"]
    if output is not None:
        raise Fault(f"--output {output} takes one model, and folds={count} makes {count}; they go below runs/.", code=2)
    if trainer["devices"] != 1 or trainer["num_nodes"] != 1:
        raise Fault("A fold is one process, and they come one after the other: trainer.devices=1 was expected.")
    first = _below(whole, 0, "", None)["data"]
    checks.check_data(first)
    prepare.ensure(first)  # what cannot be cut is said before a run begins
    from trainbook import claim, record, tracking

    recorded = _recorded(whole) | {"folds": count}
    same = record.identity(recorded, {"prepared": prepare.made_from(data, assembly.preparation(data))})
    otherwise = claim.timely(whole["experiment"] or data["name"])
    with claim.claimed(same, watched["run_name"], otherwise, fresh, leads=True) as claimed:
        folds, name = Folds.read(claimed.folder), claimed.folder.name
        if claimed.resumes:
            print(f"trainbook: goes on with the interrupted cross-validation in {_far(folds, count)}.", file=sys.stderr)
        tags = record.named(recorded, name) | {tracking.FOLDS: count}
        itself = {**watched, "system_metrics": False}  # the folds have them
        with tracking.recording(itself, data["name"], name, claimed.token, tags) as run:
            if run is not None:
                run.parameters(recorded)
            try:
                for number in range(count):
                    if number not in folds.done:
                        print(f"trainbook: fold {number}, {number + 1} of {count}", file=sys.stderr)
                        folds.note(number, *_do(_below(whole, number, name, run), quiet, profiled))
            except KeyboardInterrupt:
                print(f"trainbook: the same command goes on with {_far(folds, count)}; --fresh starts over.", file=sys.stderr)
                raise
            _report(folds, run)
        claimed.end("finished")


def _far(folds: Folds, count: int) -> str:
    return f"{folds.folder}, where {len(folds.done)} of {count} folds are done"


def _below(whole: dict[str, Any], number: int, parent: str, run: "Run | None") -> dict[str, Any]:
    """The settings of one fold: those of an ordinary training."""
    from trainbook import tracking

    watched, data = whole["tracking"], whole["data"]
    tags = {**(watched["tags"] or {}), tracking.FOLD: number} | ({} if run is None else {tracking.PARENT: run.id})
    return {
        **whole,
        "folds": None,
        "data": {**data, "split": {**data["split"], "folds": whole["folds"], "fold": number}},
        "tracking": {**watched, "run_name": f"{parent}-fold-{number}", "tags": tags},
    }


def _recorded(whole: dict[str, Any]) -> dict[str, Any]:
    """Settings as a training records them."""
    begun = whole["init_from"] and str(project.typed(whole["init_from"]))
    return {key: value for key, value in whole.items() if key not in settings.WATCHED} | {"init_from": begun}


def _do(whole: dict[str, Any], quiet: bool, profiled: bool) -> tuple[str, str | None, dict[str, float]]:
    """Train and evaluate one fold; one that was trained before an interruption is only evaluated.

    Returns:
        The name of its folder, the id of its run, and its metrics without ``test/``, those of baselines among them.
    """
    from trainbook import claim, record
    from trainbook.stages.evaluate import evaluate
    from trainbook.stages.train import train

    same = record.identity(_recorded(whole), read_facts(prepare.ensure(whole["data"])))
    about = same, whole["tracking"]["run_name"], "finished"
    if claim.found(*about) is None:
        train(whole, quiet=quiet, profiled=profiled)
    folder = claim.found(*about)
    assert folder is not None
    evaluate(folder / "model", folder / "report", whole["evaluation"], whole["tracking"])
    metrics, known = read_json(folder / "report" / "metrics.json"), read_yaml(folder / "model" / "run.yaml")
    return folder.name, known["run"], {name.removeprefix("test/"): value for name, value in metrics.items()}


def _report(folds: Folds, run: "Run | None") -> None:
    """Mean and deviation of each metric: as a table, as a picture, in the run, and said."""
    from trainbook.figures.folds import draw

    table, metrics = folds.write(), folds.metrics
    with replacing(folds.folder / "folds.png") as new:
        draw(values=metrics).savefig(new, dpi=120, format="png")
    if run is not None:
        both = {f"mean/{name}": mean(values) for name, values in metrics.items()}
        both |= {f"deviation/{name}": deviation(values) for name, values in metrics.items()}
        known = run.recorded()
        run.metrics({name: value for name, value in both.items() if name not in known}, 0)
        run.artifact(table)
        run.artifact(folds.folder / "folds.png", "figures")
    print(folds.told())
    print(f"{table}" + ("" if run is None else f" (run {run.id})"))
