"""reproduce: derive a run again from its record alone, and compare."""

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbook.environment import differing, environment, flat
from trainbook.faults import Fault
from trainbook.record import DECIDING
from trainbook.recorded import Curves, Recorded, read


def main(arguments: list[str]) -> None:
    """``trainbook reproduce RUN|models:/NAME@ALIAS [--tolerance X] [--trust] [--quiet]``"""
    parser = argparse.ArgumentParser("trainbook reproduce", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="id, beginning of one, or name, as `trainbook runs` lists them; models:/…")
    parser.add_argument("--tolerance", type=float, metavar="X", help="metrics may differ by so much, whatever the environment")
    parser.add_argument("--trust", action="store_true", help="run code that a tracking server has changes for")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_args(arguments)
    if given.tolerance is not None and not given.tolerance >= 0:
        raise Fault(f"--tolerance: a number of at least 0 was expected; got {given.tolerance:g}.", code=2)
    from trainbook import reproduction

    with tempfile.TemporaryDirectory() as scratch:
        recorded = read(given.run, Path(scratch))
        if recorded.record.get("weights") is None:
            raise Fault(f"Run {recorded.run.id} is {recorded.status} and has no weights yet; there is nothing to compare with.")
        if recorded.patch is not None and not recorded.local and not given.trust:
            print(_visible(recorded.patch.read_text(encoding="utf-8", errors="replace")))
            raise Fault("These changes come from a tracking server, and would be run. Read them; --trust says that you have.")
        weights, curves = reproduction.derive(recorded, given.quiet)
    verdict = Verdict(recorded.record["weights"] == weights, compare(recorded.curves, curves), another(recorded))
    print(verdict.told(recorded, weights))
    if not verdict.passes(given.tolerance):
        raise Fault(f"not equal: {verdict.reason(given.tolerance)}.")
    print("equal" if given.tolerance is None else f"within {given.tolerance:g}")


def _visible(text: str) -> str:
    """What would move a terminal's cursor, or turn the direction of reading, is shown instead of done."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1] for letter in text)


def compare(then: Curves, now: Curves) -> dict[str, tuple[float | None, float | None, float]]:
    """For each metric the last value then and now, and the greatest difference of any epoch; NaN where one is missing."""
    found: dict[str, tuple[float | None, float | None, float]] = {}
    for name in [*then, *(name for name in now if name not in then)]:
        one, other = then.get(name, {}), now.get(name, {})
        apart = [_apart(one.get(epoch), other.get(epoch)) for epoch in one.keys() | other.keys()]
        worst = math.nan if any(map(math.isnan, apart)) else max(apart)
        found[name] = (one[max(one)] if one else None, other[max(other)] if other else None, worst)
    return found


def _apart(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return math.nan
    return 0.0 if one == other or (math.isnan(one) and math.isnan(other)) else abs(one - other)


def another(recorded: Recorded) -> dict[str, tuple[Any, Any]]:
    """What differs in the environment."""
    return differing(flat(recorded.record["environment"]), flat(environment()))


@dataclass(frozen=True)
class Verdict:
    """What came out, beside what was recorded."""

    same_weights: bool
    metrics: dict[str, tuple[float | None, float | None, float]]
    environment: dict[str, tuple[Any, Any]]

    @property
    def libraries(self) -> list[str]:
        """Libraries that decide over bits, and have another version."""
        return [f"{name} {then} then, {now} now" for name, (then, now) in self.environment.items() if name in DECIDING]

    def passes(self, tolerance: float | None) -> bool:
        """Equal in everything; or, with a tolerance, every metric close enough."""
        if tolerance is None:
            return self.same_weights and not self.libraries and all(apart == 0 for *_, apart in self.metrics.values())
        return all(apart <= tolerance for *_, apart in self.metrics.values())

    def reason(self, tolerance: float | None) -> str:
        """Why it does not pass."""
        reasons = [] if self.same_weights or tolerance is not None else ["the weights differ"]
        apart = [name for name, (*_, apart) in self.metrics.items() if not apart <= (tolerance or 0)]
        if apart:
            named = ", ".join(apart[:4]) + (" …" if len(apart) > 4 else "")
            reasons.append(f"{len(apart)} of {len(self.metrics)} metrics differ ({named})")
        return "; ".join([*reasons, *self.libraries])

    def told(self, recorded: Recorded, weights: str) -> str:
        """Everything, for people."""
        record = recorded.record
        changes = " with uncommitted changes" if record["patch"] else ""
        width = max(map(len, self.metrics), default=0)
        return "\n".join(
            [
                f"run {recorded.run.id} ({recorded.name}), commit {record['commit'][:12]}{changes}",
                f"weights: {'equal' if self.same_weights else 'not equal'}, {record['weights'][:16]} then, {weights[:16]} now",
                f"{'metric':{width}}  {'then':>12}  {'now':>12}  difference",
                *(
                    f"{name:{width}}  {_number(then):>12}  {_number(now):>12}  {_number(apart)}"
                    for name, (then, now, apart) in self.metrics.items()
                ),
                "environment: " + ("the same" if not self.environment else "differs"),
                *(f"  {name}: {then or 'none'} then, {now or 'none'} now" for name, (then, now) in self.environment.items()),
            ]
        )


def _number(value: float | None) -> str:
    return "—" if value is None else "missing" if math.isnan(value) else f"{value:.6g}"
