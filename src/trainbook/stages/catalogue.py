"""catalogue: every experiment of the project, trained and evaluated, beside its baselines."""

import argparse
import time
from pathlib import Path
from typing import Any

from trainbook import project, settings
from trainbook.files import read_json, read_yaml, write_text
from trainbook.stages.evaluate import evaluate
from trainbook.stages.list import experiments
from trainbook.stages.train import train

COLUMNS = ("experiment", "what", "data", "network", "parameters", "training", "on the test split", "baselines", "run")
SAID = """# Catalogue

Every experiment, trained and evaluated on the test split by `make catalogue`: the metric that chooses the best epoch, or that
the experiment names to be compared, with its {confidence:.0%} bootstrap interval. Beside it the same metric of each baseline,
and how much better the network is on the same rows, with the paired interval of the difference: above zero, the network is
better by more than chance; below zero, the baseline is.
"""


def main(arguments: list[str]) -> None:
    """``trainbook catalogue [NAME …] [--output FILE]``"""
    parser = argparse.ArgumentParser("trainbook catalogue", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; default: all")
    parser.add_argument("--output", default="docs/catalogue.md", metavar="FILE")
    given = parser.parse_intermixed_args(arguments)
    known = experiments()
    composed = {name: settings.compose([f"experiment={name}"]) for name in given.names or known}
    done = [_done(whole, known[name]) for name, whole in composed.items()]
    write_text(project.typed(given.output), page(done))
    print(project.typed(given.output))


def _done(whole: dict[str, Any], said: str) -> dict[str, Any]:
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
        "network": whole["network"]["_target_"].rpartition(".")[2],
        "parameters": f"{_parameters(folder / 'model'):,}",
        "training": f"{seconds:.0f} s, {len(read_json(folder / 'model' / 'history.json'))} epochs (best {run['best_epoch']})",
        "metrics": metrics,
        "details": read_json(folder / "report" / "details.json"),
        "run": str(run["run"])[:8],
    }


def _parameters(folder: Path) -> int:
    from trainbook.model import Model

    return sum(parameter.numel() for parameter in Model.open(folder).task.network.parameters())


def page(done: list[dict[str, Any]]) -> str:
    """One table of all experiments, data set by data set; then the other metrics, those with the same ones together."""
    done = sorted(done, key=lambda one: one["data"])
    text = [SAID.format(confidence=done[0]["details"]["confidence"] if done else 0.95)]
    text += [*_head(COLUMNS), *(_row(_cells(one)) for one in done), "", "## Other metrics on the test split", ""]
    others = [{name: value for name, value in one["metrics"].items() if name != _watched(one)} for one in done]
    for names in dict.fromkeys(map(tuple, others)):
        text += _head(["experiment", *(name.removeprefix("test/") for name in names)])
        for one, metrics in zip(done, others, strict=True):
            if tuple(metrics) == names:
                text.append(_row([one["name"], *(_value(one, name) for name in names)]))
        text.append("")
    return "\n".join(text)


def _cells(one: dict[str, Any]) -> list[str]:
    watched = _watched(one)
    own = f"{one['details']['watched']} {_value(one, watched)}" if watched in one["metrics"] else ""
    plain = [one[key] for key in ("name", "said", "data", "network", "parameters", "training")]
    return [*plain, own, "<br>".join(_baselines(one["details"])), one["run"]]


def _baselines(details: dict[str, Any]) -> list[str]:
    found = []
    for name, judged in details["baselines"].items():
        if apart := judged["difference"].get(details["watched"]):
            ends = "" if apart[1] is None else f" ({apart[1]:+.4f} … {apart[2]:+.4f})"
            found.append(f"{name} {judged['metrics'][details['watched']]:.4f}, network {apart[0]:+.4f}{ends}")
    return found


def _watched(one: dict[str, Any]) -> str:
    return f"test/{one['details']['watched']}"


def _value(one: dict[str, Any], name: str) -> str:
    ends = one["details"]["intervals"].get(name)
    return f"{one['metrics'][name]:.4f}" + ("" if ends is None else f" ({ends[0]:.4f} – {ends[1]:.4f})")


def _head(names: list[str] | tuple[str, ...]) -> list[str]:
    return [_row(names), "|---" * len(names) + "|"]


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
