"""The record of a training: what it came from, so that it can be gone on with and derived again."""

import hashlib
import json
import re
import shlex
import subprocess
import sys
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainbook import assembly, changes, provenance, settings, tracking
from trainbook.data.facts import Facts, read_facts
from trainbook.environment import differing, environment, flat
from trainbook.files import digest, file_digest, read_yaml, replacing, write_yaml
from trainbook.run import Run

FORMAT = 1
RECORD, PATCH = "record.yaml", "uncommitted.diff"
RAW, PREPARED, INIT = "trainbook.raw", "trainbook.prepared", "trainbook.init_from"
"""Tags of a run: digests of its raw and of its prepared data, and of the weights that it began with."""
DECIDING = ("torch", "pytorch-lightning", "torchmetrics", "numpy")
"""Packages of whose versions the bits of a training depend."""


def training_code(whole: dict[str, Any]) -> dict[str, str]:
    """Digests of the source files that a training reaches."""
    sections = {key: value for key, value in whole.items() if key not in (*settings.WATCHED, "data")}
    acting = {key: value for key, value in whole["data"].items() if key not in assembly.PREPARED_FROM}
    roots = [
        "trainbook.assembly",
        "trainbook.descending",
        "trainbook.checkpoints",
        "trainbook.data.module",
        *provenance.targets(sections),
        *provenance.targets(acting),
    ]
    return provenance.source_digests(roots)


def report_code(whole: dict[str, Any]) -> dict[str, str]:
    """Digests of the source files that a report reaches; its baselines are those that the section evaluation names, if given."""
    figures = [f"trainbook.figures.{file.stem}" for file in (provenance.PACKAGE / "figures").glob("*.py")]
    acting = [whole["task"]["_target_"], *provenance.targets(whole.get("evaluation", {}))]
    return provenance.source_digests(["trainbook.comparison", "trainbook.opponents", *acting, *figures])


def first_weights(whole: dict[str, Any]) -> str | None:
    """Digest of the weights that a training starts from, where it does not draw them."""
    path = Path(whole["init_from"]) / "weights.safetensors" if whole["init_from"] else None
    return file_digest(path) if path is not None and path.is_file() else None


def identity(recorded: dict[str, Any], facts: Facts) -> str:
    """Digest of all that decides over the weights of a training: settings, data, code, libraries."""
    libraries = {name: version(name) for name in DECIDING}
    foreign = provenance.foreign_digests(provenance.targets(recorded))
    return digest([recorded, facts["prepared"], training_code(recorded), foreign, first_weights(recorded), libraries])


def tags(recorded: dict[str, Any], facts: Facts, name: str) -> dict[str, Any]:
    """Facts by which a training's run is found again."""
    data = {RAW: digest(facts["made_from"]["raw"]), PREPARED: digest(facts["prepared"])}
    return named(recorded, name) | data | ({INIT: begun} if (begun := first_weights(recorded)) else {})


def named(recorded: dict[str, Any], name: str) -> dict[str, Any]:
    """Facts by which any run is found again."""
    commit, dirty = provenance.commit()
    return {
        tracking.NAME: name,
        "trainbook.experiment": recorded["experiment"],
        "trainbook.dirty": dirty,
        "mlflow.source.git.commit": commit,
    }


def opened(run: Run, name: str, prepared: Path, splits: tuple[str, ...]) -> None:
    """The splits of a prepared data set that are opened, as inputs of the run."""
    facts = read_facts(prepared)
    schema = {"mlflow_tensorspec": {"features": json.dumps(facts["inputs"]), "targets": json.dumps(facts["targets"])}}
    for split in splits:
        run.dataset(name, facts["prepared"][split], str(prepared), json.dumps(schema), split)


def begin(folder: Path, recorded: dict[str, Any], facts: Facts) -> list[Path]:
    """Write a training's record and the changes that no commit has; one that goes on keeps its record, with a line more.

    Returns:
        The files.
    """
    path, patch = folder / RECORD, folder / PATCH
    session = {"started": _now(), "command": _command()}
    if path.is_file():
        known, here = read_yaml(path), environment()
        another = {name: list(both) for name, both in differing(flat(known["environment"]), flat(here)).items()}
        known["sessions"].append(session | {"another": another})
    else:
        known = _origin(recorded, facts, patch) | {"environment": environment(), "sessions": [session]}
    write_yaml(path, known)
    return [each for each in (path, patch) if each.is_file()]


def end(folder: Path, model: Path) -> dict[str, Any]:
    """Add what a training gave; returns the record."""
    known: dict[str, Any] = read_yaml(folder / RECORD)
    known["sessions"][-1]["ended"] = _now()
    known["weights"] = file_digest(model / "weights.safetensors")
    write_yaml(folder / RECORD, known)
    return known


@cache
def uncommitted(project: Path) -> tuple[bytes, dict[str, str]]:
    """The project's changes as this process first saw them: it runs the code that it loaded then."""
    return changes.patch()


def _origin(recorded: dict[str, Any], facts: Facts, patch: Path) -> dict[str, Any]:
    commit, _ = provenance.commit()
    changed: bytes = b""
    left_out: dict[str, str] = {}
    patch.unlink(missing_ok=True)
    try:
        if commit != "unknown":
            changed, left_out = uncommitted(Path.cwd())
    except (OSError, subprocess.CalledProcessError) as error:
        left_out = {"everything": f"git could not tell: {error}"}
    for path, why in left_out.items():
        print(f"trainbook: the record of this run leaves out the uncommitted {path}: {why}.", file=sys.stderr)
    if changed:
        with replacing(patch) as new:
            new.write_bytes(changed)
    return {
        "format": FORMAT,
        "commit": commit,
        "patch": hashlib.sha256(changed).hexdigest() if changed else None,
        "left_out": left_out,
        "seed": recorded["seed"],
        "threads": recorded["threads"],
        "data": {"name": recorded["data"]["name"], "raw": facts["made_from"]["raw"], "prepared": facts["prepared"]},
        "init_from": first_weights(recorded),
        "code": facts["made_from"]["code"] | training_code(recorded) | report_code(recorded),
    }


def _command() -> str:
    """The command line, without user and password in addresses."""
    words = ["trainbook", *sys.argv[1:]]
    return shlex.join(re.sub(r"://\S*@", "://", word) for word in words)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S%z")
