"""Checks: names, types and values of settings, before any data is read."""

from collections.abc import Mapping
from typing import Any

from trainbook import assembly, descending, signatures
from trainbook.baselines import baseline
from trainbook.faults import Fault

Settings = Mapping[str, Any]

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


def check(settings: Settings) -> None:
    """Look at names, types and values of all sections before any data is read.

    Raises:
        Fault: everything that is wrong, a line each.
    """
    for name in ("network", "task", "optimizer", "callbacks", "trainer", "tracking"):
        if not isinstance(settings[name], dict):
            raise Fault(f"{name}: a mapping was expected; got {settings[name]!r}.")
    found = _check_data(settings["data"])
    for name in ("network", "task"):
        found += signatures.faults(name, settings[name])
    for name, section in settings.items():
        if name.split("_")[0] in ("optimizer", "scheduler") and section:
            found += signatures.faults(name, section)
    for name, section in settings["callbacks"].items():
        found += signatures.faults(f"callbacks.{name}", section)
    for name, section in settings["data"]["augment"].items():
        found += signatures.faults(f"data.augment.{name}", section)
    found += _check_trainer(settings["trainer"])
    found += _check_evaluation(settings["evaluation"]) if "evaluation" in settings else []
    found += _check_checkpoints(settings["checkpoints"]) if "checkpoints" in settings else []
    if not isinstance(settings["init_from"], str | None):
        found.append(f"init_from: a model folder or null was expected; got {settings['init_from']!r}.")
    if not isinstance(settings["compile"], bool):
        found.append(f"compile: true or false was expected; got {settings['compile']!r}.")
    if not isinstance(settings["freeze"], list):
        found.append(f"freeze: a list of names was expected; got {settings['freeze']!r}.")
    if settings.get("folds") is not None:
        found += not_whole("folds", settings["folds"], 2)
    data = settings["data"]
    found += not_whole("seed", settings["seed"], 0) + not_whole("threads", settings["threads"], 1)
    found += not_whole("data.workers", data["workers"], 0)
    for key in ("batch_size", "evaluation_batch_size", "steps_per_execution", "bucket"):
        found += not_whole(f"data.{key}", data.get(key, 1), 1)
    if found:
        raise Fault("\n".join(found))
    _try_descent(settings)


def check_evaluation(section: Settings) -> None:
    """How a model is judged, before the test split is opened.

    Raises:
        Fault: a number is out of range.
    """
    if found := _check_evaluation(section):
        raise Fault("\n".join(found))


def _check_evaluation(section: Settings) -> list[str]:
    found = not_whole("evaluation.resamples", section["resamples"], 0)
    confidence = section["confidence"]
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        found.append(f"evaluation.confidence: a share between 0 and 1 was expected; got {confidence!r}.")
    return found + baseline.faults("evaluation.baselines", section.get("baselines", {}))


def _check_checkpoints(section: Settings) -> list[str]:
    minutes = section["minutes"]
    positive = isinstance(minutes, int | float) and not isinstance(minutes, bool) and minutes >= 0
    found = [] if positive else [f"checkpoints.minutes: a number of at least 0 was expected; got {minutes!r}."]
    return found + not_whole("checkpoints.keep", section["keep"], 1)


def check_data(data: Settings) -> None:
    """The part of ``check`` that preparing needs; imports no torch.

    Raises:
        Fault: everything that is wrong, a line each.
    """
    if found := _check_data(data):
        raise Fault("\n".join(found))


def _check_shapes(data: Settings) -> None:
    """Mappings and lists where they belong; nothing else can be looked at before."""
    for name in ("steps", "augment"):
        if not isinstance(data[name], dict):
            raise Fault(f"data.{name}: a mapping was expected; got {data[name]!r}.")
    for name in ("inputs", "targets"):
        if not isinstance(data[name], list):
            raise Fault(f"data.{name}: a list of columns was expected; got {data[name]!r}.")


def _check_data(data: Settings) -> list[str]:
    _check_shapes(data)
    found = [fault for name in ("source", "split", "sample") for fault in signatures.faults(f"data.{name}", data[name])]
    for name, section in data["steps"].items():
        found += signatures.faults(f"data.steps.{name}", section)
    if data["store"] not in ("ready", "compact"):
        found.append(f"data.store: ready or compact was expected; got {data['store']!r}.")
    return found


def not_whole(where: str, value: Any, least: int) -> list[str]:
    """The complaint about a value that is no whole number of at least ``least``; nothing where it is one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return []
    return [f"{where}: a whole number of at least {least} was expected; got {value!r}."]


def _check_trainer(section: Settings) -> list[str]:
    found = [f"trainer.{key}: cannot be set: {REFUSED[key]}." for key in section if key in REFUSED]
    found += signatures.faults("trainer", {key: value for key, value in section.items() if key not in REFUSED})
    if str(section.get("precision")) not in ("None", "32", "32-true", "bf16", "bf16-mixed"):
        found.append(
            f"trainer.precision: 32-true or bf16-mixed was expected; got {section['precision']!r} (16 bits need scaled losses, "
            "which are not done here; data are of 32 bits)."
        )
    if section["strategy"] not in ("auto", "ddp"):
        found.append(f"trainer.strategy: auto or ddp was expected; got {section['strategy']!r}, which splits the weights.")
    if section["gradient_clip_algorithm"] not in (None, "norm", "value"):
        found.append(f"trainer.gradient_clip_algorithm: norm or value was expected; got {section['gradient_clip_algorithm']!r}.")
    if section["accelerator"] in ("gpu", "cuda") and not _has_gpu():
        found.append("trainer.accelerator: this machine has no GPU that torch can use; take trainer=cpu.")
    clip = section["gradient_clip_val"]
    if isinstance(clip, int | float) and clip <= 0:
        found.append(f"trainer.gradient_clip_val: a number above 0, or null, was expected; got {clip}.")
    for key in ("accumulate_grad_batches", "max_epochs"):
        found += not_whole(f"trainer.{key}", section[key], 1)
    for key in ("limit_train_batches", "limit_val_batches"):
        found += _not_limit(f"trainer.{key}", section[key])
    if section["overfit_batches"]:
        found += _not_limit("trainer.overfit_batches", section["overfit_batches"])
    if section["max_steps"] != -1:
        found += not_whole("trainer.max_steps", section["max_steps"], 1)
    every, epochs = section["check_val_every_n_epoch"], section["max_epochs"]
    if isinstance(every, int) and isinstance(epochs, int) and every > epochs:
        found.append(f"trainer.check_val_every_n_epoch: at most max_epochs ({epochs}) was expected; got {every}.")
    return found


def _not_limit(where: str, value: Any) -> list[str]:
    """A limit counts batches (a whole number of at least 1) or is a share of them (above 0, at most 1)."""
    if value is None or (isinstance(value, float) and 0 < value <= 1):
        return []
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return []
    return [f"{where}: a whole number of batches, or a share above 0 and at most 1.0, was expected; got {value!r}."]


def _has_gpu() -> bool:
    from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator

    return CUDAAccelerator.is_available() or MPSAccelerator.is_available()


def _try_descent(settings: Settings) -> None:
    """Build every optimiser and scheduler once, without data, so that their own range checks speak early."""
    import torch

    for name, section in settings.items():
        if name.split("_")[0] == "optimizer":
            part = name.removeprefix("optimizer").lstrip("_")
            optimizer = descending.optimizer(name, section)([torch.nn.Parameter(torch.zeros(1))])
            scheduler = f"scheduler_{part}" if part and f"scheduler_{part}" in settings else "scheduler"
            if settings.get(scheduler):
                assembly.constructor(scheduler, settings[scheduler], descending.schedule(settings, 100))(optimizer)
                for key in ("max_lr", "min_lr", "eta_min"):  # torch does not look at these
                    if isinstance(rate := settings[scheduler].get(key), int | float) and rate < 0:
                        raise Fault(f"{scheduler}.{key}: a learning rate of at least 0 was expected; got {rate}.")
