"""Assembly: from checked settings and facts to objects that fit together."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import signatures
from trainbook.data.facts import Facts
from trainbook.data.preparation import Preparation
from trainbook.data.samples.sample import Sample
from trainbook.data.sources.source import Source
from trainbook.data.steps.states import restore_steps
from trainbook.faults import Fault

if TYPE_CHECKING:  # composing and preparing need no torch
    from pytorch_lightning import Callback, Trainer
    from torch import nn

    from trainbook.data.module import DataModule
    from trainbook.tasks.task import Task

Settings = Mapping[str, Any]

PREPARED_FROM = ("source", "split", "steps", "store", "inputs", "targets")
"""Keys of a data set's YAML that preparation depends on."""
MOVED = (
    "max_steps",
    "limit_train_batches",
    "limit_val_batches",
    "overfit_batches",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
)
"""Arguments of Lightning's Trainer that our own sampler and recipe carry out: under manual optimisation Lightning's own
count wrongly or do nothing."""
SILENT = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
"""A Trainer that only computes."""


def preparation(data: Settings) -> Preparation:
    """How a data set is prepared; needs no torch."""
    source: Source = constructor("data.source", data["source"], {})()
    return Preparation(
        source=source,
        split=constructor("data.split", data["split"], source.settles)(),
        steps={name: constructor(f"data.steps.{name}", section, {})() for name, section in data["steps"].items()},
        sample=constructor("data.sample", data["sample"], {**_named(data), **source.settles})(),
        inputs=data["inputs"],
        targets=data["targets"],
        store=data["store"],
    )


def fitted(data: Settings, steps: Path) -> Preparation:
    """The same, with what its steps learnt taken back from a file."""
    prepared = preparation(data)
    restore_steps(steps, prepared.steps)
    return prepared


def sample(data: Settings, facts: Facts, prepared: Preparation) -> Sample:
    """The sample kind, which finishes what preparation left to the device, and augments."""
    augment = [
        constructor(f"data.augment.{name}", section, facts["offers"])() for name, section in (data.get("augment") or {}).items()
    ]
    known = {"deferred": [prepared.steps[name] for name in facts["deferred"]], "augment": augment}
    made: Sample = constructor("data.sample", data["sample"], {**_named(data), **prepared.source.settles, **known})()
    return made


def _named(data: Settings) -> dict[str, Any]:
    return {"inputs": data["inputs"], "targets": data["targets"]}


def data_module(settings: Settings, facts: Facts, folder: Path, steps: Path) -> "DataModule":
    """Batches of a prepared data set as the settings want them."""
    from trainbook.data.module import DataModule

    data, trainer = settings["data"], settings["trainer"]
    overfit = trainer.get("overfit_batches") or None
    module = DataModule(
        folder,
        sample(data, facts, fitted(data, steps)),
        batch_size=data["batch_size"],
        evaluation_batch_size=data["evaluation_batch_size"],
        steps_per_execution=1 if _averages_weights(settings) else data["steps_per_execution"],
        workers=data["workers"],
        seed=settings["seed"],
        batches_per_epoch=overfit or trainer.get("limit_train_batches"),
        validation_batches=trainer.get("limit_val_batches"),
        shuffle=overfit is None,
        balance=data.get("balance"),
        bucket=data.get("bucket", 1),
    )
    named = module.balance in data["targets"] and module.columns("train")[str(module.balance)].ndim == 1
    if module.balance is not None and not named:
        raise Fault(
            f"data.balance: a target of classes ({', '.join(data['targets'])}) or null was expected; got {module.balance!r}."
        )
    if trainer.get("max_steps", -1) > 0:
        module.limit_steps(trainer["max_steps"], trainer["accumulate_grad_batches"])
    return module


def _averages_weights(settings: Settings) -> bool:
    """Whether a callback averages weights: Lightning's look at them once a block, and must see every step."""
    from pytorch_lightning.callbacks import WeightAveraging

    kinds: list[Any] = [signatures.locate(section["_target_"]) for section in settings["callbacks"].values()]
    return any(issubclass(kind, WeightAveraging) for kind in kinds)


def task(settings: Settings, facts: Facts, at_most: int | None = None) -> "Task":
    """The task with its network, weights drawn by the seed; ``at_most`` so many parameters, if that is known.

    Raises:
        Fault: a value is out of range, or the network wants something that nobody offers, or is larger.
    """
    import torch

    kind, offered = signatures.locate(settings["task"]["_target_"]), offered_by(settings, facts)
    found = signatures.faults("network", settings["network"], offered)
    if found:
        raise Fault("\n".join(found))
    make = constructor("network", settings["network"], offered)
    with torch.device("meta"):
        blank = make()
    if at_most is not None and (size := sum(each.numel() for each in blank.parameters())) > at_most:
        raise Fault(f"network: at most {at_most:,} parameters were expected, as there are weights; got {size:,}.")
    torch.manual_seed(settings["seed"])
    network: nn.Module = make()
    if lacking := signatures.lacking(kind, "network", network):
        raise Fault(
            f"network: {kind.__name__} needs one with {', '.join(lacking)}; {type(network).__name__} has none. Choose another."
        )
    made: Task = constructor("task", settings["task"], {**facts["offers"], "network": network})()
    return made


def offered_by(settings: Settings, facts: Facts) -> dict[str, Any]:
    """What a network or a baseline may ask for by name: from the data, and from the task; a Fault if it is for other data."""
    kind: Any = signatures.locate(settings["task"]["_target_"])
    own = {key: value for key, value in settings["task"].items() if not key.startswith("_")}
    needed = [name for name, each in signatures.takes(kind).items() if each.default is each.empty and name != "network"]
    if missing := [name for name in needed if name not in {**facts["offers"], **own}]:
        raise Fault(f"task: {kind.__name__} needs {', '.join(missing)}, and these data do not offer it. Choose another task.")
    return {**facts["offers"], **kind.offers(facts, **own)}


def check_fit(task: "Task", module: "DataModule") -> None:
    """Refuse a network whose forward does not take what the data gives, before any training.

    Raises:
        Fault: names both sides.
    """
    import numpy as np

    batch = module.sample.fetch(module.columns("train"), module.columns("shared"), np.arange(1))
    given, takes = set(batch.inputs), inspect.signature(task.network.forward).parameters
    if any(each.kind is each.VAR_KEYWORD for each in takes.values()) or not given:
        return
    needed = {name for name, each in takes.items() if each.default is each.empty}
    if given - set(takes) or needed - given:
        raise Fault(
            f"{type(task.network).__name__}.forward takes {', '.join(takes)}; the data gives {', '.join(batch.inputs)}. "
            "Choose another network, or change `inputs:` of the data set."
        )


def callbacks(settings: Settings, task: "Task") -> "list[Callback]":
    """The callbacks that the settings name; those that watch a metric watch ``task.monitor``."""
    known = {"monitor": task.monitor, "mode": task.mode}
    if task.monitor.startswith("train/"):
        known["check_on_train_epoch_end"] = True  # type: ignore[assignment]
    return [constructor(f"callbacks.{name}", section, known)() for name, section in settings["callbacks"].items()]


def trainer(settings: Settings, module: "DataModule", folder: Path, more: Mapping[str, Any]) -> "Trainer":
    """Lightning's Trainer, which works in ``folder``; ``more`` says how it is watched."""
    section = {key: value for key, value in settings["trainer"].items() if key not in MOVED}
    section["max_epochs"] = module.epochs(section["max_epochs"])
    known = {"default_root_dir": folder, "use_distributed_sampler": False, **more}
    made: Trainer = constructor("trainer", section, known)()
    return made


def constructor(where: str, section: Settings, known: Mapping[str, Any]) -> Callable[..., Any]:
    """A constructor whose complaints name the section of the settings that caused them."""
    make = signatures.fill(section, known)

    def build(*arguments: Any) -> Any:
        try:
            return make(*arguments)
        except (ValueError, TypeError, RuntimeError) as error:
            raise Fault(f"{where}: {' '.join(str(error).split())}") from error

    return build
