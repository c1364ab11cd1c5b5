"""diff: what differs between two runs: settings, code, data, environment, metrics."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from trainbook.environment import differing, flat
from trainbook.recorded import Recorded, read
from trainbook.run import flatten


def main(arguments: list[str]) -> None:
    """``trainbook diff RUN RUN``"""
    parser = argparse.ArgumentParser("trainbook diff", description=__doc__, allow_abbrev=False)
    parser.add_argument("runs", nargs=2, metavar="RUN", help="id, beginning of one, or name, as `trainbook runs` lists them")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        one, other = (read(text, Path(scratch) / str(number)) for number, text in enumerate(given.runs))
    print(f"{one.run.id[:8]} {one.name}   {other.run.id[:8]} {other.name}")
    sections = differences(one, other)
    for title, found in sections.items():
        print(f"\n{title}:" + ("" if found else " the same"))
        for name, (left, right) in found.items():
            print(f"  {name}: {_short(left)} → {_short(right)}")


def differences(one: Recorded, other: Recorded) -> dict[str, dict[str, tuple[Any, Any]]]:
    """By section and name, both values."""
    records = one.record, other.record
    origin = [{key: each[key] for key in ("commit", "patch", "init_from")} | each["code"] for each in records]
    data = [flatten({key: each["data"][key] for key in ("name", "raw", "prepared")}) for each in records]
    last = [{name: curve[max(curve)] for name, curve in each.curves.items()} for each in (one, other)]
    return {
        "settings": differing(flatten(one.settings), flatten(other.settings)),
        "code": differing(*origin),
        "data": differing(*data),
        "environment": differing(*(flat(each["environment"]) for each in records)),
        "metrics, in their last epoch": differing(*last),
        "weights": differing(*({"weights.safetensors": each.get("weights")} for each in records)),
    }


def _short(value: Any) -> str:
    """A value in a line; digests by their first characters."""
    text = "—" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text[:12] if len(text) in (40, 64) and text.isalnum() else text
