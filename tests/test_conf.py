"""The group files list every key that their targets take, with the defaults that these have."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT
from trainbook import provenance, signatures
from trainbook.assembly import MOVED
from trainbook.checks import REFUSED
from trainbook.files import read_yaml

CONF = ROOT / "conf"
GROUPS = ("network", "task", "optimizer", "scheduler", "callbacks", "baselines", "trainer")
FILES = [file for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
GIVEN = {"network", "params", "optimizer", "shape", "outputs", "classes", "class_counts", "kwargs", "last_epoch"}
"""What assembly fills in, so that YAML must not; beside what has no default, and the sizes of named inputs."""
CHOSEN = {("adam", "lr"), ("sgd", "lr"), ("rmsprop", "lr")}


def section(file: Path) -> dict[str, Any]:
    """A group file with the files of its own group that it builds on."""
    own = read_yaml(file)
    whole: dict[str, Any] = {}
    for name in own.pop("defaults", []):
        whole |= section(file.parent / f"{name}.yaml")
    return whole | own


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_keys_and_defaults_are_the_signatures(file: Path) -> None:
    whole = section(file)
    sections = whole.values() if file.parent.name in ("callbacks", "baselines") else [whole] if whole else []
    derived = "defaults" in read_yaml(file)
    for each in sections:
        parameters = signatures.takes(signatures.locate(each["_target_"]))
        filled = {
            name
            for name, parameter in parameters.items()
            if name not in each and (parameter.default is parameter.empty or name.endswith(("_shape", "_sizes", "_vocabulary")))
        }
        skipped = GIVEN | filled | (set(REFUSED) if file.parent.name == "trainer" else set())
        assert {key for key in each if not key.startswith("_")} == set(parameters) - skipped
        assert signatures.faults("x", each) == []
        if derived:
            continue  # a preset is a deviation by its nature
        for key, parameter in parameters.items():
            if key in skipped or parameter.default is inspect.Parameter.empty or each[key] is None:
                continue
            deviations = {"accelerator", "devices", "max_epochs"} if file.parent.name == "trainer" else set()
            if key not in deviations:
                assert _plain(each[key]) == _plain(parameter.default), key


def test_the_data_sets_of_the_project_fit_their_signatures() -> None:
    for file in (CONF / "data").glob("*.yaml"):
        data = read_yaml(file)
        for name in ("source", "split", "sample"):
            assert signatures.faults(name, data[name]) == []
        for name, step in data["steps"].items():
            assert signatures.faults(name, step) == []
        assert "defaults" not in data
        assert "${" not in file.read_text(), "preparation reads this file without Hydra"


def test_moved_and_refused_arguments_exist() -> None:
    parameters = set(signatures.takes(signatures.locate("pytorch_lightning.Trainer")))
    assert set(MOVED) | set(REFUSED) - {"checkpoint_callback"} <= parameters


def test_every_target_in_conf_is_trusted() -> None:
    for file in CONF.rglob("*.yaml"):
        for target in provenance.targets(yaml.safe_load(file.read_text()) or {}):
            assert signatures.locate(target)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
