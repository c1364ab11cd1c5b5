"""A run derived again from its record: an empty worktree of the recorded commit, and in it everything that was done."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from trainbook import project
from trainbook.comparison import bounds
from trainbook.data.facts import FACTS
from trainbook.environment import differing
from trainbook.faults import Fault
from trainbook.files import file_digest, read_json, read_yaml, write_yaml
from trainbook.provenance import PACKAGE
from trainbook.recorded import Curves, Recorded
from trainbook.worktree import worktree

NAME = "again"
WEIGHTS = "weights.safetensors"
SIDES = {
    "tracking": {
        "enabled": False,
        "run_name": None,
        "progress_bar": True,
        "figures": False,
        "model_summary": False,
        "system_metrics": False,
    },
    "checkpoints": {"minutes": 10, "keep": 1},
}
"""How the training is watched, which changes none of its figures."""


def derive(recorded: Recorded, quiet: bool = False) -> tuple[str, Curves]:
    """Train and evaluate again; returns the digest of the weights and every metric by epoch.

    Raises:
        Fault: something is missing or is not what was recorded, or the recorded code fails.
    """
    if recorded.record["patch"] is not None and recorded.patch is None:
        raise Fault(
            f"Run {recorded.run.id} had uncommitted changes; its uncommitted.diff is not among its artifacts. A copy may lie in "
            f"{project.RUNS / recorded.name}: `mlflow artifacts log-artifact` puts it back."
        )
    patch = recorded.patch if recorded.record["patch"] else None
    with worktree(recorded.record["commit"], patch) as work:
        _check_code(recorded, work)
        bring_data(recorded, work)
        bring_weights(recorded, work)
        return _run(recorded, work, quiet)


def _check_code(recorded: Recorded, work: Path) -> None:
    """Nothing is run that is not what the run recorded."""
    record = recorded.record
    package = work / "src" / PACKAGE.name
    package = package if package.is_dir() else PACKAGE
    here = {name: sha256_of(package / name) for name in record["code"]}
    wrong = _named(differing(record["code"], here))
    changed = record["patch"] is not None and recorded.patch is not None and sha256_of(recorded.patch) != record["patch"]
    if wrong or changed:
        why = "uncommitted.diff is not the one that the run recorded; " if changed else ""
        left = "".join(f" {path} was left out of the record: {reason}." for path, reason in record["left_out"].items())
        named = f"these files differ: {wrong}" if wrong else "the files that decide are the same"
        raise Fault(f"The recorded commit and changes do not give what was trained: {why}{named}.{left} Nothing was run.")


def sha256_of(path: Path) -> str | None:
    """Of a file's contents; None where there is none."""
    return file_digest(path) if path.is_file() else None


def bring_data(recorded: Recorded, work: Path) -> None:
    """The raw files that the run was trained on, by their digests: those of the project, or what DVC has.

    Raises:
        Fault: a file was changed, or nobody has it.
    """
    wanted: dict[str, str] = recorded.record["data"]["raw"]
    own = {path for path in wanted if sha256_of(work / path) == wanted[path]}  # raw data in git
    here = {path: wanted[path] if path in own else sha256_of(Path(path)) for path in wanted}
    wrong = differing(wanted, here)
    if not wrong:
        for path in wanted.keys() - own:
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).unlink(missing_ok=True)
            (work / path).symlink_to(Path(path).absolute())
        return
    named = _named(wrong)
    changed = {path: now for path, (_, now) in wrong.items() if now is not None}
    pointer = Path("data.dvc")
    same = pointer.is_file() and (work / pointer).is_file() and pointer.read_bytes() == (work / pointer).read_bytes()
    if changed and same:
        raise Fault(
            f"The raw data are not what the run was trained on, though data.dvc is the same: {named}. Somebody has changed them; "
            "`dvc checkout --force data.dvc` brings them back."
        )
    if not (work / pointer).is_file():
        raise Fault(
            f"The raw data are not what the run was trained on: {named}; looked in {Path.cwd()}, and the recorded commit has no "
            "data.dvc to pull them by. Put those files back."
        )
    print("trainbook: pulls the raw data of that commit …", file=sys.stderr)
    said = _pull(work, wanted.keys() - own)
    wrong = differing(wanted, {path: sha256_of(work / path) for path in wanted})
    if wrong:
        raise Fault(f"The raw data of the run are neither here ({named}) nor where DVC looked: {said or _named(wrong)}.")


def _pull(work: Path, paths: set[str]) -> str:
    """Files as the recorded data.dvc names them, from the cache and the remotes of this project; returns what went wrong."""
    from dvc.api import DVCFileSystem
    from dvc.repo import Repo

    try:
        with Repo() as here:  # with what config.local says, and with paths that are relative to this project
            config = {"remote": here.config["remote"], "cache": {"dir": here.cache.local_cache_dir}}
            config["core"] = {key: value for key, value in here.config["core"].items() if key == "remote"}
        stored = DVCFileSystem(url=str(work), config=config)
        for path in sorted(paths):
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            stored.get_file(path, str(work / path))
    except Exception as error:  # of many kinds, by where the files lie
        return " ".join(f"{type(error).__name__}: {error}".split())[-300:]
    return ""


def _named(wrong: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Files with both digests, for people."""
    return ", ".join(
        f"{path} ({(then or 'none')[:12]} then, {(now or 'missing')[:12]} now)" for path, (then, now) in wrong.items()
    )


def bring_weights(recorded: Recorded, work: Path) -> None:
    """The model folder that the training started from, if it did."""
    wanted, named = recorded.record["init_from"], recorded.settings["init_from"]
    if not named:
        return
    folder = Path(named)
    if wanted is None or sha256_of(folder / WEIGHTS) != wanted:
        raise Fault(
            f"init_from: the model folder {named} with weights {str(wanted)[:12]} was expected; it is missing or another. "
            "The run that wrote it, or `dvc checkout`, brings it back."
        )
    if not folder.is_absolute():
        shutil.copytree(folder, work / folder, dirs_exist_ok=True)


def _run(recorded: Recorded, work: Path, quiet: bool) -> tuple[str, Curves]:
    folder, data = work / project.SETTINGS, recorded.settings["data"]["name"]
    write_yaml(folder / f"{NAME}.yaml", {**recorded.settings, "code": {}})
    for side, section in SIDES.items():
        write_yaml(folder / side / f"{NAME}.yaml", section)
    settings, prepared = project.SETTINGS / f"{NAME}.yaml", project.PREPARED / data
    model, report = project.MODELS / NAME, project.REPORTS / NAME
    words = [["prepare", "--settings", str(settings), "--output", str(prepared)]]
    words += [["train", "--settings", str(settings), "--output", str(model), *(["--quiet"] if quiet else [])]]
    if recorded.judged is not None:
        how = project.SETTINGS / "evaluation" / f"{NAME}.yaml"
        against = {name: each["settings"] for name, each in recorded.judged.get("baselines", {}).items()}
        same = {key: recorded.judged[key] for key in ("resamples", "confidence")}
        write_yaml(work / how, {**same, "baselines": against, "code": {}})
        words += [["evaluate", f"model={model}", "--settings", str(how), "--output", str(report)]]
    for each in words:
        print(f"trainbook: {each[0]}, again …", file=sys.stderr)
        done = subprocess.run([sys.executable, "-m", "trainbook", *each], cwd=work, env=_environment(work), stdout=sys.stderr)
        if done.returncode:
            raise Fault(f"The recorded code ended with exit code {done.returncode} in `trainbook {each[0]}`; see above.")
    then = recorded.record["data"]["prepared"]
    if another := differing(then, read_yaml(work / prepared / FACTS)["prepared"]):
        print(f"trainbook: the prepared data differ from those of the run: {', '.join(another)}.", file=sys.stderr)
    curves: Curves = {}
    for row in read_json(work / model / "history.json"):
        for name, value in row.items():
            if name != "epoch":
                curves.setdefault(name, {})[int(row["epoch"])] = value
    if recorded.judged is not None:
        judged = read_json(work / report / "metrics.json")
        judged |= bounds(read_json(work / report / "details.json"))
        curves |= {name: {0: value} for name, value in judged.items()}
    return file_digest(work / model / WEIGHTS), curves


def _environment(work: Path) -> dict[str, str]:
    """Of the recorded code: its own package goes before the one that is installed; nothing of ours leads it elsewhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TRAINBOOK_", "MLFLOW_TRACKING", "GIT_"))}
    paths = [str(work / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    bin_first = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "PATH": bin_first}
