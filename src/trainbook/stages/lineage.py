"""lineage: where something came from, and what came of it, as a tree."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from trainbook import project, tracking
from trainbook.files import digest, file_digest, read_yaml

if TYPE_CHECKING:
    from trainbook.lineage import Book, Node, Training

SHORT = 12
"""Characters of a digest that are shown."""
BESIDE = 8
"""Lines at most for what else came of the same."""


def main(arguments: list[str]) -> None:
    """``trainbook lineage RAW_FILE|PREPARED|RUN|MODEL_FOLDER|models:/NAME@ALIAS``"""
    parser = argparse.ArgumentParser("trainbook lineage", description=__doc__, allow_abbrev=False)
    parser.add_argument("what", help="a raw file, prepared data or a model folder; a run; models:/NAME@ALIAS")
    given = parser.parse_args(arguments)
    from trainbook.lineage import Book

    book = Book()
    Console(width=None if sys.stdout.isatty() else 160).print(tree(book, book.node(given.what)))


def tree(book: "Book", node: "Node") -> Tree:
    """From the raw files down; what was asked for is marked, and whatever is beside it is cut short."""
    files = book.files(node.raw)
    folder = Path(next(iter(files), "unknown")).parent
    drawn = Tree(_line(f"raw {folder}: {len(files)} files, {node.raw[:SHORT]}", marked=node.prepared is None))
    for path, then in list(files.items())[:BESIDE]:
        now = file_digest(Path(path)) if Path(path).is_file() else None
        state = "as it lies here" if now == then else "not here" if now is None else f"{now[:SHORT]} lies here"
        drawn.add(_line(f"{path} {then[:SHORT]}, {state}"))
    if len(files) > BESIDE:
        drawn.add(f"… and {len(files) - BESIDE} files more")
    for text in _dvc("data.dvc", folder):
        drawn.add(_line(text))
    for prepared, runs in book.came_of(node.raw).items():
        _prepared(drawn, book, node, prepared, runs)
    return drawn


def _prepared(above: Tree, book: "Book", node: "Node", prepared: str, runs: "list[Training]") -> None:
    here = [path for path, facts in book.prepared.items() if digest(facts["prepared"]) == prepared]
    where = "".join(f", {_lying(path)}" for path in here) or ", not here"
    branch = above.add(_line(f"prepared {prepared[:SHORT]}{where}", marked=node.prepared == prepared and node.run is None))
    asked = [run for run in runs if run.id == node.run]
    others = [run for run in runs if run.id != node.run]
    shown = [run for run in others if run.versions] + [run for run in others if not run.versions]
    for run in asked:
        _run(branch, book, run)
    for run in shown[:BESIDE]:
        line = branch.add(_line(_said(run)))
        for version in run.versions:
            line.add(_line(version))
    if len(shown) > BESIDE:
        branch.add(f"… and {len(shown) - BESIDE} runs more")


def _run(above: Tree, book: "Book", run: "Training") -> None:
    """The run that was asked for, in full."""
    branch = above.add(_line(_said(run), marked=True))
    changed = ", with uncommitted changes" if run.tags.get("trainbook.dirty") == "True" else ""
    branch.add(_line(f"commit {run.tags.get('mlflow.source.git.commit', 'unknown')[:SHORT]}{changed}"))
    settings = project.SETTINGS / f"{run.tags.get('trainbook.experiment')}.yaml"
    branch.add(_line(f"settings: artifact settings.yaml of the run{f', {_lying(settings)}' if settings.is_file() else ''}"))
    if parent := run.tags.get(tracking.PARENT):
        what = f"fold {fold} of the cross-validation" if (fold := run.tags.get(tracking.FOLD)) else "trial of the search"
        branch.add(_line(f"{what} whose run is {parent}"))
    for each in book.began_with(run):
        branch.add(_line(f"began with the weights of {_said(each)}"))
    weights = branch.add(_line(f"weights {(run.weights or 'none yet')[:SHORT]}"))
    for path in (path for path, of in book.models.items() if of == run.id):
        weights.add(_line(_lying(path)))
    if tested := run.tags.get("trainbook.test"):
        weights.add(_line(f"judged on test rows {tested[:SHORT]}"))
    for version in run.versions:
        weights.add(_line(version))
    for each in book.went_on_from(run):
        weights.add(_line(f"with them began {_said(each)}"))


def _said(run: "Training") -> str:
    return f"run {run.id[:8]} {run.name} {run.status}"


def _lying(path: Path) -> str:
    """A folder of the project, and what dvc.lock knows of it."""
    return " ".join([str(path), *(f"({text})" for text in _dvc("dvc.lock", path))])


def _dvc(file: str, path: Path) -> list[str]:
    """The entries of `data.dvc` or `dvc.lock` that a path lies in, or is."""
    if not Path(file).is_file():
        return []
    known = read_yaml(Path(file))
    outs = {"": known.get("outs", [])} | {f" {name}": stage.get("outs", []) for name, stage in known.get("stages", {}).items()}
    found = [(stage, out) for stage, listed in outs.items() for out in listed if path.is_relative_to(out["path"])]
    remote = {str(out["path"]): f", remote {out['remote']}" if "remote" in out else "" for _, out in found}
    return [f"{file}{stage}: {out['path']} md5 {str(out.get('md5'))[:SHORT]}{remote[out['path']]}" for stage, out in found]


def _line(text: str, marked: bool = False) -> Text:
    return Text(text + (" ◄" if marked else ""), "bold green" if marked else "", overflow="fold")
