"""explain: a model and raw inputs -> what its answers hang on, as tables and figures; the test split stays closed."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trainbook import project, registry, settings, tracking
from trainbook.columns import Columns
from trainbook.data.facts import read_facts
from trainbook.faults import Fault
from trainbook.files import read_yaml, refuse_others, replacing, write_json
from trainbook.stages import prepare
from trainbook.stages.evaluate import beside, own_experiment
from trainbook.stages.predict import folder_of, model_and_input

if TYPE_CHECKING:
    from trainbook.model import Model

ABOUT = "explanation.json"
"""How it was done; by this file a folder is known that may be replaced."""


def main(arguments: list[str]) -> None:
    """``trainbook explain model=FOLDER|runs:/…|models:/… input=PATH [--output FOLDER] [--quiet]``"""
    parser = argparse.ArgumentParser("trainbook explain", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="key=value", help="model=FOLDER, runs:/RUN or models:/NAME@ALIAS; input=PATH")
    parser.add_argument("--output", metavar="FOLDER", help="tables and figures; default: explanation/ beside the model")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    given = parser.parse_intermixed_args(arguments)
    named, path = model_and_input(given.words)
    if not path.exists():
        raise Fault(f"input={path} does not exist.")
    with folder_of(named) as folder:
        from trainbook.model import RUN, check_folder

        check_folder(folder)
        kept = named.startswith(registry.SCHEMES)  # by MLflow: the folder goes again
        output = project.RUNS / str(read_yaml(folder / RUN)["name"]) / "explanation" if kept else beside(folder, "explanation")
        explain(folder, path, project.typed(given.output) if given.output else output, given.quiet)


def explain(folder: Path, path: Path, output: Path, quiet: bool) -> None:
    """Explain a model's answers to raw inputs, and the model as a whole; write it, record it, and say what counts most."""
    import torch

    from trainbook.explanations import local, overall
    from trainbook.model import Model

    refuse_others(output, ABOUT)
    model = Model.open(folder)
    torch.set_num_threads(model.settings["threads"])  # the same bits as in training, and few rows gain nothing by more
    lines: list[str] = []
    train, validation = _rows(model)
    with replacing(output) as new:
        (new / "figures").mkdir(parents=True)
        how = local.explain(model, path, train, new, quiet)
        if validation is not None:
            more, lines = overall.explain(model, validation, new, quiet)
            how |= more
        write_json(new / ABOUT, how)
    _record(folder, output)
    print("\n".join([*lines, f"figures: {output / 'figures'}"]))


def _rows(model: "Model") -> tuple[Columns | None, Columns | None]:
    """Prepared training rows, and raw validation rows of a table, if the raw data that the model was trained on are here."""
    from trainbook.explanations.feature import raw_features

    pictures = all(len(known["shape"]) > 1 for known in model.facts["raw"].values())
    if pictures or all("vocabulary" in known for known in model.facts["inputs"].values()):  # texts
        return None, None
    if missing := [path for path in model.preparation.source.files() if not path.is_file()]:
        why = f"{missing[0]} is not here"
    else:
        prepared = prepare.ensure(model.settings["data"])
        now, then = read_facts(prepared)["prepared"], model.facts["prepared"]
        if all(now[part] == then[part] for part in ("train", "validation", "steps")):
            validation = model.preparation.raw_splits()["validation"]
            rows = validation.rows == model.sample.count(validation)  # a row is an example
            return Columns.load(prepared / "train"), validation if rows and raw_features(model.facts, validation) else None
        why = "the raw data that are here are not those that the model was trained on"
    print(
        f"trainbook: {why}; rows are held against zeros, and a table's importance and dependence are left out.", file=sys.stderr
    )
    return None, None


def _record(folder: Path, output: Path) -> None:
    """The same tables and figures in the model's run, if it has one and the project's tracking is there."""
    from trainbook.model import RUN

    known = read_yaml(folder / RUN)
    if known.get("run") is None or not project.CONF.is_dir():
        return
    try:
        watched = settings.compose(own_experiment(folder))["tracking"]
        run = tracking.reopen(watched, known["run"], str(known["name"]))
    except Fault as fault:
        print(f"trainbook: {fault} Nothing is recorded there.", file=sys.stderr)
        return
    if run is not None:
        for path in sorted(output.iterdir()):
            run.artifact(path, {"figures": "figures/explanation", "maps": "explanation/maps"}.get(path.name, "explanation"))
        run.close()
