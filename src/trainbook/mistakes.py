"""Mistakes in settings: unknown groups, options and keys, all at once, each with the nearest name that exists."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainbook.faults import Fault
from trainbook.files import read_yaml
from trainbook.project import CONF
from trainbook.suggestions import nearest, unknown

Settings = dict[str, Any]
Compose = Callable[[list[str]], Settings]

NAMED_SETS = ("callbacks", "data.augment", "data.steps", "evaluation.baselines")
"""Sections whose keys are names of the user's choice, each with a target of its own."""


def check_keys(settings: Settings, choices: Mapping[str, Any], overrides: list[str], compose: Compose) -> None:
    """Keys that an experiment's file adds to what the group files list are mistakes: nothing would read them.

    Raises:
        Fault: all of them.
    """
    choices = {group: option for group, option in choices.items() if not group.startswith("hydra/")}
    if not choices.get("experiment") or not _strange(settings, _listed(choices)):
        return
    standard = {group for entry in read_yaml(CONF / "config.yaml")["defaults"] if isinstance(entry, dict) for group in entry}
    chosen = [
        f"{'' if group in standard else '+'}{group}={grammar(option)}"
        for group, option in choices.items()
        if group != "experiment"
    ]
    added = [override for override in overrides if override[0] == "+" and override.strip("+").split("=")[0] not in choices]
    known = flat(compose([*chosen, *added]))
    strange = _strange(settings, known)
    tops = [key for key in strange if key.rpartition(".")[0] not in strange]
    if tops:
        where = CONF / "experiment" / f"{choices['experiment']}.yaml"
        raise Fault("\n".join(f"{where}: {unknown(key, known)}" for key in tops))


def _listed(choices: Mapping[str, Any]) -> list[str]:
    """Keys in the files of the chosen options, read as they stand: fewer than Hydra finds, in a tenth of the time."""
    found = flat(read_yaml(CONF / "config.yaml"))
    for group, option in choices.items():
        folder, _, package = group.partition("@")
        section, waiting = package or _package(CONF / folder / f"{option}.yaml") or folder.replace("/", "."), [option]
        found.append(section)
        while waiting:
            file = CONF / folder / f"{waiting.pop()}.yaml"
            content = read_yaml(file) if file.is_file() else None
            if isinstance(content, dict) and group != "experiment":
                waiting += [each for each in content.pop("defaults", []) if isinstance(each, str)]
                found += flat(content, f"{section}.")
    return found


def _package(file: Path) -> str:
    """Where the first line of a group's file says that its keys belong, if it does: ``# @package evaluation.baselines``."""
    first = file.read_text(encoding="utf-8").partition("\n")[0] if file.is_file() else ""
    return first.removeprefix("# @package ") if first.startswith("# @package ") else ""


def _strange(settings: Settings, known: list[str]) -> list[str]:
    keys = set(flat(settings)) - set(known) - {"experiment", "data.name"}
    return sorted(key for key in keys if not any(key.startswith(f"{name}.") for name in NAMED_SETS))


def explained(overrides: list[str], error: Exception, compose: Compose) -> Fault:
    """Hydra stops at the first mistake; look at each override alone to name them all."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser, found, groups, keys = OverridesParser.create(), [], [], []
    for override in overrides:
        try:
            parsed = parser.parse_override(override)
        except HydraException as wrong:
            return Fault(f"{override!r} is no setting of the form key=value: {first_line(wrong)}", code=2)
        name = parsed.key_or_group
        if (CONF / name).is_dir():
            options = sorted(file.relative_to(CONF / name).with_suffix("").as_posix() for file in (CONF / name).rglob("*.yaml"))
            value = parsed.value()
            wrong_options = [each for each in (value if isinstance(value, list) else [value]) if each not in [*options, None]]
            found += [f"{name}={each}: unknown; {nearest(str(each), options)}" for each in wrong_options]
            groups += [] if wrong_options else [override]
        elif not parsed.is_add() and not parsed.is_force_add() and not name.startswith("hydra"):
            keys.append(name)
    read = _listed(_chosen(groups)) if not found else []
    odd = [key for key in keys if key not in read]
    if read and len(odd) == 1 and f"'{odd[0]}'" in str(error):  # Hydra says so, too: no need to compose again
        return Fault(unknown(odd[0], read))
    try:
        known = flat(compose(groups))
    except Exception:  # the experiment itself does not compose: its own message is the one to read
        return Fault("\n".join(found) or first_line(error))
    found += [unknown(key, known) for key in keys if key not in known]
    return Fault("\n".join(found) or first_line(error))


def check_search(words: list[str]) -> None:
    """Refuse files of a search, and keys of it, that do not exist.

    Raises:
        Fault: all of them, each with the nearest name.
    """
    files = sorted(file.stem for file in (CONF / "search").glob("*.yaml"))
    keys, found = [f"search.{key}" for key in read_yaml(CONF / "search" / "default.yaml")], []
    for key, _, value in (word.lstrip("+").partition("=") for word in words):
        if key == "search" and value not in files:
            found.append(f"search={value}: unknown; {nearest(value, files)}")
        elif key != "search" and ".".join(key.split(".")[:2]) not in keys:
            found.append(unknown(key, keys))
    if found:
        raise Fault("\n".join(found))


def _chosen(words: list[str]) -> dict[str, Any]:
    """The option of each group as the files say it, and the words ``group=option``."""
    typed = dict(word.lstrip("+").split("=", 1) for word in words)
    chosen = {
        group: option
        for each in read_yaml(CONF / "config.yaml")["defaults"]
        if isinstance(each, dict)
        for group, option in each.items()
    }
    file = CONF / "experiment" / f"{typed.get('experiment')}.yaml"
    entries = read_yaml(file).get("defaults", []) if file.is_file() else []
    own = {name.removeprefix("override /"): option for each in entries if isinstance(each, dict) for name, option in each.items()}
    return {group: option for group, option in {**chosen, **own, **typed}.items() if isinstance(option, str)}


def flat(settings: Mapping[str, Any], above: str = "") -> list[str]:
    """Every key with the keys above it, joined by dots."""
    keys = []
    for key, value in settings.items():
        keys.append(f"{above}{key}")
        if isinstance(value, Mapping):
            keys += flat(value, f"{above}{key}.")
    return keys


def grammar(option: Any) -> str:
    """A value as Hydra's command line reads it."""
    if isinstance(option, bool):
        return str(option).lower()
    return "null" if option is None else f"[{','.join(option)}]" if isinstance(option, list) else str(option)


def first_line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())
