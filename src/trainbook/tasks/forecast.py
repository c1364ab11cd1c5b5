"""Forecasting: the next steps of a series, as quantiles or as a mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainbook.batch import Batch
from trainbook.faults import Fault
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task


class Forecast(Task):
    """Quantiles of each step ahead, of which the median is the point forecast; or their mean alone.

    The network's outputs are in units of the target's deviation in training, from its mean; answers and all metrics but ``loss``
    are in the target's own units. Steps whose outcome is not known (NaN) are neither learnt from nor judged. The outputs are
    the median and the distances from quantile to quantile, so that quantiles never cross.
    Source of the loss: Koenker and Bassett, "Regression quantiles", 1978.

    Args:
        network: gives outputs (n, horizon, outputs) of inputs of which ``x`` (n, history, channels) has the target first.
        y_mean, y_std: of the target in training, from the facts.
        y_scale, y_season: mean absolute difference to one season before and its length, from the facts (step ``season``).
        history: steps that a window looks back on, from the facts.
        loss: ``pinball``, the mean over quantiles; or ``squared``, for a mean without a band.
        quantiles: rising, 0.5 among them; pinball only.
        relative: what the network's outputs are added to. ``none``: the mean of training. ``season``: the values one season
            before, as the network sees them in ``x``. ``level``: the window's own mean over its last season, in units of its own
            deviation there, to which the target's channel of ``x`` is brought, too (Kim et al., "Reversible instance
            normalization …", 2022). Both suppose that ``x`` is brought to mean 0 and deviation 1.
        lags: the target so many steps before each step is shown beside what is known in advance, as the network sees it in ``x``,
            or 0 where the past does not reach; each at least the horizon.
        least: the smallest value that an answer may have; null = any.
        monitor, mode: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        y_mean: float,
        y_std: float,
        y_scale: float | None = None,
        y_season: int | None = None,
        history: int | None = None,
        loss: Literal["pinball", "squared"] = "pinball",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        relative: Literal["none", "season", "level"] = "none",
        lags: Sequence[int] = (),
        least: float | None = None,
        monitor: str = "val/mae",
        mode: Literal["min", "max"] = "min",
    ) -> None:
        super().__init__(network, monitor, mode)
        if list(quantiles) != sorted({*quantiles}) or 0.5 not in quantiles or not 0 < min(quantiles) <= max(quantiles) < 1:
            raise ValueError(f"quantiles: rising shares between 0 and 1, 0.5 among them, were expected; got {list(quantiles)}")
        if relative != "none" and (y_season is None or (history or y_season) < y_season):
            raise ValueError(
                f"relative: none was expected of data without the step season, or a history shorter than it; got {relative}"
            )
        self.mean, self.std, self.scale, self.season = y_mean, y_std or 1.0, y_scale, y_season or 0
        self.squared, self.relative, self.lags, self.least = loss == "squared", relative, list(lags), least
        self.quantiles = [] if self.squared else list(quantiles)

    @classmethod
    def offers(cls, facts: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        quantiles = [0.5] if settings.get("loss") == "squared" else [*settings.get("quantiles", (0.1, 0.5, 0.9))]
        found = {"outputs": len(quantiles), "quantiles": quantiles}
        offered, lags = facts["offers"], settings.get("lags") or []
        if lags and min(lags) < offered["horizon"]:
            raise Fault(f"task.lags: lags of at least the horizon, {offered['horizon']}, were expected; got {[*lags]}.")
        steps, features = offered["known_shape"]
        return {**found, "known_shape": [steps, features + len(lags)]}

    def learn(self, batch: Batch) -> tuple[dict[str, Any], Named]:
        forecast, (outcome,) = self._forecast(batch), batch.targets.values()
        losses, known = self._losses(forecast, outcome)
        weight = known.sum()
        return {"loss": losses.sum() / weight.clamp(min=1), "weight": weight}, {"forecast": self._at_least(forecast)}

    def predict(self, batch: Batch) -> Named:
        return {"forecast": self._at_least(self._forecast(batch))}

    def _forecast(self, batch: Batch) -> Tensor:
        """Answers (n, horizon, outputs) in the target's units."""
        inputs, centre, width = dict(batch.inputs), torch.zeros(1), torch.ones(1)
        horizon = inputs["known"].shape[1] - inputs["x"].shape[1]
        past = inputs["x"][:, :, 0]
        if self.relative == "season":
            ahead = torch.arange(horizon, device=past.device) % self.season
            centre = past[:, past.shape[1] - self.season + ahead].unsqueeze(2)
        elif self.relative == "level":
            width, mean = torch.std_mean(past[:, -self.season :], 1, correction=0, keepdim=True)
            width = width.clamp(min=0.05)  # a series that stood still
            past = (past - mean) / width
            inputs["x"] = torch.cat([past.unsqueeze(2), inputs["x"][:, :, 1:]], 2)
            centre, width = mean.unsqueeze(2), width.unsqueeze(2)
        lagged = [F.pad(past, (lag, 0))[:, : past.shape[1] + horizon].unsqueeze(2) for lag in self.lags]
        inputs["known"] = torch.cat([inputs["known"], *lagged], 2)
        outputs = self.network(**inputs).float()
        scaled: Tensor = centre.to(outputs) + width.to(outputs) * self._ordered(outputs)
        return self.mean + self.std * scaled

    def _ordered(self, outputs: Tensor) -> Tensor:
        """The median, and the others from it by distances that are above 0."""
        if len(self.quantiles) < 2:
            return outputs
        at = self.quantiles.index(0.5)
        middle, apart = outputs[..., at : at + 1], F.softplus(outputs)
        below = middle - apart[..., :at].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, middle, middle + apart[..., at + 1 :].cumsum(-1)], -1)

    def _at_least(self, forecast: Tensor) -> Tensor:
        return forecast if self.least is None else forecast.clamp(min=self.least)

    def _losses(self, forecast: Tensor, outcome: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each step (n, horizon), 0 where no outcome is known, in units of the target's deviation; what is known."""
        known = ~outcome.isnan()
        error = (outcome.nan_to_num() / self.std).unsqueeze(2) - forecast / self.std
        if self.squared:
            losses = error.square()
        else:
            shares = error.new_tensor(self.quantiles)
            losses = torch.maximum(shares * error, (shares - 1) * error)
        return losses.mean(2) * known, known

    def _point(self, forecast: Tensor) -> Tensor:
        return forecast[..., self.quantiles.index(0.5) if self.quantiles else 0]

    def explained(self, predictions: Named) -> Named:
        """The mean of the point forecast over the steps ahead."""
        return {"mean forecast": self._point(predictions["forecast"]).mean(1)}

    def express(self, chances: Tensor) -> Named:
        """From a baseline's points (n, horizon), or quantiles (n, horizon, quantiles)."""
        outputs = max(1, len(self.quantiles))
        if chances.ndim == 2:
            chances = chances.unsqueeze(2).expand(-1, -1, outputs)
        if chances.ndim != 3 or chances.shape[2] != outputs:
            raise Fault(f"A baseline's answers (n, horizon, {outputs}) were expected; got {tuple(chances.shape)}.")
        return {"forecast": self._at_least(chances.float())}

    def measure(self, predictions: Named, targets: Named) -> dict[str, Tensor]:
        forecast, (outcome,) = predictions["forecast"], targets.values()
        losses, known = self._losses(forecast, outcome)
        count, ahead = known.sum(), known.sum(0)
        errors = torch.where(known, outcome - self._point(forecast), 0.0)
        mae = errors.abs().sum() / count
        found = {"loss": losses.sum() / count, "mae": mae, "rmse": (errors.square().sum() / count).sqrt()}
        if self.scale:
            found["mase"] = mae / self.scale
        if len(self.quantiles) > 1:
            inside = (outcome >= forecast[..., 0]) & (outcome <= forecast[..., -1]) & known
            found["coverage"] = inside.sum() / count
            found["width"] = ((forecast[..., -1] - forecast[..., 0]) * known).sum() / count
            found["pinball"] = found["loss"] * self.std
            below = (outcome.unsqueeze(2) <= forecast) & known.unsqueeze(2)
            found["below_per_quantile"] = below.sum((0, 1)) / count
            found["coverage_ahead"] = inside.sum(0) / ahead
        return {**found, "mae_ahead": errors.abs().sum(0) / ahead}

    def present(self, predictions: Named) -> dict[str, Any]:
        forecast = predictions["forecast"].cpu().numpy()
        named = {f"q{share:g}": forecast[..., at] for at, share in enumerate(self.quantiles)}
        return {"point": self._point(predictions["forecast"]).cpu().numpy(), **named}

    def figures(self, predictions: Named, targets: Named) -> dict[str, dict[str, Any]]:
        forecast, (outcome,) = predictions["forecast"].cpu().numpy(), (each.cpu().numpy() for each in targets.values())
        found: dict[str, dict[str, Any]] = {
            "forecast": {"forecast": forecast, "outcome": outcome, "quantiles": self.quantiles or [0.5]}
        }
        if len(self.quantiles) > 1:
            below = self.measure(predictions, targets)["below_per_quantile"].tolist()
            found["quantile_reliability"] = {"quantiles": self.quantiles, "below": below}
        return found
