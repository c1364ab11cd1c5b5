"""gc: remove runs and prepared data under `runs/` that nothing refers to, and checkpoints that are no longer needed."""

import argparse
import shutil
from pathlib import Path

from trainbook import processes, project, settings, tracking
from trainbook.address import DATABASE, address, client
from trainbook.claim import state
from trainbook.data.facts import FACTS, read_facts
from trainbook.faults import Fault
from trainbook.files import read_yaml
from trainbook.outbox import Outbox


def main(arguments: list[str]) -> None:
    """``trainbook gc [--dry-run] [--yes]``"""
    parser = argparse.ArgumentParser("trainbook gc", description=__doc__, allow_abbrev=False)
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and keep it")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args(arguments)
    garbage = find(_tracked())
    total = sum(_size(path) for path in garbage)
    for path, why in garbage.items():
        print(f"{path}  {_size(path) / 1e6:.1f} MB  {why}")
    if not garbage:
        print("Nothing to remove.")
    elif given.dry_run:
        print(f"{len(garbage)} folders, {total / 1e6:.1f} MB, would be removed.")
    elif given.yes or _agreed(f"Remove these {len(garbage)} folders ({total / 1e6:.1f} MB)? [y/N] "):
        for path in garbage:
            shutil.rmtree(path)
        print(f"Removed {len(garbage)} folders, {total / 1e6:.1f} MB.")


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        raise Fault("An answer was expected; there is nobody to ask. Give --yes to remove, --dry-run to look.", code=2) from None


def _tracked() -> dict[str, str]:
    """Names of the runs that MLflow knows, with their status."""
    uri = address(settings.compose([])["tracking"] | {"server": False})
    if uri.startswith("sqlite:") and not DATABASE.is_file():
        return {}
    found = tracking.all_runs(client(uri))
    return {run.data.tags[tracking.NAME]: run.info.status for run in found if tracking.NAME in run.data.tags}


def find(tracked: dict[str, str]) -> dict[Path, str]:
    """Folders that can go, each with the reason."""
    garbage: dict[Path, str] = {}
    busy = False
    used: set[str] = set()
    for folder in sorted(path for path in project.RUNS.glob("*") if path.is_dir() and path.name != "prepared"):
        known = state(folder)
        if not known:
            continue
        if processes.alive(known["process"]) and not known["ended"]:
            busy = True
            continue
        if Outbox.of(folder.name).waiting():  # `trainbook sync` delivers it, and then it has a run
            continue
        if folder.name not in tracked:
            garbage[folder] = "no run in MLflow"
        elif (folder / "checkpoints").is_dir() and (tracked[folder.name] == "FINISHED" or known["ended"] == "pruned"):
            garbage[folder / "checkpoints"] = "a search gave it up" if known["ended"] == "pruned" else "the model is written"
        if folder not in garbage and (folder / "model" / FACTS).is_file():
            used.add(str(read_yaml(folder / "model" / FACTS)["prepared"]))
    # a run that goes on needs its prepared data, and a dot is what somebody writes right now
    for folder in [] if busy else sorted((project.RUNS / "prepared").glob("[!.]*")):
        if not (folder / FACTS).is_file() or str(read_facts(folder)["prepared"]) not in used:
            garbage[folder] = "no model of a kept run was trained on it"
    return garbage


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
