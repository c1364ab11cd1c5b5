"""The board: what a search has done so far, as a live table, or as plain lines where nobody looks."""

import time
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trainbook import processes
from trainbook.search.study import FAILED, OWNER, Study

NAMES = {
    TrialState.COMPLETE: "done",
    TrialState.RUNNING: "running",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.WAITING: "waiting",
}
INTERRUPTED = "interrupted"


class Board:
    """Draws itself in a terminal, else prints a line for each trial that ends."""

    def __init__(self, study: Study) -> None:
        self.study, self.console = study, Console()
        self.live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None
        self.drawn = 0.0

    def __enter__(self) -> "Board":
        if self.live:
            self.live.start()
            self.draw()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.live:
            self.drawn = 0.0
            self.draw()
            self.live.stop()

    def told(self, number: int, how: str, what: str) -> None:
        """A trial has ended, or there is something to say of it."""
        if self.live is None or how in ("failed", "began"):
            self.console.print(f"trial {number} {how}{': ' if what else ''}{what}", markup=False, highlight=False, soft_wrap=True)
        if self.live is None and how in ("ended", "pruned"):
            self.console.print(f"  {summary(self.study)}", markup=False, highlight=False, soft_wrap=True)

    def draw(self) -> None:
        """About once a second."""
        if self.live and time.monotonic() - self.drawn >= 1:
            self.live.update(table(self.study), refresh=True)
            self.drawn = time.monotonic()


def counts(trials: list[FrozenTrial]) -> dict[str, int]:
    """How many trials are in which state."""
    states = [state(each) for each in trials]
    return {name: states.count(name) for name in (*NAMES.values(), INTERRUPTED)}


def state(trial: FrozenTrial) -> str:
    """In a word; a trial whose process on this machine is gone waits for somebody to go on with it."""
    gone = trial.state == TrialState.RUNNING and not processes.alive(str(trial.user_attrs.get(OWNER, "")))
    return INTERRUPTED if gone else NAMES[trial.state]


def summary(study: Study) -> str:
    """Everything in a line."""
    trials = study.trials()
    said = ", ".join(f"{number} {name}" for name, number in counts(trials).items() if number or name == "done")
    best = study.best()
    found = f"; best {values(best[0])} of trial {best[0].number}" if len(best) == 1 else ""
    found = f"; {len(best)} that nothing beats" if len(best) > 1 else found
    return f"{said} of {study.size}{found}{_end(study, trials)}"


def table(study: Study, everything: bool = False) -> Group:
    """The best trials, those that run and those that ended last, under how many there are of each kind; or all of them."""
    trials, best = study.trials(), study.best()
    drawn = Table()
    for name in ("trial", "state", ", ".join(study.plan.objectives), "epoch", "settings"):
        drawn.add_column(name, overflow="fold")
    running = [each for each in trials if each.state == TrialState.RUNNING]
    some = [each.number for each in (*best[:10], *running)] + _last(trials)
    for number in range(len(trials)) if everything else dict.fromkeys(some):
        drawn.add_row(*row(study, trials[number]), style="bold green" if trials[number] in best else "")
    return Group(Text(f"{study.plan.name}: {summary(study)}"), drawn)


def row(study: Study, trial: FrozenTrial) -> tuple[str, ...]:
    """A trial in a line."""
    reported = trial.intermediate_values
    now = f"{reported[max(reported)]:.4f}" if reported else ""
    epoch = trial.user_attrs.get("epoch") if trial.values else None
    failed = f" ({trial.user_attrs[FAILED][-1]})" if trial.user_attrs.get(FAILED) else ""
    at = "" if epoch is None and not reported else str(max(reported, default=0) if epoch is None else epoch)
    return f"{trial.number:03d}", state(trial) + failed, values(trial) or now, at, settings(study, trial)


def values(trial: FrozenTrial) -> str:
    """What a trial reached."""
    return ", ".join(f"{each:.4f}" for each in trial.values or ())


def settings(study: Study, trial: FrozenTrial) -> str:
    """What a trial tries, in few digits."""
    known = {each.key: each.plain(trial.params[each.key]) for each in study.space.dimensions if each.key in trial.params}
    return " ".join(f"{key}={f'{value:.4g}' if isinstance(value, float) else value}" for key, value in known.items())


def _last(trials: list[FrozenTrial]) -> list[int]:
    ended = [each for each in trials if each.state.is_finished() and each.datetime_complete]
    return [each.number for each in sorted(ended, key=lambda each: str(each.datetime_complete))[-5:]]


def _end(study: Study, trials: list[FrozenTrial]) -> str:
    """When the plan will be done, if all goes on as it did."""
    spans = [each.duration.total_seconds() for each in trials if each.state.is_finished() and each.duration]
    left = study.size - sum(each.state.is_finished() for each in trials)
    if not spans or not left:
        return ""
    at_once = max(1, study.plan.workers)
    end = time.time() + sum(spans) / len(spans) * left / at_once
    return f"; done about {time.strftime('%H:%M', time.localtime(end))}"
