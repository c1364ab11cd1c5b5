"""How a task descends: from settings to optimisers and schedulers, for each of its parts."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trainbook import signatures
from trainbook.assembly import constructor
from trainbook.faults import Fault

if TYPE_CHECKING:
    from trainbook.data.module import DataModule
    from trainbook.tasks.recipe import Recipe
    from trainbook.tasks.task import Task

Settings = Mapping[str, Any]


def recipe(settings: Settings, task: "Task", module: "DataModule") -> "Recipe":
    """How the task descends: optimisers and schedulers for each of its parts."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    from trainbook.tasks.recipe import MEASURED, Recipe, Scheduling

    trainer, accumulate = settings["trainer"], settings["trainer"]["accumulate_grad_batches"]
    whole, rest = divmod(module.total_batches(trainer["max_epochs"]), module.batches_per_epoch)
    steps = whole * -(-module.batches_per_epoch // accumulate) + -(-rest // accumulate)
    optimizers, schedulers = {}, {}
    for part in task.parts():
        name = f"optimizer_{part}" if f"optimizer_{part}" in settings else "optimizer"
        optimizers[part] = optimizer(name, settings[name])
        name = f"scheduler_{part}" if f"scheduler_{part}" in settings else "scheduler"
        if section := settings.get(name):
            target: Any = signatures.locate(section["_target_"])
            by_step = {"total_steps", "T_max"} & set(signatures.takes(target))
            interval = "monitor" if issubclass(target, ReduceLROnPlateau) else "step" if by_step else "epoch"
            schedulers[part] = Scheduling(constructor(name, section, schedule(settings, steps)), interval)
    return Recipe(
        optimizers=optimizers,
        schedulers=schedulers,
        seed=settings["seed"],
        clip=trainer.get("gradient_clip_val"),
        clip_by=trainer.get("gradient_clip_algorithm") or "norm",
        accumulate=accumulate,
        batches_per_epoch=module.batches_per_epoch,
        max_batches=module.max_batches,
        measure_every=max(1, -(-module.batches_per_epoch * module.batch_size // MEASURED)),
    )


def optimizer(where: str, section: Settings) -> Callable[..., Any]:
    """An optimiser's constructor; torch's fused form is taken where the settings leave it open, for it is the fastest."""
    open_to_it = not section.get("foreach") and not section.get("differentiable")
    return constructor(where, section, {"fused": True} if open_to_it else {})


def schedule(settings: Settings, steps: int) -> dict[str, Any]:
    """What a scheduler may ask for: the length of the training in optimiser steps, and the direction of the metric."""
    return {"total_steps": steps, "T_max": steps, "mode": settings["task"].get("mode")}


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
