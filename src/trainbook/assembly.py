"""Assembly: from checked settings and facts to objects that fit together."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbook import signatures
from trainbook.data.preparation import Facts, Preparation, restore_steps
from trainbook.faults import Fault

if TYPE_CHECKING:  # composing and preparing need no torch
    from pytorch_lightning import Callback, Trainer
    from torch import nn

    from trainbook.data.module import DataModule
    from trainbook.tasks.recipe import Recipe
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
REFUSED = {
    "fast_dev_run": "take trainer=one_batch",
    "logger": "the section tracking says how a run is recorded",
    "callbacks": "the section callbacks lists them",
    "plugins": "they are objects, not settings",
    "barebones": "it would switch off what a lab book is for",
    "enable_checkpointing": "the best epoch is always kept",
    "enable_progress_bar": "take tracking.progress_bar or --quiet",
    "enable_model_summary": "take tracking.model_summary",
    "enable_autolog_hparams": "the whole settings are recorded",
    "default_root_dir": "everything a run makes lies in its own folder under runs/",
    "use_distributed_sampler": "the order of rows is our own sampler's, for one process and for several",
    "reload_dataloaders_every_n_epochs": "the order of rows is a function of seed and epoch already",
    "log_every_n_steps": "metrics are logged once an epoch",
    "val_check_interval": "validation comes at the end of an epoch; take trainer.check_val_every_n_epoch",
    "min_steps": "take trainer.min_epochs",
    "limit_test_batches": "a test of a part of the rows would be another test",
    "limit_predict_batches": "prediction takes what it is given",
    "model_registry": "models are registered by a verb of their own",
}

SILENT = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
"""A Trainer that only computes."""


def check(settings: Settings) -> None:
    """Look at names, types and values of all sections before any data is read.

    Raises:
        Fault: everything that is wrong, a line each.
    """
    found = _check_data(settings["data"])
    for name in ("network", "task"):
        found += signatures.faults(name, settings[name])
    for name, section in settings.items():
        if name.split("_")[0] in ("optimizer", "scheduler") and section:
            found += signatures.faults(name, section)
    for name, section in settings["callbacks"].items():
        found += signatures.faults(f"callbacks.{name}", section)
    for name, section in (settings["data"].get("augment") or {}).items():
        found += signatures.faults(f"data.augment.{name}", section)
    found += _check_trainer(settings["trainer"])
    data = settings["data"]
    found += _not_whole("seed", settings["seed"], 0) + _not_whole("threads", settings["threads"], 1)
    found += _not_whole("data.workers", data["workers"], 0)
    for key in ("batch_size", "evaluation_batch_size", "steps_per_execution"):
        found += _not_whole(f"data.{key}", data[key], 1)
    if found:
        raise Fault("\n".join(found))
    _try_descent(settings)


def check_data(data: Settings) -> None:
    """The part of ``check`` that preparing needs; imports no torch.

    Raises:
        Fault: everything that is wrong, a line each.
    """
    if found := _check_data(data):
        raise Fault("\n".join(found))


def _check_data(data: Settings) -> list[str]:
    found = [fault for name in ("source", "split", "sample") for fault in signatures.faults(f"data.{name}", data[name])]
    for name, section in data["steps"].items():
        found += signatures.faults(f"data.steps.{name}", section)
    if data["store"] not in ("ready", "compact"):
        found.append(f"data.store: ready or compact was expected; got {data['store']!r}.")
    return found


def _not_whole(where: str, value: Any, least: int) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return []
    return [f"{where}: a whole number of at least {least} was expected; got {value!r}."]


def _check_trainer(section: Settings) -> list[str]:
    found = [f"trainer.{key}: cannot be set: {REFUSED[key]}." for key in section if key in REFUSED]
    found += signatures.faults("trainer", {key: value for key, value in section.items() if key not in REFUSED})
    if str(section.get("precision")) in ("16", "16-mixed", "16-true", "transformer-engine-float16"):
        found.append("trainer.precision: half precision needs its losses scaled, which is not done here; take bf16-mixed.")
    if not str(section["strategy"]).startswith(("auto", "ddp")):
        found.append(f"trainer.strategy: auto or ddp was expected; got {section['strategy']!r}, which splits the weights.")
    if section["gradient_clip_algorithm"] not in (None, "norm", "value"):
        found.append(f"trainer.gradient_clip_algorithm: norm or value was expected; got {section['gradient_clip_algorithm']!r}.")
    clip = section["gradient_clip_val"]
    if isinstance(clip, int | float) and clip <= 0:
        found.append(f"trainer.gradient_clip_val: a number above 0, or null, was expected; got {clip}.")
    for key in ("accumulate_grad_batches", "max_epochs"):
        found += _not_whole(f"trainer.{key}", section[key], 1)
    return found


def _try_descent(settings: Settings) -> None:
    """Build every optimiser and scheduler once, without data, so that their own range checks speak early."""
    import torch

    for name, section in settings.items():
        if name.split("_")[0] == "optimizer":
            part = name.removeprefix("optimizer").lstrip("_")
            optimizer = _build(name, section, {})([torch.nn.Parameter(torch.zeros(1))])
            scheduler = f"scheduler_{part}" if part and f"scheduler_{part}" in settings else "scheduler"
            if settings.get(scheduler):
                _build(scheduler, settings[scheduler], _schedule(settings, 100))(optimizer)
                for key in ("max_lr", "min_lr", "eta_min"):  # torch does not look at these
                    if isinstance(rate := settings[scheduler].get(key), int | float) and rate < 0:
                        raise Fault(f"{scheduler}.{key}: a learning rate of at least 0 was expected; got {rate}.")


def preparation(data: Settings) -> Preparation:
    """How a data set is prepared; needs no torch."""
    return Preparation(
        source=_build("data.source", data["source"], {})(),
        split=_build("data.split", data["split"], {})(),
        steps={name: _build(f"data.steps.{name}", section, {})() for name, section in data["steps"].items()},
        sample=_build("data.sample", data["sample"], {"inputs": data["inputs"], "targets": data["targets"]})(),
        inputs=data["inputs"],
        targets=data["targets"],
        store=data["store"],
    )


def fitted(data: Settings, steps: Path) -> Preparation:
    """The same, with what its steps learnt taken back from a file."""
    prepared = preparation(data)
    restore_steps(steps, prepared.steps)
    return prepared


def sample(data: Settings, facts: Facts, prepared: Preparation) -> Any:
    """The sample kind, which finishes what preparation left to the device, and augments."""
    augment = [
        _build(f"data.augment.{name}", section, facts["offers"])() for name, section in (data.get("augment") or {}).items()
    ]
    known = {
        "inputs": data["inputs"],
        "targets": data["targets"],
        "deferred": [prepared.steps[name] for name in facts["deferred"]],
        "augment": augment,
    }
    return _build("data.sample", data["sample"], known)()


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
        steps_per_execution=data["steps_per_execution"],
        workers=data["workers"],
        seed=settings["seed"],
        batches_per_epoch=overfit or trainer.get("limit_train_batches"),
        validation_batches=trainer.get("limit_val_batches"),
        shuffle=overfit is None,
    )
    if trainer.get("max_steps", -1) > 0:
        module.limit_steps(trainer["max_steps"], trainer["accumulate_grad_batches"])
    return module


def task(settings: Settings, facts: Facts) -> "Task":
    """The task with its network, weights drawn by the seed.

    Raises:
        Fault: a value is out of range, or the network wants something that nobody offers.
    """
    import torch

    kind: Any = signatures.locate(settings["task"]["_target_"])
    own = {key: value for key, value in settings["task"].items() if not key.startswith("_")}
    offered = {**facts["offers"], **kind.offers(facts, **own)}
    found = signatures.faults("network", settings["network"], offered)
    if found:
        raise Fault("\n".join(found))
    build = _build("network", settings["network"], offered)
    with torch.device("meta"):
        build()
    torch.manual_seed(settings["seed"])
    network: nn.Module = build()
    if lacking := signatures.lacking(kind, "network", network):
        raise Fault(
            f"network: {kind.__name__} needs one with {', '.join(lacking)}; {type(network).__name__} has none. Choose another."
        )
    made: Task = _build("task", settings["task"], {**facts["offers"], "network": network})()
    return made


def freeze(task: "Task", names: list[str]) -> None:
    """Keep parts of the network as they are: no gradient, and no moving statistics either.

    Raises:
        Fault: a name matches nothing.
    """
    modules = dict(task.network.named_modules())
    for name in names:
        if name not in modules or not name:
            raise Fault(f"freeze: a part of the network was expected ({', '.join(filter(None, modules))}); got {name!r}.")
        modules[name].requires_grad_(False).eval()


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


def recipe(settings: Settings, task: "Task", module: "DataModule") -> "Recipe":
    """How the task descends: optimisers and schedulers for each of its parts."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    from trainbook.tasks.recipe import Recipe, Scheduling

    trainer, accumulate = settings["trainer"], settings["trainer"]["accumulate_grad_batches"]
    whole, rest = divmod(module.total_batches(trainer["max_epochs"]), module.batches_per_epoch)
    steps = whole * -(-module.batches_per_epoch // accumulate) + -(-rest // accumulate)
    optimizers, schedulers = {}, {}
    for part in task.parts():
        name = f"optimizer_{part}" if f"optimizer_{part}" in settings else "optimizer"
        optimizers[part] = _build(name, settings[name], {})
        name = f"scheduler_{part}" if f"scheduler_{part}" in settings else "scheduler"
        if section := settings.get(name):
            target: Any = signatures.locate(section["_target_"])
            by_step = {"total_steps", "T_max"} & set(signatures.takes(target))
            interval = "monitor" if issubclass(target, ReduceLROnPlateau) else "step" if by_step else "epoch"
            schedulers[part] = Scheduling(_build(name, section, _schedule(settings, steps)), interval)
    return Recipe(
        optimizers=optimizers,
        schedulers=schedulers,
        seed=settings["seed"],
        clip=trainer.get("gradient_clip_val"),
        clip_by=trainer.get("gradient_clip_algorithm") or "norm",
        accumulate=accumulate,
        batches_per_epoch=module.batches_per_epoch,
        max_batches=module.max_batches,
    )


def _schedule(settings: Settings, steps: int) -> dict[str, Any]:
    return {"total_steps": steps, "T_max": steps, "mode": settings["task"].get("mode")}


def callbacks(settings: Settings, task: "Task") -> "list[Callback]":
    """The callbacks that the settings name; those that watch a metric watch ``task.monitor``."""
    known = {"monitor": task.monitor, "mode": task.mode}
    if task.monitor.startswith("train/"):
        known["check_on_train_epoch_end"] = True  # type: ignore[assignment]
    return [_build(f"callbacks.{name}", section, known)() for name, section in settings["callbacks"].items()]


def trainer(settings: Settings, module: "DataModule", folder: Path, more: Mapping[str, Any]) -> "Trainer":
    """Lightning's Trainer, which works in ``folder``; ``more`` says how it is watched."""
    section = {key: value for key, value in settings["trainer"].items() if key not in MOVED}
    section["max_epochs"] = module.epochs(section["max_epochs"])
    known = {"default_root_dir": folder, "use_distributed_sampler": False, **more}
    made: Trainer = _build("trainer", section, known)()
    return made


def _build(where: str, section: Settings, known: Mapping[str, Any]) -> Callable[..., Any]:
    """A constructor whose complaints name the section of the settings that caused them."""
    make = signatures.fill(section, known)

    def build(*arguments: Any) -> Any:
        try:
            return make(*arguments)
        except (ValueError, TypeError, RuntimeError) as error:
            raise Fault(f"{where}: {' '.join(str(error).split())}") from error

    return build
