"""Imports run one way."""

import ast
from pathlib import Path

import pytest

import trainbook

PACKAGE = Path(trainbook.__file__).parent if trainbook.__file__ else Path(trainbook.__path__[0])
LAYERS = [
    {"__main__", "preload"},
    {"stages"},
    {"card", "gate", "lineage", "folds"},
    {"training", "evaluation", "bootstrap", "opponents", "comparison", "serving", "reproduction", "explanations"},
    {"recorded"},
    {"model", "weights", "journal", "progress", "profile", "portrait"},
    {"record"},
    {"search"},
    {"assembly", "descending", "checks", "tracking", "registry"},
    {"posted", "machine"},
    {"outbox"},
    {"address", "run"},
    {"data", "networks", "tasks", "baselines", "figures", "checkpoints", "compilation"},
    {"metrics"},
    {"settings", "signatures", "provenance"},
    {"mistakes", "claim", "worktree"},
    {"changes", "environment"},
    {"batch", "columns", "project", "files", "faults", "processes", "suggestions", "answers", "requirements"},
]
APART = {"data", "networks", "tasks", "baselines", "figures"}
FORBIDDEN_BELOW_ASSEMBLY = {"hydra", "omegaconf", "dvc", "optuna", "mlflow"}
ONLY_IN = {
    "omegaconf": {"settings.py"},
    "hydra": {"settings.py", "mistakes.py", "grammar.py", "preload.py"},
    "mlflow": {
        "tracking.py",
        "outbox.py",
        "posted.py",
        "run.py",
        "address.py",
        "registry.py",
        "serving.py",
        "machine.py",
        "preload.py",
    },
}


FILES = sorted(file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py")


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def level(name: str) -> int:
    return next(at for at, layer in enumerate(LAYERS) if name in layer)


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "trainbook" else {node.module}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_imports_its_own_room_or_lower_ones(file: Path) -> None:
    here = room(file)
    for name in imports(file):
        top, _, rest = name.partition(".")
        if top == "trainbook":
            there = rest.split(".")[0]
            assert level(there) >= level(here), f"{file} imports {name}, which stands above it"
            if here in APART and there in APART:
                assert there == here, (
                    f"{file} imports {name}: data, networks, tasks, baselines and figures never import one another"
                )
        elif top in FORBIDDEN_BELOW_ASSEMBLY:
            assert top != "optuna" or here == "search", f"{file} imports {name}"
            assert level(here) <= level("address") or here in ("settings", "mistakes"), f"{file} imports {name}"
        if top in ONLY_IN:
            assert file.name in ONLY_IN[top], f"{file} imports {name}"


def test_networks_know_nothing_of_ours() -> None:
    for file in (PACKAGE / "networks").glob("*.py"):
        assert {name for name in imports(file) if name.startswith("trainbook")} <= {
            f"trainbook.networks.{other.stem}" for other in file.parent.glob("*.py")
        }


def test_init_files_are_empty() -> None:
    assert [file for file in PACKAGE.rglob("__init__.py") if file.read_text()] == []


def test_files_stay_small() -> None:
    large = {file.name for file in FILES if len(file.read_text().splitlines()) > 200}
    assert large == set()
