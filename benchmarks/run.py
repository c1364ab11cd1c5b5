"""Everything that is measured side by side, as one table: `make bench`; ARGS="--only epochs --rounds 3" for a part."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
from scratch import HERE, project, tenfold
from turns import Row

from trainbook.environment import processor

DEFAULT = ("epochs", "tracking", "processes", "commands", "prepare", "predict", "memory")
"""Parts of the table in benchmarks/results.md; others are measured when they are named."""
HEAD = ["what", "opponent", "trainbook", "opponent's", "ratio (min – max)", "reach", "how"]


def parts(folder: Path) -> dict[str, Callable[[int], Iterator[Row]]]:
    """The parts of the table, by name."""
    import commands
    import memory
    import training

    import data
    import search

    return {
        "epochs": training.epochs,
        "tracking": training.tracked,
        "processes": training.processes,
        "commands": commands.commands,
        "prepare": data.preparing,
        "predict": data.predicting,
        "search": search.searching,
        "memory": lambda rounds: memory.memory(rounds, folder / "project", tenfold(folder / "tenfold")),
    }


def machine() -> str:
    """What the figures were measured on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "pytorch-lightning", "mlflow", "hydra-core", "numpy"))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, no GPU used; "
        f"Python {platform.python_version()}, {libraries}"
    )


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="median of so many")
    parser.add_argument("--only", nargs="*", default=[], metavar="PART", help="parts of the table, which then is not written")
    parser.add_argument("--output", type=Path, default=HERE / "results.md")
    given = parser.parse_args()
    rows: list[Row] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(project(Path(name) / "project"))
        measures = parts(Path(name))
        if unknown := set(given.only) - set(measures):
            parser.error(f"--only: parts among {', '.join(measures)} were expected; got {', '.join(sorted(unknown))}.")
        for part, measure in measures.items():
            if part not in (given.only or DEFAULT):
                continue
            start = time.perf_counter()
            for row in measure(given.rounds):
                rows.append(row)
                print(f"{row.what} / {row.opponent}: {row.ratio:.2f} (reach {row.reach:g})", file=sys.stderr, flush=True)
            print(f"  {part}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        os.chdir(HERE.parent)
    took = (time.perf_counter() - began) / 60
    text = f"""# Measured side by side

By `make bench`, in {took:.0f} minutes. Every figure is the median of {given.rounds} rounds or more in which both sides
took turns; a ratio below 1 means that trainbook is faster or smaller. What the figures mean, and where we lose:
[docs/performance.md](../docs/performance.md).

{machine()}.

{table(rows)}
"""
    print(text)
    if not given.only:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
