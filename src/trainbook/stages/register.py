"""register: a trained and evaluated model -> a version in MLflow's registry; an alias only past the gate."""

import argparse
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from trainbook import project, registry
from trainbook.faults import Fault
from trainbook.files import file_digest, read_yaml
from trainbook.recorded import Recorded, open_tracking, read
from trainbook.stages.list import experiments
from trainbook.suggestions import nearest

CARDS = Path("docs/data")
NAME, ALIAS = re.compile(r"[\w.-]+"), re.compile(r"(?!v\d+$)(?!latest$)[A-Za-z0-9_-]{1,255}")
GATE = "trainbook.gate"
"""Tag of a version, with an alias after a dot: how it came through the gate to that."""


def main(arguments: list[str]) -> None:
    """``trainbook register experiment=NAME|model=FOLDER|run=ID [name=NAME] [--alias champion] [--force]``"""
    parser = argparse.ArgumentParser("trainbook register", description=__doc__, allow_abbrev=False)
    parser.add_argument("words", nargs="*", metavar="key=value", help="experiment=NAME, model=FOLDER or run=ID; name=NAME")
    parser.add_argument("--alias", metavar="NAME", help="such as champion: only if better than the version that has it")
    parser.add_argument("--force", action="store_true", help="give the alias in any case; the version says so")
    given = parser.parse_intermixed_args(arguments)
    words = dict(word.partition("=")[::2] for word in given.words)
    name = words.pop("name", None)
    if len(words) != 1 or set(words) - {"experiment", "model", "run"} or not all(words.values()):
        raise Fault(f"experiment=NAME, model=FOLDER or run=ID was expected; got {' '.join(given.words) or 'nothing'}.", code=2)
    if name is not None and not NAME.fullmatch(name):
        raise Fault(f"name={name}: letters, digits and . - _ were expected.", code=2)
    if given.alias is not None and not ALIAS.fullmatch(given.alias):
        raise Fault(f"--alias {given.alias}: letters, digits, - and _ were expected, and neither latest nor v1, v2 ….", code=2)
    if given.force and given.alias is None:
        raise Fault("--force: an alias to give in any case was expected: --alias NAME.", code=2)
    with tempfile.TemporaryDirectory() as scratch:
        _register(_run_of(words), name, given.alias, given.force, Path(scratch))


def _run_of(words: dict[str, str]) -> str:
    """The run of the model that was named; its folder must hold the weights that the run recorded."""
    if "run" in words:
        return words["run"]
    from trainbook.model import RUN, WEIGHTS, check_folder

    folder = project.typed(words["model"]) if "model" in words else project.MODELS / words["experiment"]
    if "experiment" in words and not folder.is_dir():
        if words["experiment"] not in experiments():
            raise Fault(f"experiment={words['experiment']}: unknown; {nearest(words['experiment'], list(experiments()))}")
        raise Fault(f"{folder} does not exist: `dvc repro` trains what params.yaml lists; model=FOLDER names another.")
    check_folder(folder)
    run = read_yaml(folder / RUN).get("run")
    if run is None:
        raise Fault(f"{folder}: a model whose training was tracked was expected; train it without tracking=none.")
    opened, uri = open_tracking()
    recorded = registry.kept(opened, uri, f"runs:/{run}").weights
    if file_digest(folder / WEIGHTS) != recorded:
        raise Fault(f"{folder}: the weights of its run {run} ({recorded[:16]}) were expected; it has others. Train it again.")
    return str(run)


def _register(text: str, name: str | None, alias: str | None, force: bool, scratch: Path) -> None:
    from trainbook.card import card
    from trainbook.model import Model

    opened, uri = open_tracking()
    recorded = read(text, scratch / "record")
    kept = registry.kept(opened, uri, f"runs:/{recorded.run.id}")
    if recorded.judged is None:
        raise Fault(f"Run {recorded.run.id}: a model that was evaluated was expected; `trainbook evaluate model=FOLDER` first.")
    experiment = recorded.settings["experiment"]
    name = name or experiment or recorded.record["data"]["name"]
    model = Model.open(registry.bring(opened, kept, uri, scratch / "model"))
    holder = registry.holder(opened, name, alias) if alias else None
    said = f"{name}@{alias}"
    if holder is not None and registry.model_id_of(holder) == kept.model_id:
        print(f"{said} is version {holder.version}, and that is this model already.")
        return
    passed = {f"{GATE}.{alias}": _gate(uri, holder, alias, recorded, model, force, scratch)} if alias else {}
    text = card(recorded, model.facts, experiments().get(experiment, ""), CARDS)
    version = registry.add(opened, kept, name, _tags(recorded, kept, passed), text)
    if alias:
        now = registry.holder(opened, name, alias)
        if holder is not None and now is not None and now.version != holder.version:
            raise Fault(f"{said} became version {now.version} meanwhile. The same command compares with that one.")
        opened.set_registered_model_alias(name, alias, version.version)
    print(f"models:/{name}/{version.version}" + "".join(f" is models:/{said} ({how})" for how in passed.values()))


def _gate(uri: str, holder: Any, alias: str, recorded: Recorded, model: Any, force: bool, scratch: Path) -> str:
    """What the version says of the gate.

    Raises:
        Fault: not better than the version that has the alias, or not to be compared with it.
    """
    from trainbook import gate
    from trainbook.model import Model

    if holder is None:
        return "passed: the first of this name"
    try:
        old = registry.kept(recorded.run.client, uri, f"models:/{holder.name}/{holder.version}")
        before = read(old.run_id, scratch / "before")
        his = Model.open(registry.bring(recorded.run.client, old, uri, scratch / "champion"))
        answers, its = before.answers(scratch / "his"), recorded.answers(scratch / "its")
        champion = gate.Judged(f"{holder.name}@{alias} (version {holder.version})", his.task, *answers, before.settings["task"])
        challenger = gate.Judged(f"run {recorded.run.id[:8]}", model.task, *its, recorded.settings["task"])
        verdict = gate.compare(champion, challenger)
    except Fault as fault:
        if force:
            return f"forced at {time.strftime('%Y-%m-%d %H:%M')}: {fault}"
        raise Fault(f"{fault} Nothing was registered; --force does it all the same, and says so.") from fault
    if verdict.passed:
        forced = holder.tags.get(f"{GATE}.{alias}", "").startswith("forced")
        return f"passed: {verdict} to version {holder.version}" + (", which was forced" if forced else "")
    if force:
        return f"forced at {time.strftime('%Y-%m-%d %H:%M')}: {verdict} to version {holder.version}"
    raise Fault(
        f"{challenger.said} is not better than {champion.said} by more than chance: {verdict}; an interval above 0 was expected. "
        "Nothing was registered; --force does it all the same, and says so."
    )


def _tags(recorded: Recorded, kept: registry.Kept, passed: dict[str, str]) -> dict[str, str]:
    """Facts by which a version is found, those of its run."""
    own = ("trainbook.experiment", "trainbook.raw", "trainbook.prepared", "trainbook.test", "mlflow.source.git.commit")
    return {registry.WEIGHTS: kept.weights} | passed | {name: recorded.tags[name] for name in own if name in recorded.tags}
