"""check: look at raw data: every file is checked, and a profile is drawn of what lies in them."""

import argparse
from pathlib import Path
from typing import Any

from trainbook import assembly, checks, project, settings
from trainbook.files import refuse_others, replacing, write_json, write_text

PROFILE = "profile.json"
FOLDER = project.RUNS / "check"


def main(arguments: list[str]) -> None:
    """``trainbook check data=NAME [key=value …] [--output FOLDER]``"""
    parser = argparse.ArgumentParser("trainbook check", description=__doc__, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="data=NAME, and settings of it")
    parser.add_argument("--output", metavar="FOLDER", help="where the profile goes, instead of runs/check/NAME")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_intermixed_args(arguments)
    data = settings.compose(given.overrides)["data"]
    checks.check_data(data)
    folder = project.typed(given.output) if given.output else FOLDER / data["name"]
    refuse_others(folder, PROFILE)
    prepared = assembly.preparation(data)
    splits = prepared.raw_splits()  # reads everything, and with that checks it

    from trainbook.portrait.portrait import Portrait

    portrait = Portrait(splits, prepared.source.facts(), data["targets"], given.quiet, prepared.sample.keeps)
    print("\n".join(portrait.lines()))
    made_from = {"settings": {key: data[key] for key in assembly.PREPARED_FROM}, "raw": prepared.source.digests()}
    write(folder, data["name"], portrait, made_from, given.quiet)
    print(f"profile   {folder / 'profile.html'}")


def write(folder: Path, name: str, portrait: Any, made_from: dict[str, Any], quiet: bool) -> None:
    """The profile as data, as a page and as figures, whole or not at all."""
    from tqdm import tqdm

    from trainbook.portrait.drawings import drawings
    from trainbook.portrait.page import page

    draw = drawings(portrait)
    with replacing(folder) as new:
        (new / "figures").mkdir(parents=True)
        for each in tqdm(draw, desc="drawing", unit="figure", disable=True if quiet else None, leave=False):
            draw[each]().savefig(new / "figures" / f"{each}.png", dpi=120)
        write_json(new / PROFILE, {"data": name, **portrait.written(), "made_from": made_from})
        write_text(new / "profile.html", page(name, portrait, draw))
