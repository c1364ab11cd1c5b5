"""Settings: the composed configuration of an experiment, as plain data; composed, checked, loaded and saved here."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trainbook import mistakes
from trainbook.faults import Fault
from trainbook.files import read_yaml, write_yaml
from trainbook.project import CONF

Settings = dict[str, Any]

WATCHED = ("tracking", "evaluation", "checkpoints", "folds")
"""Keys that cannot change a training, so that it does not depend on them."""


def compose(overrides: Iterable[str]) -> Settings:
    """Compose `conf/` with overrides such as ``experiment=mnist_mlp`` or ``optimizer.lr=0.01``.

    Raises:
        Fault: every unknown group, option and key at once, each with the nearest name that exists.
    """
    overrides = _with_presets(overrides)
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    with _hydra() as compose_once:

        def again(words: list[str]) -> Settings:
            return _plain(compose_once(words))

        try:
            config = compose_once(overrides)
            settings = _plain(config)
        except (HydraException, OmegaConfBaseException) as error:
            raise mistakes.explained(overrides, error, again) from error
        mistakes.check_keys(settings, dict(config.hydra.runtime.choices), overrides, again)
    return settings


def compose_search(words: Iterable[str]) -> tuple[Settings, str]:
    """The section ``search`` under words such as ``search=mlp`` or ``search.n_trials=40``, and the name of its file.

    Raises:
        Fault: an unknown file or key, with the nearest name that exists.
    """
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    words = list(words)
    mistakes.check_search(words)
    with _hydra() as compose_once:
        try:
            config = compose_once(words, "tune")
            section = OmegaConf.to_container(config.search, resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise Fault(mistakes.first_line(error)) from error
    assert isinstance(section, dict)
    chosen = str(config.hydra.runtime.choices["search"])
    mistakes.check_search([f"search.{key!s}=" for key in section])
    return {str(key): value for key, value in section.items()}, chosen


def run(function: Callable[[Settings], Any], arguments: list[str], check: Callable[[Settings], None]) -> None:
    """Hydra's own command line: ``arguments`` are overrides and Hydra's options; ``function`` runs once a combination.

    Raises:
        Fault: as ``compose`` and ``check``, for every combination of a multirun before the first one runs.
    """
    import hydra

    words = arguments
    multirun = [word for word in words if word in ("-m", "--multirun")]
    arguments = [*multirun[:1], *_with_presets(word for word in words if word not in multirun)]
    overrides = [argument for argument in arguments if not argument.startswith("-") and "=" in argument]
    if multirun:
        for combination in _combinations(overrides):
            check(compose(combination))
    elif not {"--help", "-h", "--hydra-help", "-sc", "--shell-completion"} & set(arguments):
        compose(overrides)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive as exceptions, and are told in one place
    typed, sys.argv = sys.argv, [sys.argv[0], *arguments]
    own = [word for word in typed if word not in words]  # trainbook's, of which Hydra knows nothing
    job = Job(function, own, at_once=bool(multirun))
    try:
        hydra.main(version_base="1.3", config_path=str(CONF.absolute()), config_name="config")(job)()
    finally:
        sys.argv = job.command if job.composed is not None else typed
    if job.composed is not None:
        function(job.composed)


class Job:
    """What Hydra calls for one combination; in a multirun a launcher may do so in another process."""

    def __init__(self, function: Callable[[Settings], Any], own: list[str], at_once: bool) -> None:
        self.function, self.own, self.command, self.at_once = function, own, own, at_once
        self.composed: Settings | None = None

    def __call__(self, config: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf, open_dict

        # Lightning starts its other processes with this command line: one combination, not a multirun
        self.command = sys.argv = [*self.own, *HydraConfig.get().overrides.task]
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
                preset += [f"trainer.{key}={mistakes.grammar(value)}" for key, value in own.items()]
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
                yield lambda overrides, root="config": hydra_compose(root, list(overrides), return_hydra_config=True)
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
        raise Fault(mistakes.first_line(error), code=2) from error
