"""compose: `conf/` and `params.yaml` -> the settings of every listed experiment, and the digests of the code they reach."""

import argparse
from typing import Any

from trainbook import assembly, project, provenance, record, settings
from trainbook.faults import Fault
from trainbook.files import read_yaml, replacing, write_yaml

PARAMS = project.CONF.parent / "params.yaml"


def main(arguments: list[str]) -> None:
    """``trainbook compose``: writes `build/settings/`."""
    argparse.ArgumentParser("trainbook compose", description=__doc__).parse_args(arguments)
    listed = read_yaml(PARAMS)
    if (
        not isinstance(listed, dict)
        or not isinstance(listed.get("data"), dict)
        or not isinstance(listed.get("experiments"), dict)
    ):
        raise Fault(f"{PARAMS}: two lists were expected, data and experiments, each with a name a line and its settings.")
    composed = {name: _experiment(name, item, listed["data"]) for name, item in listed["experiments"].items()}
    with replacing(project.SETTINGS) as new:
        for name in listed["data"]:
            data = settings.compose([f"data={name}"])["data"]
            write_yaml(new / "data" / f"{name}.yaml", {"code": _data_code(data)})
        for name, whole in composed.items():
            code = record.report_code(whole)
            watched = {key: whole.pop(key) for key in settings.WATCHED}
            write_yaml(new / "evaluation" / f"{name}.yaml", {**watched["evaluation"], "code": code})
            for section in ("tracking", "checkpoints"):
                write_yaml(new / section / f"{name}.yaml", watched[section])
            settings.save(new / f"{name}.yaml", {**whole, "code": record.training_code(whole)})


def _experiment(name: str, item: Any, listed: dict[str, Any]) -> dict[str, Any]:
    """Compose an experiment, and hold it against what is prepared for all."""
    whole = settings.compose([f"experiment={name}"])
    data = whole["data"]["name"]
    if not isinstance(item, dict) or item.get("data") != data:
        raise Fault(f"{PARAMS}: experiments.{name}.data: {data} was expected, as the experiment says; got {item}.")
    if data not in listed:
        raise Fault(f"{PARAMS}: the data set {data} of experiment {name} was expected under data:; got {', '.join(listed)}.")
    if whole["folds"] is not None:
        raise Fault(
            f"conf/experiment/{name}.yaml sets folds, but a stage makes one model. Give `trainbook train` folds=… instead."
        )
    shared = settings.compose([f"data={data}"])["data"]
    for key in assembly.PREPARED_FROM:
        if whole["data"][key] != shared[key]:
            raise Fault(
                f"conf/experiment/{name}.yaml changes data.{key}, which is prepared once for all experiments. "
                f"Give the variant a data set file of its own in conf/data/, or train it with `trainbook train`."
            )
    return whole


def _data_code(data: dict[str, Any]) -> dict[str, str]:
    roots = ["trainbook.data.preparation", data["sample"]["_target_"]]
    return provenance.source_digests([*roots, *provenance.targets({key: data[key] for key in assembly.PREPARED_FROM})])
