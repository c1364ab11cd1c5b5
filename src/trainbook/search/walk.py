"""How a space is walked: samplers, which choose, and pruners, which give up what is hopeless; all of them Optuna's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from trainbook.suggestions import nearest

SEVERAL = ("random", "grid", "tpe", "gp", "qmc", "nsga2")
"""Samplers that can serve several objectives."""


class _Quasirandom(optuna.samplers.QMCSampler):
    """A point of the sequence is that of the position in the plan, whoever asked before."""

    def __init__(self, position: int, seed: int, independent: BaseSampler) -> None:
        super().__init__(scramble=True, seed=seed, independent_sampler=independent, warn_independent_sampling=False)
        self.position = position

    def _find_sample_id(self, *_: Any) -> int:
        return self.position


SAMPLERS: dict[str, Callable[[int, int, int, bool], BaseSampler]] = {
    "random": lambda seed, position, drawn, several: optuna.samplers.RandomSampler(drawn),
    "grid": lambda seed, position, drawn, several: optuna.samplers.RandomSampler(drawn),
    "tpe": lambda seed, position, drawn, several: optuna.samplers.TPESampler(
        seed=drawn, multivariate=True, group=True, constant_liar=several
    ),
    "gp": lambda seed, position, drawn, several: optuna.samplers.GPSampler(
        seed=drawn, independent_sampler=optuna.samplers.RandomSampler(drawn), warn_independent_sampling=False
    ),
    "cmaes": lambda seed, position, drawn, several: optuna.samplers.CmaEsSampler(
        seed=drawn, independent_sampler=optuna.samplers.RandomSampler(drawn), warn_independent_sampling=False
    ),
    "qmc": lambda seed, position, drawn, several: _Quasirandom(position, seed, optuna.samplers.RandomSampler(drawn)),
    "nsga2": lambda seed, position, drawn, several: optuna.samplers.NSGAIISampler(seed=drawn, population_size=20),
}
"""By name: random, every combination, tree-structured Parzen estimators, Gaussian process, CMA-ES, quasi-random, NSGA-II.

Arguments: the plan's seed, the position, a seed of the position's own, whether several trials run at once. A grid has its
values fixed beforehand.
"""
PRUNERS: dict[str, Callable[[int], BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": lambda epochs: optuna.pruners.MedianPruner(n_startup_trials=5, n_min_trials=5),
    "halving": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "hyperband": lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
    "patient": lambda epochs: optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(5, n_min_trials=5), patience=2),
}
"""By name; the argument is the number of epochs of a whole training."""


def faults(sampler: Any, pruner: Any) -> list[str]:
    """Names that stand for nothing, each with the nearest that does."""
    given = (("sampler", sampler, list(SAMPLERS)), ("pruner", pruner, list(PRUNERS)))
    return [f"search.{key}={name}: unknown; {nearest(str(name), known)}" for key, name, known in given if name not in known]


def sampler(name: str, seed: int, position: int, several: bool) -> BaseSampler:
    """A sampler that has never been asked: what it draws is a function of (seed, position) and of the trials it is shown."""
    drawn = int(np.random.SeedSequence([seed, position]).generate_state(1)[0])
    return SAMPLERS[name](seed, position, drawn, several)


def pruner(name: str, epochs: int) -> BasePruner:
    """A pruner for trainings of so many epochs."""
    return PRUNERS[name](epochs)


def copied(study: optuna.Study, trials: list[FrozenTrial], sampler: BaseSampler | None = None) -> optuna.Study:
    """The same study in memory, for samplers and pruners: what they write counts only when it is taken over."""
    copied = optuna.create_study(directions=study.directions, study_name=study.study_name, sampler=sampler)
    for each in trials:
        if each.state == TrialState.WAITING:  # or the study would take it up
            each = create_trial(
                state=TrialState.RUNNING,
                params=each.params,
                distributions=each.distributions,
                user_attrs=each.user_attrs,
                system_attrs=each.system_attrs,
                intermediate_values=each.intermediate_values,
            )
        copied.add_trial(each)
    return copied
