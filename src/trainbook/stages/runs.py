"""runs: all recorded trainings, the newest first."""

import argparse
import time
from typing import Any

from trainbook import tracking
from trainbook.recorded import open_tracking

COLUMNS = ("run", "started", "status", "name", "metric", "test", "took", "commit")


def main(arguments: list[str]) -> None:
    """``trainbook runs [NAME …] [--last N]``"""
    parser = argparse.ArgumentParser("trainbook runs", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments, or data sets; none = all")
    parser.add_argument("--last", type=int, default=20, metavar="N", help="at most so many (20); 0 = all")
    given = parser.parse_intermixed_args(arguments)
    found = newest(given.names)
    shown = found[: given.last] if given.last > 0 else found
    if not shown:
        which = f" of {', '.join(given.names)}" if given.names else " yet"
        print(f"No runs{which}: trainbook train experiment=… makes one.")
        return
    table = [COLUMNS, *(row(run) for run in shown)]
    widths = [max(len(line[at]) for line in table) for at in range(len(COLUMNS))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if len(found) > len(shown):
        print(f"… and {len(found) - len(shown)} older ones: --last {len(found)}")


def newest(names: list[str]) -> list[Any]:
    """Runs that trainbook made, the newest first; those of some experiments or data sets, if any are named."""
    opened, _ = open_tracking()
    experiments = {each.experiment_id: each.name for each in opened.search_experiments()}
    runs = []
    for run in tracking.all_runs(opened):
        called = (experiments.get(run.info.experiment_id), run.data.tags.get("trainbook.experiment"))
        if tracking.NAME in run.data.tags and (not names or not set(names).isdisjoint(called)):
            runs.append(run)
    return sorted(runs, key=lambda run: run.info.start_time, reverse=True)


def row(run: Any) -> tuple[str, ...]:
    """What is said of a run in a line."""
    tags, metrics, monitor = run.data.tags, run.data.metrics, run.data.params.get("task.monitor", "")
    best = tags.get("trainbook.best") or (f"{metrics[monitor]:.4f}" if monitor in metrics else "")
    watched = monitor.partition("/")[2]
    test = f"{metrics[f'test/{watched}']:.4f}" if f"test/{watched}" in metrics else ""
    if f"mean/{watched}" in metrics:  # a cross-validation
        test = f"{metrics[f'mean/{watched}']:.4f} ± {metrics[f'deviation/{watched}']:.4f}"
    ended = (run.info.status != "RUNNING" and run.info.end_time) or time.time() * 1000  # a reopened run keeps the end it had
    commit = tags.get("mlflow.source.git.commit", "unknown")
    return (
        run.info.run_id[:8],
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.info.start_time / 1000)),
        run.info.status,
        run.info.run_name,
        f"{monitor} {best}" if best else "",
        test,
        _duration((ended - run.info.start_time) / 1000),
        commit[:8] + ("*" if tags.get("trainbook.dirty") == "True" else ""),
    )


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
