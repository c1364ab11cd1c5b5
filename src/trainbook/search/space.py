"""The space of a search: which settings it chooses, and which of them exist under which choice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Any

from optuna import Trial

from trainbook import settings
from trainbook.faults import Fault
from trainbook.mistakes import flat
from trainbook.project import CONF
from trainbook.search import grammar
from trainbook.search.grammar import Dimension
from trainbook.suggestions import unknown

Values = dict[str, Any]
"""A chosen value for each setting that exists, by key, as Optuna keeps them."""
LARGEST_GRID = 100_000


@dataclass
class Space:
    """An experiment and fixed words, and the dimensions around them.

    A dimension exists under those choices of groups under which its setting does: ``network.channels`` where the network
    is convolutional, ``optimizer.momentum`` where the optimiser has one.
    """

    fixed: list[str]
    dimensions: list[Dimension]
    known: dict[tuple[str, ...], settings.Settings] = field(default_factory=dict)
    narrowed: set[str] = field(default_factory=set)
    """Settings of a file's space that the command line has a word of its own for."""

    @staticmethod
    def read(words: Iterable[str], listed: Mapping[str, Any]) -> "Space":
        """The space of the words of a command line and of a file's ``space:``, over which the command line goes.

        Raises:
            Fault: a word is wrong; every setting of the space that exists under no choice, with the nearest name.
        """
        fixed, typed = grammar.split(words)
        taken = {each.key for each in typed} | {word.lstrip("+").partition("=")[0] for word in fixed}
        constant, filed = grammar.split(f"{key}={value}" for key, value in listed.items() if key.lstrip("+") not in taken)
        if constant:
            raise Fault(f"search.space: {grammar.FORMS} was expected; got {', '.join(constant)}.")
        space = Space(fixed, sorted([*typed, *filed], key=lambda each: not each.group))
        keys = {key for each in space.combinations() for key in flat(space.base(each))}
        space.narrowed = {key.lstrip("+") for key in listed if key.lstrip("+") in taken}
        if any((CONF / key).is_dir() for key in space.narrowed):  # an option was fixed: what others had is not there
            space.narrowed |= {each.key for each in filed if not each.group and each.key not in keys}
            space.dimensions = [each for each in space.dimensions if each.group or each in typed or each.key in keys]
        strange = [each for each in space.dimensions if not each.group and not each.prefix and each.key not in keys]
        if strange:
            raise Fault("\n".join(unknown(each.key, sorted(keys)) for each in strange))
        if not space.dimensions:
            raise Fault(f"A space was expected, such as 'optimizer.lr=tag(log,interval(1e-4,1e-1))'; forms: {grammar.FORMS}.")
        return space

    @property
    def groups(self) -> list[Dimension]:
        """Dimensions that choose an option of a group."""
        return [each for each in self.dimensions if each.group]

    def combinations(self) -> Iterator[tuple[str, ...]]:
        """Every combination of groups' options, as words."""
        return product(*([each.text(value) for value in each.ends()] for each in self.groups))

    def base(self, chosen: tuple[str, ...]) -> settings.Settings:
        """The composed settings under a combination, with every other dimension at what the experiment says."""
        if chosen not in self.known:
            self.known[chosen] = settings.compose([*self.fixed, *chosen])
        return self.known[chosen]

    def existing(self, chosen: tuple[str, ...]) -> list[Dimension]:
        """The dimensions of settings that exist under a combination."""
        keys = flat(self.base(chosen))
        return [each for each in self.dimensions if not each.group and (each.prefix or each.key in keys)]

    def suggest(self, trial: Trial) -> Values:
        """Let a trial choose: groups first, then what exists under them."""
        values = {each.key: each.suggest(trial) for each in self.groups}
        chosen = tuple(each.text(values[each.key]) for each in self.groups)
        return values | {each.key: each.suggest(trial) for each in self.existing(chosen)}

    def words(self, values: Values) -> list[str]:
        """The words that set chosen values."""
        return [each.text(values[each.key]) for each in self.dimensions if each.key in values]

    def composed(self, values: Values) -> settings.Settings:
        """The settings that the words of chosen values compose to."""
        if any(each.prefix for each in self.dimensions):
            return settings.compose([*self.fixed, *self.words(values)])
        chosen = tuple(each.text(values[each.key]) for each in self.groups)
        whole = deepcopy(self.base(chosen))  # a composition takes a fifth of a second, and conf/ interpolates nothing
        for each in self.existing(chosen):
            if each.key in values:
                *above, last = each.key.split(".")
                reduce(dict.__getitem__, above, whole)[last] = each.plain(values[each.key])
        return whole

    def check(self, fits: Callable[[settings.Settings], None]) -> None:
        """Try every choice and both ends of every interval, one dimension at a time, under every combination of groups.

        Raises:
            Fault: everything that ``fits`` refuses, a line each.
        """
        found: dict[str, None] = {}
        for options in product(*(each.ends() for each in self.groups)):
            values = dict(zip((each.key for each in self.groups), options, strict=True))
            chosen = tuple(each.text(values[each.key]) for each in self.groups)
            for more in [{}, *({each.key: value} for each in self.existing(chosen) for value in each.ends())]:
                try:
                    fits(self.composed(values | more))
                except Fault as fault:
                    found |= dict.fromkeys(_hinted(line, more) for line in str(fault).splitlines())
        if found:
            raise Fault("\n".join(found))

    def grid(self) -> list[Values]:
        """Every combination of all choices, each of those that exist once.

        Raises:
            Fault: an interval cannot be counted, or there are too many.
        """
        if endless := [each.word for each in self.dimensions if each.everything() is None]:
            raise Fault(f"search.sampler=grid: choices or ranges were expected; got {', '.join(endless)}.")
        every: list[Values] = []
        for options in product(*(each.ends() for each in self.groups)):
            values = dict(zip((each.key for each in self.groups), options, strict=True))
            own = self.existing(tuple(each.text(values[each.key]) for each in self.groups))
            for rest in product(*(each.everything() or [] for each in own)):
                every.append(values | dict(zip((each.key for each in own), rest, strict=True)))
                if len(every) > LARGEST_GRID:
                    raise Fault(f"search.sampler=grid: at most {LARGEST_GRID} combinations were expected. Take another sampler.")
        return every

    def fitted(self, given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Of a file's settings that are known to be good those that the command line leaves room for."""
        dimensions = {each.key: each for each in self.dimensions}
        kept: list[dict[str, Any]] = []
        for each in given:
            rest = {key: value for key, value in each.items() if key in dimensions or key not in self.narrowed}
            try:
                for key in self.narrowed & rest.keys():
                    dimensions[key].label(rest[key])
            except ValueError:
                continue
            if rest and rest not in kept:
                kept.append(rest)
        return kept

    def told(self, given: Mapping[str, Any]) -> Values:
        """Settings that somebody knows to be good, as Optuna keeps them.

        Raises:
            Fault: one is not of the space, or outside.
        """
        dimensions = {each.key: each for each in self.dimensions}
        values: Values = {}
        for key, value in given.items():
            if key not in dimensions:
                raise Fault(f"search.enqueue: {unknown(key, list(dimensions))}")
            try:
                values[key] = dimensions[key].label(value)
            except ValueError as error:
                raise Fault(f"search.enqueue: {key}: {error}.") from error
        if all(each.key in values for each in self.groups):
            there = self.existing(tuple(each.text(values[each.key]) for each in self.groups))
            if strange := [key for key in values if not dimensions[key].group and dimensions[key] not in there]:
                raise Fault(f"search.enqueue: {', '.join(strange)} does not exist under the options given beside it.")
        return values


def _hinted(line: str, values: Values) -> str:
    """Hydra's intervals are of floats, whatever is typed."""
    for key, value in values.items():
        if line.startswith(f"{key}:") and isinstance(value, float) and "a whole number" in line:
            return f"{line} Take {key}=int(interval(low,high)), or tag(log,int(interval(low,high)))."
    return line
