"""The outcome of a search: an experiment file that holds what differs, listed in params.yaml."""

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

from trainbook import assembly, project, settings
from trainbook.faults import Fault
from trainbook.files import read_yaml, replacing, to_yaml, write_text
from trainbook.run import flatten
from trainbook.search.space import Space, Values

PARAMS = project.CONF.parent / "params.yaml"
MARK = re.compile(r"^# Written by `trainbook tune` \(([0-9a-f]{64})\); .*\n", re.MULTILINE)
FOUND = re.compile(r" as study (\S+) found it: trial \d+[^,]*, (.+?) (-?[\d.]+)(?:,|\.)")
UNRECORDED = (*settings.WATCHED, "experiment")


def path(experiment: str) -> Path:
    """Where the tuned form of an experiment stands."""
    return project.CONF / "experiment" / f"{experiment}_tuned.yaml"


def refuse_edited(experiment: str, force: bool) -> None:
    """Refuse to write over what somebody else has written.

    Raises:
        Fault: the file is there, and not as a search left it.
    """
    file = path(experiment)
    if force or not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    mark = MARK.search(text)
    if mark is None or mark[1] != _digest(MARK.sub("", text)):
        raise Fault(f"{file} was edited by hand, and a search would write over it. Rename it, or give --force.")


def better(experiment: str, objectives: str, maximise: bool, value: float) -> str | None:
    """What an earlier search found that this one does not beat, in words; None if there is nothing like that."""
    file = path(experiment)
    match = FOUND.search(file.read_text(encoding="utf-8")) if file.is_file() else None
    if match is None:
        return None
    study, before, known = match[1], match[2], float(match[3])
    if before == objectives and (round(value, 4) >= known if maximise else round(value, 4) <= known):
        return None
    return f"{file} stays what study {study} found, {before} {match[3]}"


def write(space: Space, values: Values, threads: int | None, experiment: str, told: str) -> Path:
    """Write the experiment, and see that it composes to the very settings of the trial.

    Args:
        space: of the search.
        values: of the trial.
        threads: of the trial; None = as the words say.
        experiment: its name.
        told: a sentence on where it comes from.

    Returns:
        The file.

    Raises:
        Fault: the settings cannot be written as an experiment.
    """
    wanted = space.composed(values) | ({} if threads is None else {"threads": threads})
    words = [word for word in (*space.fixed, *space.words(values)) if _is_group(word)]
    groups = [{f"override /{word.partition('=')[0]}": word.partition("=")[2]} for word in words]
    content = {"defaults": [experiment, *groups, "_self_"]}
    file = path(experiment)
    text = f"# @package _global_\n# {told}\n" + to_yaml(content | _differing(wanted, _composed(file.stem, to_yaml(content))))
    made = _composed(file.stem, text)
    if {**made, **{key: wanted[key] for key in UNRECORDED}} != wanted:
        raise Fault(f"{file}: the best trial's settings cannot be written as an experiment (words with + are not kept).")
    head, said, body = text.split("\n", 2)
    mark = f"# Written by `trainbook tune` ({_digest(text)}); a file that was edited is not written over."
    write_text(file, "\n".join([head, said, mark, body]))
    return file


def _differing(wanted: settings.Settings, made: settings.Settings) -> dict[str, Any]:
    """What an experiment must still say."""
    known, changed = flatten(made), dict[str, Any]()
    for key, value in flatten(wanted).items():
        if key.split(".")[0] not in UNRECORDED and (key not in known or known[key] != value):
            *above, last = key.split(".")
            section = changed
            for each in above:
                section = section.setdefault(each, {})
            section[last] = value
    return changed


def _composed(name: str, text: str) -> settings.Settings:
    """What an experiment of that text would compose to."""
    with tempfile.TemporaryDirectory() as scratch:
        head = "" if text.startswith("# @package") else "# @package _global_\n"
        write_text(Path(scratch) / "experiment" / f"{name}_.yaml", head + text)
        return settings.compose([f"hydra.searchpath=[file://{scratch}]", f"experiment={name}_"])


def list_in_params(name: str, whole: settings.Settings) -> str | None:
    """Let `dvc repro` keep an experiment up to date; gives the reason where it cannot."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    listed, data = yaml.load(PARAMS.read_text(encoding="utf-8")), whole["data"]["name"]
    if not isinstance(listed, dict) or data not in (listed.get("data") or {}):
        return f"{PARAMS} does not list the data set {data}"
    shared = read_yaml(project.CONF / "data" / f"{data}.yaml")
    if any(whole["data"][key] != shared[key] for key in assembly.PREPARED_FROM):
        return f"it prepares {data} in a way of its own, and {PARAMS} prepares it once for all"
    if name not in (listed.get("experiments") or {}):
        item = CommentedMap({"data": data})
        item.fa.set_flow_style()
        listed.setdefault("experiments", CommentedMap())[name] = item
        with replacing(PARAMS) as new:
            yaml.dump(listed, new)
    return None


def _is_group(word: str) -> bool:
    key = word.lstrip("+").partition("=")[0]
    return key != "experiment" and (project.CONF / key).is_dir()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
