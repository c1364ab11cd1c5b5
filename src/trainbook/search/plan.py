"""The plan of a search: what it looks for, how it walks its space, and how long."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainbook import checks
from trainbook.faults import Fault
from trainbook.search import walk

PARAMETERS = "parameters"
"""The objective that is the number of a network's parameters."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Plan:
    """A search without its space."""

    name: str
    experiment: str
    sampler: str
    pruner: str
    objectives: dict[str, str]
    """Direction (``min`` or ``max``) by metric."""
    seed: int
    enqueue: list[dict[str, Any]]
    epochs: int
    """Of a whole training."""
    n_trials: int
    timeout: float | None
    """Seconds after which no trial is begun."""
    workers: int
    threads_fixed: bool
    """Whether the command says how many threads a trial has."""

    @staticmethod
    def read(search: Mapping[str, Any], chosen: str, whole: Mapping[str, Any], threads_fixed: bool) -> "Plan":
        """From the section ``search`` and the settings of the experiment as it stands.

        Args:
            search: the composed section.
            chosen: the file of the section, such as ``mlp``.
            whole: composed settings.
            threads_fixed: whether ``threads`` is among the words.

        Raises:
            Fault: everything that is wrong, a line each.
        """
        found = [fault for key in ("n_trials", "workers") for fault in checks.not_whole(f"search.{key}", search[key], 1)]
        found += checks.not_whole("search.seed", search["seed"], 0)
        found += [] if search["threads"] is None else checks.not_whole("search.threads", search["threads"], 1)
        for key in ("max_epochs", "check_val_every_n_epoch"):
            found += checks.not_whole(f"trainer.{key}", whole["trainer"][key], 1)
        objectives = search["objectives"] or {whole["task"]["monitor"]: whole["task"]["mode"]}
        name = str(search["study"] or f"{whole['experiment']}-{chosen}")
        if not isinstance(objectives, Mapping) or any(each not in ("min", "max") for each in objectives.values()):
            found.append(f"search.objectives: metrics with min or max were expected; got {objectives!r}.")
        elif foreign := [each for each in objectives if each.split("/")[0] not in ("val", "train") and each != PARAMETERS]:
            found.append(f"search.objectives: metrics of validation, or {PARAMETERS}, were expected; got {', '.join(foreign)}.")
        if not re.fullmatch(r"\w[\w.-]*", name):
            found.append(f"search.study: letters, digits, dots (not first), dashes and underscores were expected; got {name!r}.")
        for key, kind, what in (("enqueue", list, "a list of settings"), ("space", dict, "a mapping of settings")):
            if not isinstance(search[key], kind) or (kind is list and not all(isinstance(each, dict) for each in search[key])):
                found.append(f"search.{key}: {what} was expected; got {search[key]!r}.")
        found += walk.faults(search["sampler"], search["pruner"])
        try:
            timeout = seconds(search["timeout"])
        except Fault as fault:
            found.append(str(fault))
        if found:
            raise Fault("\n".join(found))
        plan = Plan(
            name=name,
            experiment=whole["experiment"],
            sampler=search["sampler"],
            pruner=search["pruner"],
            objectives=dict(objectives),
            seed=search["seed"],
            enqueue=list(search["enqueue"]),
            epochs=whole["trainer"]["max_epochs"],
            n_trials=search["n_trials"],
            timeout=timeout,
            workers=search["workers"],
            threads_fixed=threads_fixed,
        )
        plan._check(whole)
        return plan

    def _check(self, whole: Mapping[str, Any]) -> None:
        several, trainer = len(self.objectives) > 1, whole["trainer"]
        if several and self.pruner != "none":
            raise Fault("Several objectives cannot be pruned: nothing says which trial is hopeless. Take search.pruner=none.")
        if several and self.sampler not in walk.SEVERAL:
            raise Fault(f"search.sampler={self.sampler}: for several objectives {', '.join(walk.SEVERAL)} were expected.")
        reports = (
            self.epochs // trainer["check_val_every_n_epoch"] if whole["task"]["monitor"].startswith("val/") else self.epochs
        )
        if self.pruner != "none" and (reports < 2 or next(iter(self.objectives)) != whole["task"]["monitor"]):
            raise Fault(
                f"search.pruner={self.pruner}: a training that reports {next(iter(self.objectives))} between its epochs was "
                f"expected; this one reports {whole['task']['monitor']} {reports} times. Take search.pruner=none."
            )
        if trainer["devices"] != 1 or trainer["num_nodes"] != 1:
            raise Fault("A trial is one process: trainer.devices=1 was expected. search.workers says how many run at once.")
        if whole.get("folds") is not None:
            raise Fault(f"A trial is one training: folds=null was expected; got {whole['folds']}. Cross-validate what is found.")

    def deciding(self) -> dict[str, Any]:
        """What decides over the trials: a study keeps to it."""
        free = ("name", "n_trials", "timeout", "workers", "threads_fixed")
        return {key: value for key, value in asdict(self).items() if key not in free}


def seconds(given: Any) -> float | None:
    """A span of time such as 90, 90s, 30m, 1.5h; None = for ever.

    Raises:
        Fault: no such thing.
    """
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(given))
    if isinstance(given, bool) or match is None:
        raise Fault(f"search.timeout: a time such as 600, 30m or 1h was expected; got {given!r}.")
    return float(match[1]) * UNITS[match[2] or "s"]
