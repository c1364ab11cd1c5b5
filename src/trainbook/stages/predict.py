"""predict: a model and raw inputs -> what a person reads, a line an input."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainbook import answers, project
from trainbook.faults import Fault


def main(arguments: list[str]) -> None:
    """``trainbook predict model=FOLDER|runs:/…|models:/… input=PATH [--output FILE.csv|jsonl|parquet]``"""
    parser = argparse.ArgumentParser("trainbook predict", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="key=value", help="model=FOLDER, runs:/RUN or models:/NAME@ALIAS; input=PATH")
    parser.add_argument("--output", metavar="FILE", help="write .csv, .jsonl or .parquet instead of csv to the screen")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_intermixed_args(arguments)
    named, path = model_and_input(given.words)
    output = project.typed(given.output) if given.output else None
    if output is not None:
        answers.format_of(output)
        if output.is_dir():
            raise Fault(f"--output {output}: a file was expected; this is a folder.")
    if not path.exists():
        raise Fault(f"input={path} does not exist.")
    with folder_of(named) as folder:
        _predict(folder, path, output, given.quiet or (output is None and sys.stdout.isatty()))


def model_and_input(given: list[str]) -> tuple[str, Path]:
    """What a person typed as ``model=`` and ``input=``.

    Raises:
        Fault: one of them is missing, or there is something else.
    """
    words = dict(word.partition("=")[::2] for word in given)
    if set(words) != {"model", "input"} or not all(words.values()):
        raise Fault(f"model=FOLDER and input=PATH were expected; got {' '.join(given) or 'nothing'}.", code=2)
    return words["model"], project.typed(words["input"])


@contextmanager
def folder_of(text: str) -> Iterator[Path]:
    """The model folder that a person named: one on disk, or one that MLflow keeps, brought here for the time of a block."""
    from trainbook import registry

    if not text.startswith(registry.SCHEMES):
        yield project.typed(text)
        return
    from trainbook.recorded import find, open_tracking

    opened, uri = open_tracking()
    if text.startswith("runs:/"):  # people have the name, or the first digits
        text = f"runs:/{find(text)[0].id}"
    with tempfile.TemporaryDirectory() as scratch:
        yield registry.bring(opened, registry.kept(opened, uri, text), uri, Path(scratch))


def _predict(folder: Path, path: Path, output: Path | None, quiet: bool) -> None:
    from tqdm import tqdm

    from trainbook.model import Model, check_folder

    check_folder(folder)
    model = Model.open(folder)
    rows, pieces = model.read(path)
    # disable=None: no bar where the error stream is no terminal
    bar = tqdm(total=rows, desc="Predict", unit="row", leave=False, disable=True if quiet else None)
    answered = 0
    with bar, answers.writing(output) as write:
        for names, columns in pieces:
            if names:
                table = model.answer(columns)
                lines = len(next(iter(table.values()))) // len(names)  # of each input
                write({"input": [name for name in names for _ in range(lines)], **table})
                answered += len(names)
                bar.update(len(names))
        if not answered:
            raise Fault(f"input={path}: at least one row was expected; it holds none.")
