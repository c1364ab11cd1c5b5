"""evaluate: a model folder and the test split -> metrics, intervals and figures, added to the model's run."""

import argparse
import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import assembly, checks, project, record, settings, tracking
from trainbook.columns import Columns
from trainbook.data.facts import read_facts
from trainbook.faults import Fault
from trainbook.files import read_json, read_yaml, refuse_others, replacing, write_json
from trainbook.stages import prepare

if TYPE_CHECKING:
    from trainbook.opponents import Opponent
    from trainbook.training import Training


def main(arguments: list[str]) -> None:
    """``trainbook evaluate model=FOLDER [evaluation.resamples=N] [--output FOLDER]``: opens the test split, on purpose."""
    parser = argparse.ArgumentParser("trainbook evaluate", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="key=value", help="model=FOLDER, evaluation.resamples=N …")
    parser.add_argument("--settings", metavar="FILE", help="how to evaluate, as compose wrote it")
    parser.add_argument("--output", metavar="FOLDER", help="the report; default: report/ beside the model")
    given = parser.parse_intermixed_args(arguments)
    words = dict(word.partition("=")[::2] for word in given.words)
    if not words.get("model"):
        raise Fault("model=FOLDER was expected, such as model=runs/<run>/model.", code=2)
    folder = project.typed(words.pop("model"))
    composed = settings.compose([*own_experiment(folder), *(f"{key}={value}" for key, value in words.items())])
    how = read_yaml(project.typed(given.settings)) if given.settings else composed["evaluation"]
    watched = composed["tracking"]
    if given.settings:
        watched = read_yaml(project.typed(given.settings).parent.parent / "tracking" / Path(given.settings).name)
    output = project.typed(given.output) if given.output else beside(folder, "report")
    evaluate(folder, output, how, watched, only=bool(given.settings))


def own_experiment(folder: Path) -> list[str]:
    """The model's own experiment, which may say how it is judged and tracked, if the project still has it."""
    from trainbook import model

    model.check_folder(folder)
    name = settings.load(folder / model.SETTINGS).get("experiment")
    return [f"experiment={name}"] if name and (project.CONF / "experiment" / f"{name}.yaml").is_file() else []


def beside(folder: Path, what: str) -> Path:
    """Where a report goes that nobody named a place for: beside the model, but not into what `dvc repro` makes."""
    if not folder.is_relative_to(project.MODELS):
        return folder.parent / (what if folder.name == "model" else f"{folder.name}-{what}")
    from trainbook.model import RUN

    return project.RUNS / str(read_yaml(folder / RUN)["name"]) / what


def evaluate(folder: Path, output: Path, how: dict[str, Any], watched: dict[str, Any], only: bool = False) -> dict[str, float]:
    """Judge every test row with a model and write the report; returns the test metrics."""
    from trainbook import model
    from trainbook.opponents import opponents
    from trainbook.training import Training

    model.check_folder(folder)
    checks.check_evaluation(how)
    refuse_others(output, "metrics.json")
    whole, known = settings.load(folder / model.SETTINGS), read_yaml(folder / model.RUN)
    prepared = prepare.ensure(whole["data"], project.PREPARED / whole["data"]["name"] if only else None)
    facts, trained_on = read_facts(prepared), read_facts(folder)
    if facts["prepared"]["steps"] != trained_on["prepared"]["steps"]:
        raise Fault(f"{folder} was trained on data prepared otherwise than {prepared}. Train it again, or restore that data.")
    run = tracking.reopen(watched, known.get("run"), str(known["name"]))
    training = Training.build({**whole, "tracking": watched}, prepared, weights=folder)
    preparation, sections = assembly.preparation(whole["data"]), how.get("baselines", {})
    offered = assembly.offered_by(whole, facts)
    against = opponents(training.task, training.module, sections, preparation, facts, offered)
    training.test(folder.parent)
    return _report(training, against, output, how, run, read_json(folder / model.HISTORY))


def _report(
    training: "Training", against: "list[Opponent]", output: Path, how: dict[str, Any], run: Any, history: list[Any]
) -> dict[str, float]:
    """Write everything, then record it."""
    from trainbook import comparison, evaluation

    task, columns = training.task, training.module.columns("test")
    rows, predictions, targets = training.collected("test")
    measured = task.measure(predictions, targets)
    metrics = {f"test/{name}": value for name, value in evaluation.scalars(measured).items()}
    ranges, baselines = comparison.beside(task, against, rows, predictions, targets, how)
    details = {
        "rows": len(rows),
        "confidence": how["confidence"],
        "resamples": how["resamples"],
        "intervals": {f"test/{name}": list(interval) for name, interval in ranges.items()},
        "watched": _compared(how, task, measured),
        "baselines": baselines,
        **{f"test/{name}": values for name, values in evaluation.vectors(measured).items()},
    }
    more = comparison.figures(metrics.get(f"test/{details['watched']}"), details)
    told = training.module.sample.beside(columns, rows.numpy())
    drawn = evaluation.pictures(task, rows, predictions, targets, columns, history, more, told)
    everything = metrics | comparison.shown(details)
    with replacing(output) as new:
        new.mkdir()
        write_json(new / "metrics.json", everything)
        write_json(new / "details.json", details)
        (new / "figures").mkdir()
        for name, figure in drawn.items():
            figure.savefig(new / "figures" / f"{name}.png", dpi=120)
        _write_curves(new / "curves", history)
        _write_predictions(new / "predictions", rows, predictions, targets)
        for each in against:
            _write_predictions(new / "predictions/baselines" / each.name, rows, each.at(rows), {})
    if run is not None:
        numbers = everything | comparison.bounds(details)
        _record(run, output, numbers, drawn, training.prepared, training.settings["data"]["name"])
    for name, value in metrics.items():
        low, high = ranges.get(name.removeprefix("test/"), (None, None))
        print(f"{name} {value:.4f}" + ("" if low is None else f" [{low:.4f}, {high:.4f}]"))
    for line in comparison.told(details):
        print(line)
    return metrics


def _compared(how: dict[str, Any], task: Any, measured: Any) -> str:
    """The metric that is shown beside that of baselines."""
    from trainbook.evaluation import watched

    name = how.get("compared") or watched(task)
    if how.get("compared") and name not in measured:
        raise Fault(f"evaluation.compared: a metric among {', '.join(measured)} was expected; got {name}.")
    return str(name)


def _write_curves(folder: Path, history: list[dict[str, float]]) -> None:
    """A table for each metric, an epoch a row: what `dvc plots` draws and compares."""
    folder.mkdir()
    for name in sorted({key for row in history for key in row if key != "epoch"}):
        with (folder / f"{name.replace('/', '_')}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["epoch", name])
            table.writerows([row["epoch"], row[name]] for row in history if name in row)


def _write_predictions(folder: Path, rows: Any, predictions: Any, targets: Any) -> None:
    arrays = {"row": rows, **predictions, **{f"target_{name}": value for name, value in targets.items()}}
    Columns({name: value.cpu().numpy() for name, value in arrays.items()}).save(folder)


def _record(run: Any, output: Path, numbers: Any, drawn: Any, prepared: Path, name: str) -> None:
    """The same numbers and pictures in the model's run, with the mark that its test split was opened."""
    run.metrics(numbers, 0, with_model=True)
    record.opened(run, name, prepared, ("test",))
    run.tags(
        {
            "trainbook.test_opened": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "trainbook.test": read_facts(prepared)["prepared"]["test"],
        }
    )
    run.artifact(output / "metrics.json", "report")
    run.artifact(output / "details.json", "report")
    run.artifact(output / "predictions", "report/predictions")
    for title in drawn:
        if title != "learning_curves":  # the training drew them
            run.artifact(output / "figures" / f"{title}.png", "figures/test")
    run.close()
