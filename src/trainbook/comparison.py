"""Comparison: the network beside baselines, on the same rows, and what is shown of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainbook import bootstrap
from trainbook.evaluation import measuring, watched

if TYPE_CHECKING:
    from torch import Tensor

    from trainbook.opponents import Opponent
    from trainbook.tasks.task import Task

    Named = dict[str, Tensor]


def beside(
    task: "Task", against: "Sequence[Opponent]", rows: "Tensor", predictions: "Named", targets: "Named", how: Mapping[str, Any]
) -> tuple[bootstrap.Intervals, dict[str, Any]]:
    """Intervals of the network's metrics; and for each opponent its metrics, their intervals, and the paired difference.

    A difference is network minus baseline, ``[value, low, high]``; that of the metric that the task watches is positive
    where the network is better, also if the metric is to be small. Source: Koehn, Statistical Significance Tests …, 2004.

    Args:
        rows: (n,) of the test split, those of ``predictions`` and ``targets``.
        how: ``resamples`` and ``confidence``.
    """
    import torch

    measures = [measuring(task, predictions, targets), *(measuring(each.task, each.at(rows), targets) for each in against)]
    ours, *theirs = bootstrap.drawn(measures, len(rows), how["resamples"], "Intervals")
    own, *others = (measure(torch.arange(len(rows))) for measure in measures)
    small = watched(task) if task.mode == "min" else None
    found = {}
    for each, metrics, again in zip(against, others, theirs, strict=True):
        apart = [bootstrap.differences(*both, small) for both in zip(ours, again, strict=True)]
        bounds = bootstrap.intervals(apart, how["confidence"])
        found[each.name] = {
            "settings": dict(each.settings),
            "metrics": metrics,
            "intervals": {name: list(interval) for name, interval in bootstrap.intervals(again, how["confidence"]).items()},
            "difference": {
                name: [value, *bounds.get(name, (None, None))]
                for name, value in bootstrap.differences(own, metrics, small).items()
            },
        }
    return bootstrap.intervals(ours, how["confidence"]), found


def shown(details: Mapping[str, Any]) -> dict[str, float]:
    """Of a report's details what is shown as metrics: the watched metric of each baseline, and the difference in it."""
    found, name = {}, details["watched"]
    for baseline, judged in details["baselines"].items():
        if name in judged["difference"]:
            found[f"baseline/{baseline}/{name}"] = judged["metrics"][name]
            found[f"difference/{baseline}/{name}"] = judged["difference"][name][0]
    return found


def bounds(details: Mapping[str, Any]) -> dict[str, float]:
    """The ends of a report's intervals, by the names that they have in its run."""
    ends = {name.replace("test/", "test_interval/", 1): pair for name, pair in details["intervals"].items()}
    for baseline, judged in details.get("baselines", {}).items():
        _, *pair = judged["difference"].get(details["watched"], [None])
        ends[f"difference_interval/{baseline}/{details['watched']}"] = pair
    found: dict[str, float] = {}
    for name, pair in ends.items():
        found |= {f"{name}_{end}": value for end, value in zip(("low", "high"), pair, strict=False) if value is not None}
    return found


def told(details: Mapping[str, Any]) -> Iterator[str]:
    """A line for each baseline: its watched metric, and how much better the network is."""
    name = details["watched"]
    for baseline, judged in details["baselines"].items():
        if name in judged["difference"]:
            value, low, high = judged["difference"][name]
            ends = "" if low is None else f" [{low:+.4f}, {high:+.4f}]"
            yield f"{baseline}: {name} {judged['metrics'][name]:.4f}, difference {value:+.4f}{ends}"


def figures(value: float | None, details: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Plain arrays for the figure that shows the network's watched metric, of this ``value``, beside the baselines'."""
    name = details["watched"]
    others = {each: judged for each, judged in details["baselines"].items() if name in judged["difference"]}
    if not others or value is None:
        return {}
    intervals = [details["intervals"].get(f"test/{name}"), *(judged["intervals"].get(name) for judged in others.values())]
    return {
        "baselines": {
            "metric": name,
            "names": ["network", *others],
            "values": [value, *(judged["metrics"][name] for judged in others.values())],
            "intervals": [each or (None, None) for each in intervals],
            "differences": [judged["difference"][name] for judged in others.values()],
            "confidence": details["confidence"],
        }
    }
