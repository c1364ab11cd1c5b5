"""Settings: the composed configuration of an experiment, as plain data; composed, checked, loaded and saved here."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trainbook.faults import Fault
from trainbook.files import read_yaml, write_yaml
from trainbook.project import CONF
from trainbook.suggestions import nearest, unknown

Settings = dict[str, Any]

WATCHED = ("tracking", "evaluation")
"""Sections that cannot change a training, so that it does not depend on them."""
NAMED_SETS = ("callbacks", "data.augment", "data.steps")
"""Sections whose keys are names of the user's choice, each with a target of its own."""


def compose(overrides: Iterable[str]) -> Settings:
    """Compose `conf/` with overrides such as ``experiment=mnist_mlp`` or ``optimizer.lr=0.01``.

    Raises:
        Fault: every unknown group, option and key at once, each with the nearest name that exists.
    """
    overrides = _with_presets(overrides)
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    with _hydra() as compose_once:
        try:
            config = compose_once(overrides)
            settings = _plain(config)
        except (HydraException, OmegaConfBaseException) as error:
            raise _explained(overrides, error, compose_once) from error
        _check_keys(settings, config, overrides, compose_once)
    return settings


def run(function: Callable[[Settings], Any], arguments: list[str], check: Callable[[Settings], None]) -> None:
    """Hydra's own command line: ``arguments`` are overrides and Hydra's options; ``function`` runs once a combination.

    Raises:
        Fault: as ``compose`` and ``check``, for every combination of a multirun before the first one runs.
    """
    import hydra

    multirun = [argument for argument in arguments if argument in ("-m", "--multirun")]
    arguments = [*multirun[:1], *_with_presets(argument for argument in arguments if argument not in multirun)]
    overrides = [argument for argument in arguments if not argument.startswith("-") and "=" in argument]
    if multirun:
        for combination in _combinations(overrides):
            check(compose(combination))
    elif not {"--help", "-h", "--hydra-help", "-sc", "--shell-completion"} & set(arguments):
        compose(overrides)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive as exceptions, and are told in one place
    typed, sys.argv = sys.argv, [sys.argv[0], *arguments]
    job = Job(function, typed, at_once=bool(multirun))
    try:
        hydra.main(version_base="1.3", config_path=str(CONF.absolute()), config_name="config")(job)()
    finally:
        sys.argv = job.command
    if job.composed is not None:
        function(job.composed)


class Job:
    """What Hydra calls for one combination; in a multirun a launcher may do so in another process."""

    def __init__(self, function: Callable[[Settings], Any], typed: list[str], at_once: bool) -> None:
        self.function, self.command, self.at_once = function, typed, at_once
        self.composed: Settings | None = None

    def __call__(self, config: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf, open_dict

        # Lightning starts its other processes with this command line: one combination, not a multirun
        self.command = sys.argv = [*self.command[:2], *HydraConfig.get().overrides.task]
        with open_dict(config):
            config.hydra = {"runtime": {"choices": OmegaConf.to_container(HydraConfig.get().runtime.choices)}}
        if self.at_once:
            return self.function(_plain(config))
        self.composed = _plain(config)  # what goes wrong later is none of Hydra's business
        return None


def load(path: Path) -> Settings:
    """Read saved settings as plain data.

    Raises:
        Fault: missing, or no settings.
    """
    settings = read_yaml(path)
    if not isinstance(settings, dict) or not isinstance(settings.get("data"), dict):
        raise Fault(f"{path}: composed settings were expected (a mapping with data, network, task …).")
    return settings


def save(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings, whole or not at all."""
    write_yaml(path, dict(settings))


def _with_presets(words: Iterable[str]) -> list[str]:
    """A trainer that is named on the command line goes before what an experiment sets: ``trainer=smoke`` is short for all.

    Its keys stand before every other word, so that a key that was typed goes before the preset.
    """
    words, preset = list(words), []
    for word in words:
        file = CONF / "trainer" / f"{word.removeprefix('trainer=')}.yaml"
        if word.startswith("trainer=") and "," in word:
            raise Fault(f"{word}: one trainer was expected, for its values go before the experiment's; run each alone.", code=2)
        if word.startswith("trainer=") and file.is_file():
            own = read_yaml(file)
            if own.pop("defaults", None):
                preset += [f"trainer.{key}={_grammar(value)}" for key, value in own.items()]
    return [*(each for each in preset if each not in words), *words]


def _hydra() -> Any:
    from contextlib import contextmanager

    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    @contextmanager
    def opened() -> Any:
        before = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(str(CONF.absolute()), version_base="1.3"):
                yield lambda overrides: hydra_compose("config", list(overrides), return_hydra_config=True)
        finally:
            GlobalHydra.instance().hydra = before

    return opened()


def _plain(config: Any) -> Settings:
    """Plain containers, with the names of experiment and data, which only Hydra's choices know."""
    from omegaconf import OmegaConf

    choices = config.hydra.runtime.choices
    hidden = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    settings = OmegaConf.to_container(hidden, resolve=True)
    assert isinstance(settings, dict)
    named = {"experiment": choices.get("experiment") or settings.get("experiment")}
    plain: Settings = {**named, **{str(key): value for key, value in settings.items() if key != "experiment"}}
    plain["data"] = {"name": choices["data"], **plain["data"]}
    return plain


def _combinations(overrides: list[str]) -> list[list[str]]:
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        return [list(job) for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]
    except HydraException as error:
        raise Fault(_first_line(error), code=2) from error


def _check_keys(settings: Settings, config: Any, overrides: list[str], compose_once: Callable[[list[str]], Any]) -> None:
    """Keys that an experiment's file adds to what the group files list are mistakes: nothing would read them."""
    choices = {key: value for key, value in config.hydra.runtime.choices.items() if not key.startswith("hydra/")}
    if not choices.get("experiment"):
        return
    listed = compose_once([])
    standard = set(listed.hydra.runtime.choices)
    chosen = [
        f"{'' if group in standard else '+'}{group}={_grammar(option)}"
        for group, option in choices.items()
        if group != "experiment"
    ]
    added = [override for override in overrides if override[0] == "+" and override.strip("+").split("=")[0] not in choices]
    base = _plain(compose_once([*chosen, *added]))
    strange = sorted(set(_flat(settings)) - set(_flat(base)) - {"experiment"})
    strange = [key for key in strange if not any(key.startswith(f"{name}.") for name in NAMED_SETS)]
    tops = [key for key in strange if key.rpartition(".")[0] not in strange]
    if tops:
        where = CONF / "experiment" / f"{choices['experiment']}.yaml"
        raise Fault("\n".join(f"{where}: {unknown(key, _flat(base))}" for key in tops))


def _explained(overrides: list[str], error: Exception, compose_once: Callable[[list[str]], Any]) -> Fault:
    """Hydra stops at the first mistake; look at each override alone to name them all."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser, found, groups, keys = OverridesParser.create(), [], [], []
    for override in overrides:
        try:
            parsed = parser.parse_override(override)
        except HydraException as wrong:
            return Fault(f"{override!r} is no setting of the form key=value: {_first_line(wrong)}", code=2)
        name = parsed.key_or_group
        if (CONF / name).is_dir():
            options = sorted(file.relative_to(CONF / name).with_suffix("").as_posix() for file in (CONF / name).rglob("*.yaml"))
            value = parsed.value()
            wrong_options = [each for each in (value if isinstance(value, list) else [value]) if each not in [*options, None]]
            found += [f"{name}={each}: unknown; {nearest(str(each), options)}" for each in wrong_options]
            groups += [] if wrong_options else [override]
        elif not parsed.is_add() and not parsed.is_force_add() and not name.startswith("hydra"):
            keys.append(name)
    try:
        known = _flat(_plain(compose_once(groups)))
    except Exception:  # the experiment itself does not compose: its own message is the one to read
        return Fault("\n".join(found) or _first_line(error))
    found += [unknown(key, known) for key in keys if key not in known]
    return Fault("\n".join(found) or _first_line(error))


def _flat(settings: Mapping[str, Any], above: str = "") -> list[str]:
    """Every key with the keys above it, joined by dots."""
    keys = []
    for key, value in settings.items():
        keys.append(f"{above}{key}")
        if isinstance(value, Mapping):
            keys += _flat(value, f"{above}{key}.")
    return keys


def _grammar(option: Any) -> str:
    if isinstance(option, bool):
        return str(option).lower()
    return "null" if option is None else f"[{','.join(option)}]" if isinstance(option, list) else str(option)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())
