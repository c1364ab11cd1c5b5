"""predict: a model folder and raw inputs -> what a person reads, a line an input."""

import argparse
import csv
import io
import sys

from trainbook import project
from trainbook.faults import Fault
from trainbook.files import write_text


def main(arguments: list[str]) -> None:
    """``trainbook predict model=FOLDER input=PATH [--output FILE.csv]``"""
    parser = argparse.ArgumentParser("trainbook predict", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="key=value", help="model=FOLDER and input=PATH")
    parser.add_argument("--output", metavar="FILE", help="write csv to this file instead of the screen")
    given = parser.parse_args(arguments)
    words = dict(word.partition("=")[::2] for word in given.words)
    if set(words) != {"model", "input"} or not all(words.values()):
        raise Fault(f"model=FOLDER and input=PATH were expected; got {' '.join(given.words) or 'nothing'}.", code=2)
    from trainbook.model import Model, check_folder

    folder, path = project.typed(words["model"]), project.typed(words["input"])
    check_folder(folder)
    if not path.exists():
        raise Fault(f"input={path} does not exist.")
    model = Model.open(folder)
    names, columns = model.read(path)
    if not names:
        raise Fault(f"input={path}: at least one row was expected; it holds none.")
    answers = model.answer(columns)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["input", *answers])
    said = [[f"{value:.6f}" for value in each] if each.dtype.kind == "f" else each.tolist() for each in answers.values()]
    table.writerows(zip(names, *said, strict=True))
    if given.output:
        write_text(project.typed(given.output), text.getvalue())
    else:
        sys.stdout.write(text.getvalue())
