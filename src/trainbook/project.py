"""Where things lie in a project: the folder that holds `dvc.yaml` and `conf/`, and what is below it."""

import os
from pathlib import Path

from trainbook.faults import Fault

CONF = Path("conf")
SETTINGS = Path("build/settings")
PREPARED = Path("build/prepared")
MODELS = Path("build/model")
REPORTS = Path("build/report")
RUNS = Path("runs")

_started_in = Path.cwd()


def enter(required: bool = True) -> None:
    """Go to the project's root, the nearest parent that holds `dvc.yaml` and `conf/`; all paths here are relative to it.

    Raises:
        Fault: no such parent, and one is ``required``.
    """
    global _started_in
    _started_in = Path.cwd()
    for folder in (_started_in, *_started_in.parents):
        if (folder / "dvc.yaml").is_file() and (folder / CONF).is_dir():
            os.chdir(folder)
            return
    if required:
        raise Fault(
            f"A trainbook project was expected (a folder with dvc.yaml and conf/); neither {_started_in} nor a folder "
            "above it is one. Change into your project first."
        )


def typed(text: str) -> Path:
    """The path that a person typed, seen from the folder where the command was started; short where it can be."""
    path = Path(os.path.normpath(_started_in / Path(text).expanduser()))
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
