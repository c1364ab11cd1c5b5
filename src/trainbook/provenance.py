"""What a result came from: the commit, and the source files that its targets reach."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from trainbook.changes import git
from trainbook.files import file_digest

PACKAGE = Path(__file__).parent
DECIDING = ("conf", "src", "params.yaml", "dvc.yaml", "data.dvc")
"""What a result follows from, in a project's repository."""


def commit() -> tuple[str, bool]:
    """The commit that is checked out, and whether what decides over a result differs from it, new files included.

    Without git: ``("unknown", False)``.
    """
    try:
        head = git("rev-parse", "HEAD").decode().strip()
        return head, bool(git("status", "--porcelain", "--", *DECIDING))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def targets(section: Any) -> list[str]:
    """Every ``_target_`` in a section of settings, in order."""
    if isinstance(section, dict):
        own = [section["_target_"]] if isinstance(section.get("_target_"), str) else []
        return own + [target for value in section.values() for target in targets(value)]
    return [target for value in section for target in targets(value)] if isinstance(section, list) else []


def source_digests(named: Iterable[str]) -> dict[str, str]:
    """sha256 of each trainbook source file that dotted names reach by import, by path within the package.

    Imports are read from the text, wherever they stand in it, but for those under ``if TYPE_CHECKING``; nothing is run.
    """
    reached: set[Path] = set()
    waiting = [file for name in named if (file := _file(name)) is not None]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting.extend(_imports(file))
    return {file.relative_to(PACKAGE).as_posix(): _digest(file) for file in sorted(reached)}


def foreign_digests(named: Iterable[str]) -> dict[str, str]:
    """sha256 of the source files of modules that hold dotted names and are not trainbook's own, by module."""
    found = {}
    for name in named:
        module = sys.modules.get(name.rpartition(".")[0])
        if module is not None and name.split(".")[0] != PACKAGE.name and getattr(module, "__file__", None):
            found[module.__name__] = _digest(Path(str(module.__file__)))
    return found


def _file(name: str) -> Path | None:
    """The source file of a dotted name: that of the module itself, or of the module that holds the last part."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    for known in (parts[1:], parts[1:-1]):
        file = PACKAGE.joinpath(*known).with_suffix(".py")
        if known and file.is_file():
            return file
    return None


@cache
def _imports(file: Path) -> list[Path]:
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
    return [found for name in names if (found := _file(name)) is not None]


@cache
def _digest(file: Path) -> str:
    return file_digest(file)
