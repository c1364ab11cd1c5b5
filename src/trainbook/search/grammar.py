"""The grammar of a space: Hydra's words for a sweep, read as dimensions that a search can walk in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna import Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from trainbook.faults import Fault
from trainbook.mistakes import first_line
from trainbook.project import CONF

FORMS = "choice(a,b), a,b, interval(low,high), int(interval(low,high)), range(start,stop,step) or tag(log,interval(low,high))"


@dataclass(frozen=True)
class Dimension:
    """One thing that a search chooses: a setting's value, or the option of a group."""

    word: str
    """As it was typed, such as ``optimizer.lr=tag(log,interval(1e-4,1e-1))``."""
    key: str
    prefix: str
    """``+`` where Hydra shall add the key."""
    group: bool
    distribution: BaseDistribution
    choices: dict[Any, tuple[str, Any]]
    """Of choices: each as Optuna keeps it, as Hydra reads it, and as settings hold it."""

    def suggest(self, trial: Trial) -> Any:
        """Let a trial choose."""
        span: Any = self.distribution
        if isinstance(span, CategoricalDistribution):
            return trial.suggest_categorical(self.key, span.choices)
        choose = trial.suggest_int if isinstance(span, IntDistribution) else trial.suggest_float
        return choose(self.key, span.low, span.high, step=span.step, log=span.log)

    def text(self, value: Any) -> str:
        """The word that sets this value."""
        return f"{self.prefix}{self.key}={self.choices[value][0] if self.choices else repr(self.plain(value))}"

    def plain(self, value: Any) -> Any:
        """The value as settings hold it."""
        if self.choices:
            return self.choices[value][1]
        stepped = isinstance(self.distribution, FloatDistribution) and self.distribution.step is not None
        return float(f"{value:.12g}") if stepped else value  # three steps of 0.1 are 0.3

    def label(self, value: Any) -> Any:
        """A value of settings as Optuna keeps it.

        Raises:
            ValueError: it lies outside.
        """
        kept = next((label for label, (_, plain) in self.choices.items() if plain == value), value)
        try:
            if self.distribution._contains(self.distribution.to_internal_repr(kept)):
                return self.distribution.to_external_repr(self.distribution.to_internal_repr(kept))
        except (ValueError, TypeError):
            pass
        raise ValueError(f"a value of {self.word.partition('=')[2]} was expected; got {value!r}")

    def everything(self) -> list[Any] | None:
        """All values, where they can be counted."""
        span: Any = self.distribution
        if isinstance(span, CategoricalDistribution):
            return list(span.choices)
        if span.step is None:
            return None
        return [span.low + at * span.step for at in range(round((span.high - span.low) / span.step) + 1)]

    def ends(self) -> list[Any]:
        """Values of which all others fit if these do: each choice, both ends of an interval."""
        span: Any = self.distribution
        return list(span.choices) if isinstance(span, CategoricalDistribution) else [span.low, span.high]


def split(words: Iterable[str]) -> tuple[list[str], list[Dimension]]:
    """Tell the words that fix a setting from those that span the space.

    Raises:
        Fault: a word is none of Hydra's, or spans nothing.
    """
    parser, fixed, spanning, found = OverridesParser.create(), [], [], []
    for word in words:
        try:
            parsed = parser.parse_override(word)
        except HydraException as error:
            raise Fault(f"{word!r} is no setting, and no space ({FORMS}): {first_line(error)}", code=2) from error
        if not parsed.is_sweep_override():
            fixed.append(word)
            continue
        try:
            spanning.append(_dimension(word, parsed))
        except ValueError as error:
            found.append(f"{word}: {first_line(error)}")
    twice = {each.key for each in spanning if sum(other.key == each.key for other in spanning) > 1}
    found += [f"{key}: one space was expected; got several." for key in sorted(twice)]
    if found:
        raise Fault("\n".join(found))
    return fixed, spanning


def _dimension(word: str, parsed: Override) -> Dimension:
    sweep: Any = parsed.value()
    key = parsed.get_key_element()
    prefix = key[: len(key) - len(key.lstrip("+~"))]
    group = (CONF / parsed.key_or_group).is_dir()
    if isinstance(sweep, ChoiceSweep):
        return Dimension(word, key.removeprefix(prefix), prefix, group, *_choices(sweep))
    if group:
        raise ValueError(f"options of a group were expected, such as {key}=choice(a,b).")
    if not isinstance(sweep, IntervalSweep | RangeSweep):
        raise ValueError(f"one of {FORMS} was expected.")
    if foreign := sorted(set(sweep.tags) - {"log"}):
        raise ValueError(f"the tag log was expected, or none; got {', '.join(foreign)}.")
    log = "log" in sweep.tags
    if isinstance(sweep, IntervalSweep):
        distribution = _interval(sweep.start, sweep.end, None, log)
    else:
        try:
            steps = sorted(sweep.range())
        except HydraException as error:
            raise ValueError(first_line(error)) from error
        if not steps:
            raise ValueError(f"an interval that is not empty was expected; got {sweep.start} to {sweep.stop}.")
        if log:
            raise ValueError("equal steps are not logarithmic; take tag(log,int(interval(low,high))).")
        step = abs(sweep.step)
        last = steps[-1] if isinstance(steps[-1], int) else float(f"{steps[0] + (len(steps) - 1) * step:.12g}")
        distribution = _interval(steps[0], last, step, log)
    return Dimension(word, key.removeprefix(prefix), prefix, group, distribution, {})


def _choices(sweep: ChoiceSweep) -> tuple[BaseDistribution, dict[Any, tuple[str, Any]]]:
    choices: dict[Any, tuple[str, Any]] = {}
    for value in sweep.list:
        plain: Any = Override._convert_value(value)
        text = str(Override._get_value_element_as_str(value))
        label = plain if plain is None or isinstance(plain, bool | int | float | str) else text
        if label in choices:
            raise ValueError(f"choices that differ were expected; got {label!r} twice.")
        choices[label] = (text, plain)
    return CategoricalDistribution(tuple(choices)), choices


def _interval(low: Any, high: Any, step: Any, log: bool) -> BaseDistribution:
    if not low < high:
        raise ValueError(f"an interval from a smaller to a greater number was expected; got {low} to {high}.")
    if log and low <= 0:
        raise ValueError(f"a logarithmic interval above 0 was expected; got {low} to {high}.")
    if all(isinstance(each, int) for each in (low, high, step or 1)):
        return IntDistribution(low, high, log, step or 1)
    return FloatDistribution(float(low), float(high), log, None if step is None else float(step))
