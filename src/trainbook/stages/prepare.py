"""prepare: raw data -> checked, split, normalised arrays and facts."""

import argparse
import sys
from pathlib import Path
from typing import Any

from trainbook import assembly, checks, project, provenance, settings
from trainbook.data.facts import FACTS, read_facts
from trainbook.data.preparation import Preparation
from trainbook.faults import Fault
from trainbook.files import digest, refuse_others


def main(arguments: list[str]) -> None:
    """``trainbook prepare data=NAME [key=value …] [--output FOLDER]``, or ``trainbook prepare --settings FILE …``."""
    parser = argparse.ArgumentParser("trainbook prepare", description=__doc__, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="data=NAME, and settings of it")
    parser.add_argument("--output", metavar="FOLDER", help="prepare into this folder, whatever is there")
    parser.add_argument("--settings", metavar="FILE", help="saved settings of an experiment, instead of words")
    given = parser.parse_args(arguments)
    if given.settings and given.overrides:
        raise Fault(f"--settings goes with no other words; got {' '.join(given.overrides)}.", code=2)
    data = (settings.load(project.typed(given.settings)) if given.settings else settings.compose(given.overrides))["data"]
    checks.check_data(data)
    prepared = assembly.preparation(data)
    if given.output:
        folder = project.typed(given.output)
        refuse_others(folder, FACTS)
        prepared.run(folder, made_from(data, prepared))
    else:
        folder = ensure(data)
    print(f"{folder}: {', '.join(f'{rows} {split}' for split, rows in read_facts(folder)['counts']['rows'].items())} rows")


def made_from(data: dict[str, Any], prepared: Preparation) -> dict[str, Any]:
    """What decides over prepared data: settings, raw files, code."""
    sections = {key: data[key] for key in assembly.PREPARED_FROM}
    roots = ["trainbook.data.preparation", data["sample"]["_target_"], *provenance.targets(sections)]
    return {"settings": sections, "raw": prepared.source.digests(), "code": provenance.source_digests(roots)}


def ensure(data: dict[str, Any], only: Path | None = None) -> Path:
    """A folder with data prepared as the settings say: that of the pipeline where it fits, else one under `runs/`.

    Raises:
        Fault: ``only`` this folder is allowed, and it does not fit.
    """
    prepared = assembly.preparation(data)
    wanted = made_from(data, prepared)
    shared = only or project.PREPARED / data["name"]
    if (shared / FACTS).is_file() and read_facts(shared)["made_from"] == wanted:
        return shared
    if only:
        raise Fault(f"{only} was expected to be prepared as the settings say; it is missing or differs. Run `dvc repro`.")
    own = project.RUNS / "prepared" / digest(wanted)[:16]
    if not (own / FACTS).is_file():
        print(f"Preparing {data['name']} into {own} …", file=sys.stderr)
        prepared.run(own, wanted)
    return own
