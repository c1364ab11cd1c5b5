"""catalogue: every experiment of the project, trained and evaluated, in one table."""

import argparse
import time
from pathlib import Path
from typing import Any

from trainbook import project, settings
from trainbook.files import read_json, read_yaml, write_text
from trainbook.stages.evaluate import evaluate
from trainbook.stages.list import experiments
from trainbook.stages.train import train

HEAD = "| experiment | what | data | parameters | epochs (best) | training | {metrics} | run |"


def main(arguments: list[str]) -> None:
    """``trainbook catalogue [NAME …] [--output FILE]``"""
    parser = argparse.ArgumentParser("trainbook catalogue", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; default: all")
    parser.add_argument("--output", default="docs/catalogue.md", metavar="FILE")
    given = parser.parse_intermixed_args(arguments)
    known = experiments()
    composed = {name: settings.compose([f"experiment={name}"]) for name in given.names or known}
    rows = [_row(whole, known[name]) for name, whole in composed.items()]
    text = ["# Catalogue", "", "Every experiment, trained and evaluated on the test split by `make catalogue`.", ""]
    for metrics in dict.fromkeys(tuple(row["metrics"]) for row in rows):
        text += [HEAD.format(metrics=" | ".join(metrics)), "|---" * (7 + len(metrics)) + "|"]
        text += [_line(row) for row in rows if tuple(row["metrics"]) == metrics]
        text.append("")
    write_text(project.typed(given.output), "\n".join(text))
    print(project.typed(given.output))


def _row(whole: dict[str, Any], said: str) -> dict[str, Any]:
    """Train and evaluate one experiment."""
    folder = project.RUNS / "catalogue" / whole["experiment"]
    start = time.perf_counter()
    train(whole, folder / "model")
    seconds = time.perf_counter() - start
    metrics = evaluate(folder / "model", folder / "report", whole["evaluation"], whole["tracking"])
    run = read_yaml(folder / "model" / "run.yaml")
    return {
        "name": whole["experiment"],
        "said": said,
        "data": whole["data"]["name"],
        "parameters": _parameters(folder / "model"),
        "epochs": f"{len(read_json(folder / 'model' / 'history.json'))} ({run['best_epoch']})",
        "seconds": seconds,
        "metrics": metrics,
        "intervals": read_json(folder / "report" / "details.json")["intervals"],
        "run": run["run"],
    }


def _parameters(folder: Path) -> int:
    from trainbook.model import Model

    return sum(parameter.numel() for parameter in Model.open(folder).task.network.parameters())


def _line(row: dict[str, Any]) -> str:
    cells = [row["name"], row["said"], row["data"], f"{row['parameters']:,}", row["epochs"], f"{row['seconds']:.0f} s"]
    for name, value in row["metrics"].items():
        low, high = row["intervals"].get(name, (value, value))
        cells.append(f"{value:.4f} ({low:.4f} – {high:.4f})")
    return f"| {' | '.join([*cells, str(row['run'])[:8]])} |"
