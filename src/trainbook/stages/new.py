"""new: the files of an addition, ready to fill in; they pass the fast test as they are."""

import argparse
import builtins
import keyword
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from string import Template

from trainbook.faults import Fault
from trainbook.files import read_yaml, write_text
from trainbook.project import CONF
from trainbook.suggestions import nearest, unknown

TEMPLATES = Path(__file__).parents[1] / "templates"
PLACES = {
    "network": {
        "network.py.txt": "src/trainbook/networks/$name.py",
        "network.yaml": "conf/network/$name.yaml",
        "network_test.py.txt": "tests/networks/test_${name}_network.py",
    },
    "task": {
        "task.py.txt": "src/trainbook/tasks/$name.py",
        "task.yaml": "conf/task/$name.yaml",
        "task_test.py.txt": "tests/tasks/test_${name}_task.py",
    },
    "data": {
        "data.csv": "data/$name/$name.csv",
        "data.yaml": "conf/data/$name.yaml",
        "data.md": "docs/data/$name.md",
    },
    "experiment": {"experiment.yaml": "conf/experiment/$name.yaml"},
}
"""What each kind of addition is made of: template -> where it goes."""
NEXT = {
    "network": "  pytest -q tests/networks/test_${name}_network.py\n  trainbook new experiment $name network=$name",
    "task": "  pytest -q tests/tasks/test_${name}_task.py\n  trainbook new experiment $name task=$name",
    "data": "  dvc add data\n  trainbook new experiment $name data=$name\n"
    "`dvc push -r raw data.dvc` copies the raw data to store/, which git keeps: right for some megabytes, see README.\n"
    "For `dvc repro`, params.yaml takes under data:         $name: {raw: data/$name}",
    "experiment": "  pytest -q tests/test_experiments.py -k $name\n  trainbook train experiment=$name trainer=smoke\n"
    "For `dvc repro`, params.yaml takes under experiments:  $name: {data: $data}",
}
"""What a person does then, and what else to keep the addition."""
OF_YAML = ("true", "false", "yes", "no", "on", "off", "null")
NAME, LONGEST = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"), 40
AXES = ("data", "network", "task")
"""What a new experiment always names; other groups only if they are given."""


def main(arguments: list[str]) -> None:
    """``trainbook new network|data|task|experiment NAME [data=… network=… task=…]``"""
    parser = argparse.ArgumentParser("trainbook new", description=__doc__, allow_abbrev=False)
    parser.add_argument("kind", help=", ".join(PLACES))
    parser.add_argument("name", metavar="NAME", help="such as wide_deep")
    parser.add_argument("groups", nargs="*", metavar="group=option", help="for an experiment: data=mnist network=mlp …")
    given = parser.parse_args(arguments)
    if given.kind not in PLACES:
        raise Fault(f"new {given.kind}: unknown; {nearest(given.kind, list(PLACES))}", code=2)
    if given.groups and given.kind != "experiment":
        raise Fault(f"new {given.kind}: a name alone was expected; {' '.join(given.groups)} is for an experiment.", code=2)
    _check_name(given.kind, given.name)
    _check_project(given.kind)
    words = {"name": given.name, "Class": _class(given.name), "title": given.name.replace("_", " ")}
    words |= _choices(given.groups) if given.kind == "experiment" else {}
    files = {
        Path(Template(place).substitute(words)): Template((TEMPLATES / template).read_text("utf-8")).substitute(words)
        for template, place in PLACES[given.kind].items()
    }
    _write(files)
    print(*files, "Next:", Template(NEXT[given.kind]).substitute(words), sep="\n")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _check_name(kind: str, name: str) -> None:
    """Refuse what cannot be the name of a module, a class and an option alike."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower().strip("_")[:LONGEST].rstrip("_")
        better = words if NAME.fullmatch(words) else f"{kind}_{words}".rstrip("_")
        raise Fault(
            f"new {kind} {name}: small letters, digits and single _ between them, a letter first, at most {LONGEST} in all, "
            f"were expected; {better} would do.",
            code=2,
        )
    taken = {word for template in PLACES[kind] for word in _names((TEMPLATES / template).read_text("utf-8"))}
    of_python = keyword.iskeyword(name) or keyword.iskeyword(_class(name)) or hasattr(builtins, _class(name))
    if name in OF_YAML or of_python or _class(name) in taken:
        raise Fault(f"new {kind} {name}: a name that means nothing else was expected; {name}_{kind} would do.", code=2)


def _names(text: str) -> list[str]:
    """What a template imports or defines, so that its class cannot be called the same."""
    found = re.findall(r"^(?:(?:from .* )?import|class) (.*)$", text, re.MULTILINE)
    return [word for line in found for word in re.findall(r"\w+", line)]


def _check_project(kind: str) -> None:
    """Refuse Python files where trainbook would not find them, and raw data beside those that DVC would then forget."""
    if kind in ("network", "task") and not (room := Path(f"src/trainbook/{kind}s")).is_dir():
        raise Fault(
            f"new {kind}: a checkout of trainbook was expected, for the class goes to {room}/. In another project write it "
            f"in a package of your own, list its module in conf/trusted.yaml, and name it in conf/{kind}/."
        )
    if kind == "data" and Path("data.dvc").is_file() and not Path("data").is_dir():
        raise Fault("new data: data/ with the other raw data was expected, lest `dvc add data` forget them: `dvc pull data.dvc`.")


def _choices(groups: Iterable[str]) -> dict[str, str]:
    """The options of a new experiment, and the lines that name them.

    Raises:
        Fault: every group and option that does not exist, each with the nearest one that does.
    """
    usual = {
        group: option
        for entry in read_yaml(CONF / "config.yaml")["defaults"]
        if isinstance(entry, dict)
        for group, option in entry.items()
        if group != "experiment" and (CONF / group).is_dir()
    }
    chosen, wrong = {axis: usual[axis] for axis in AXES}, []
    for group, _, option in (word.partition("=") for word in groups):
        known = sorted(file.stem for file in (CONF / group).glob("*.yaml")) if group in usual else []
        if group not in usual:
            wrong.append(unknown(group, list(usual)))
        elif option not in known:
            wrong.append(f"{group}={option}: unknown; {nearest(option, known)}")
        chosen[group] = option
    if wrong:
        raise Fault("\n".join(wrong), code=2)
    return {**chosen, "defaults": "\n".join(f"  - override /{group}: {option}" for group, option in chosen.items())}


def _write(files: dict[Path, str]) -> None:
    """Write all files or none, and never over one that stands."""
    if standing := [str(path) for path in files if path.exists() or path.is_symlink()]:
        raise Fault(
            f"New files were expected; there is {' and '.join(standing)} already. Choose another name, or remove what is old."
        )
    try:
        for path, text in files.items():
            write_text(path, text)
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # others' files are in it
                path.parent.rmdir()
        raise
