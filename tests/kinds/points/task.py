"""A generator learns to make what a discriminator cannot tell from real."""

from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainbook.batch import Batch
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task


class Adversaries(Protocol):
    """What the network must have."""

    latent: int
    generator: nn.Module
    discriminator: nn.Module


class Adversarial(Task):
    """Each batch the discriminator takes a step, then the generator (Goodfellow et al. 2014).

    The single target is what is real; ``noise`` comes from the data while training. Generated rows are judged as a whole,
    by the Fréchet distance of two normal distributions (Dowson & Landau 1982).

    Args:
        network: see ``Adversaries``.
        monitor, mode: see ``Task``.
    """

    network: Any

    def __init__(self, network: Adversaries, monitor: str = "val/distance", mode: Literal["min", "max"] = "min") -> None:
        super().__init__(network, monitor, mode)  # type: ignore[arg-type]

    def parts(self) -> dict[str, nn.Module]:
        return {"generator": self.network.generator, "discriminator": self.network.discriminator}

    def update(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        (real,) = batch.targets.values()
        made = self.network.generator(batch.inputs["noise"]).view_as(real)
        discriminator_loss = _told(self._score(real), 1) + _told(self._score(made.detach()), 0)
        self.descend("discriminator", discriminator_loss, len(real))
        generator_loss = _told(self._score(made), 1)
        self.descend("generator", generator_loss, len(real))
        losses = {"loss": generator_loss, "discriminator_loss": discriminator_loss, "weight": len(real)}
        return losses, {}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        raise NotImplementedError("two parts learn by turns, in update")

    def predict(self, batch: Batch) -> Named:
        return {"made": self.network.generator(_spread(batch.row, self.network.latent))}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        made = predictions["made"]
        real = next(iter(targets.values())).view_as(made)
        return {"distance": frechet(made, real), "mean_distance": (made.mean(0) - real.mean(0)).norm()}

    def present(self, predictions: Named) -> dict[str, Any]:
        return {f"value_{at}": values for at, values in enumerate(predictions["made"].T)}

    def _score(self, rows: Tensor) -> Tensor:
        scores: Tensor = self.network.discriminator(rows.flatten(1))
        return scores


def frechet(one: Tensor, other: Tensor) -> Tensor:
    """Squared Fréchet distance of the normal distributions with the means and covariances of two sets of rows."""
    a, b = one.double(), other.double()
    first, second = a.T.cov(), b.T.cov()
    roots = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    distance: Tensor = (a.mean(0) - b.mean(0)).square().sum() + first.trace() + second.trace() - 2 * roots
    return distance.float()


def _told(scores: Tensor, real: int) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, real))


def _spread(row: Tensor, size: int) -> Tensor:
    """Noise that is a function of the row alone: steps of square roots of primes, modulo 1, as normal numbers."""
    steps = torch.tensor([2, 3, 5, 7, 11, 13, 17, 19][:size], device=row.device).double().sqrt()
    uniform = ((row.unsqueeze(1) + 1) * steps) % 1
    normal: Tensor = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
    return normal.float()
