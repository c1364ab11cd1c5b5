"""Descent: from losses to optimiser steps, exact under accumulation and over several processes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from trainbook.batch import Batch
from trainbook.faults import Fault
from trainbook.tasks import gradients
from trainbook.tasks.means import Means
from trainbook.tasks.recipe import Recipe

if TYPE_CHECKING:
    from trainbook.tasks.task import Task


WATCHING = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")
"""Hooks of Lightning within a step: who has one of them gets all, on Lightning's own, slower way."""
NORM_EVERY = 32
"""Steps of which one has the norm of its gradient measured, unless each is clipped by it."""


class Descent:
    """The optimisers and schedulers of a task's parts, and the counters of a training."""

    def __init__(self, task: Task, recipe: Recipe) -> None:
        self.task, self.recipe = task, recipe
        self.parameters = {
            part: [parameter for parameter in module.parameters() if parameter.requires_grad]
            for part, module in task.parts().items()
        }
        self.optimizers = {part: recipe.optimizers[part](values) for part, values in self.parameters.items()}
        self.schedulers = {part: how.create(self.optimizers[part]) for part, how in recipe.schedulers.items()}
        self.batches = 0
        self.micro = dict.fromkeys(self.parameters, 0)
        self.pending = dict.fromkeys(self.parameters, 0.0)
        self.means = Means()
        self.norms: list[Tensor] = []
        self.rates: dict[str, float] = {}
        self.steps_made = dict.fromkeys(self.parameters, 0)

    @property
    def raw(self) -> list[torch.optim.Optimizer]:
        """The optimisers in the order of the parts."""
        return list(self.optimizers.values())

    @contextmanager
    def block(self, block: Sequence[Batch]) -> Iterator[Iterator[Batch]]:
        """Give the batches one by one, each with its own random draws, and look at their losses at the end."""
        trainer: Any = self.task.trainer
        wrapped = self.task.optimizers()
        self.steppers = dict(zip(self.parameters, wrapped if isinstance(wrapped, list) else [wrapped], strict=True))
        self.steps = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        self.watched = any(is_overridden(hook, each) for hook in WATCHING for each in (self.task, *trainer.callbacks))
        self.world = trainer.world_size
        self.means.begin()
        yield self._seeded(block)
        if bad := self.means.look():
            raise self._not_finite(*bad)

    def _seeded(self, block: Sequence[Batch]) -> Iterator[Batch]:
        rank, device = self.task.global_rank, self.task.device
        for batch in block:
            _seed_draws(self.recipe.seed, self.batches, rank, device)
            self.batches += 1
            self.filler = self.world > 1 and int(batch.row[0]) < 0
            yield batch

    def note(self, losses: dict[str, Any]) -> None:
        """Remember the losses of a batch until the block ends."""
        self.means.note(losses, counts=not self.filler)

    def descend(self, part: str, loss: Tensor, weight: float | Tensor) -> None:
        """Add a loss's gradient to the running weighted sum of the part; step when it is due.

        A step takes the mean by units: after losses l1, l2 over w1, w2 units the gradient is that of
        (w1 l1 + w2 l2) / (w1 + w2), where the units of all processes count.
        """
        mine = 0.0 if self.filler else float(weight)
        inputs = self.parameters[part] if len(self.parameters) > 1 else None
        with self.task.profile("backward"):
            loss = loss if self.alone else loss * mine
            backward: Any = self.task.manual_backward if self.watched else Tensor.backward
            backward(loss, inputs=inputs)
        self.pending[part], self.micro[part] = self.pending[part] + mine, self.micro[part] + 1
        if self.micro[part] % self.recipe.accumulate == 0 or self.recipe.ends_epoch(self.batches):
            with self.task.profile("descent"):
                self._step(part)

    @property
    def alone(self) -> bool:
        """Whether each batch makes a step by itself, so that its mean is the mean."""
        return self.world == 1 and self.recipe.accumulate == 1

    def _step(self, part: str) -> None:
        parameters = self.parameters[part]
        if not self.alone:
            gradients.average(parameters, self.pending[part], self.world > 1)
        if (norm := gradients.clip(parameters, self.recipe, self.steps_made[part] % NORM_EVERY == 0)) is not None:
            self.norms.append(norm)
        self.steps_made[part] += 1
        self.rates[part] = self.optimizers[part].param_groups[0]["lr"]
        self._take_step(part)
        for parameter in parameters:  # the optimiser's own zero_grad does the same in ten times the time
            parameter.grad = None
        self.pending[part], self.micro[part] = 0.0, 0
        if part in self.schedulers and self.recipe.schedulers[part].interval == "step":
            self.schedulers[part].step()

    def _take_step(self, part: str) -> None:
        """Lightning's way to an optimiser's step takes a twentieth of a small network's epoch: only who watches needs it."""
        if self.watched:
            self.steppers[part].step()
        else:
            self.steps.increment_ready()
            self.optimizers[part].step()
            self.steps.increment_completed()

    def _not_finite(self, name: str, batch: int, value: float) -> Fault:
        step = self.batches - len(self.means.losses) + batch + 1
        rates = ", ".join(f"{optimizer.param_groups[0]['lr']:g}" for optimizer in self.raw)
        return Fault(
            f"A finite {name} was expected; got {value} in epoch {self.task.current_epoch}, step {step}, "
            f"with learning rate {rates}. Lower optimizer.lr, or set trainer.gradient_clip_val."
        )

    def figures(self) -> dict[str, Any]:
        """Of this epoch: each loss averaged over its units, learning rates of the last steps, and the mean of the norms seen."""
        means = self.means.read(self.world > 1, self.task.device)
        several = len(self.optimizers) > 1
        rates = {f"learning_rate_{part}" if several else "learning_rate": rate for part, rate in self.rates.items()}
        norms = {"gradient_norm": torch.stack(self.norms).mean()} if self.norms else {}
        self.norms, self.steps_made = [], dict.fromkeys(self.parameters, 0)
        return means | rates | norms

    def end_epoch(self, monitored: float | None) -> None:
        """Step the schedulers that act by epoch; one that watches a metric gets the monitored one, where it was measured."""
        for part, scheduler in self.schedulers.items():
            if self.recipe.schedulers[part].interval == "monitor":
                if monitored is not None:
                    scheduler.step(monitored)  # type: ignore[arg-type]
            elif self.recipe.schedulers[part].interval == "epoch":
                scheduler.step()

    def state(self) -> dict[str, Any]:
        """Counters and schedulers, for a checkpoint."""
        return {
            "batches": self.batches,
            "schedulers": {part: each.state_dict() for part, each in self.schedulers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.batches = state["batches"]
        for part, each in self.schedulers.items():
            each.load_state_dict(state["schedulers"][part])

    def begun(self) -> dict[str, Any]:
        """What this process has of an epoch that is not over: losses, norms, and gradients that wait for their step."""
        waiting = {part: [each.grad for each in self.parameters[part]] for part, count in self.micro.items() if count}
        counted = {"rates": self.rates, "micro": self.micro, "pending": self.pending, "steps": self.steps_made}
        return {**counted, "losses": self.means.seen, "norms": self.norms, "gradients": waiting}

    def go_on(self, begun: dict[str, Any]) -> None:
        """Take back what ``begun`` gave."""
        self.rates, self.micro, self.pending, self.steps_made = (begun[name] for name in ("rates", "micro", "pending", "steps"))
        self.means.seen, self.norms = begun["losses"], [norm.to(self.task.device) for norm in begun["norms"]]
        for part, waiting in begun["gradients"].items():
            for parameter, gradient in zip(self.parameters[part], waiting, strict=True):
                parameter.grad = None if gradient is None else gradient.to(parameter.device)


def _seed_draws(seed: int, step: int, rank: int, device: torch.device) -> None:
    """Make the draws inside a network a function of (seed, step, rank); setting the generator itself is the cheap way."""
    mixed = zlib.crc32(b"%d %d %d" % (seed, step, rank))
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(mixed)
