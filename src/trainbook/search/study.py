"""A study: a plan of numbered positions, each one trial of Optuna, which several processes and machines work off together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from trainbook import processes
from trainbook.search import walk
from trainbook.search.plan import Plan
from trainbook.search.space import Space, Values
from trainbook.search.storage import Storage

ATTEMPTS = 2
"""How often a position is tried that fails."""
OWNER, FAILED, THREADS, PRUNED = "owner", "failed", "threads", "pruned"
"""Attributes of a trial: the process that works on it, why it failed before, its threads, why it was given up."""


@dataclass(frozen=True)
class Assignment:
    """A position of the plan that this process has taken."""

    number: int
    trial_id: int
    values: Values
    threads: int
    reported: list[int]
    """Epochs of which the study knows the metric already."""


class Study:
    """The trials of a plan.

    What a position tries is a function of the plan's seed, the position, and the trials of earlier positions. A trial is
    created whole, with everything that it tries, so that no process can leave a half of one behind.
    """

    def __init__(self, study: optuna.Study, storage: Storage, plan: Plan, space: Space) -> None:
        self.study, self.storage, self.plan, self.space = study, storage, plan, space
        self.id = storage.get_study_id_from_name(study.study_name)

    @cached_property
    def grid(self) -> list[Values] | None:
        """What the positions of a grid try."""
        return [each for each in self.space.grid() if each not in self.given] if self.plan.sampler == "grid" else None

    @cached_property
    def given(self) -> list[Values]:
        """What the first positions try."""
        return [self.space.told(each) for each in self.plan.enqueue]

    @property
    def size(self) -> int:
        """Positions of the plan; a grid may have fewer than were asked for."""
        return self.plan.n_trials if self.grid is None else min(self.plan.n_trials, len(self.given) + len(self.grid))

    def trials(self) -> list[FrozenTrial]:
        """All trials so far, by position."""
        return self.study.get_trials(deepcopy=False)

    def take(self, threads: int) -> Assignment | None:
        """The next position that nobody works on: what was interrupted, then a new one, then what failed once. None: no more."""
        with self.storage.exclusive(self.study.study_name):
            trials = self.trials()[: self.size]
            stale = set(self.storage._get_stale_trial_ids(self.id))
            free = [each for each in trials if each.state == TrialState.WAITING or _abandoned(each, stale)]
            failed = [each for each in free if each.user_attrs.get(FAILED)]
            interrupted = [each for each in free if each not in failed]
            if interrupted:
                chosen = interrupted[0]
            elif len(trials) < self.size:
                chosen = self.storage.get_trial(self._create(trials, threads))
            elif failed:
                chosen = failed[0]
            else:
                return None
            self.storage.record_heartbeat(chosen._trial_id)
            self.storage.set_trial_user_attr(chosen._trial_id, OWNER, processes.this())
            if chosen.state == TrialState.WAITING:
                self.storage.set_trial_state_values(chosen._trial_id, TrialState.RUNNING)
        known = sorted(chosen.intermediate_values)
        return Assignment(chosen.number, chosen._trial_id, chosen.params, chosen.user_attrs[THREADS], known)

    def beat(self, assignments: Sequence[Assignment]) -> None:
        """Say that trials are still being worked on."""
        for each in assignments:
            self.storage.record_heartbeat(each.trial_id)

    def report(self, assignment: Assignment, epoch: int, value: float) -> str | None:
        """Note the metric of an epoch; gives the reason if the trial is hopeless."""
        if self.mine(assignment):
            self.storage.set_trial_intermediate_value(assignment.trial_id, epoch, value)
            return self.hopeless(assignment)
        return "another process goes on with it"

    def hopeless(self, assignment: Assignment) -> str | None:
        """Why the pruner gives a trial up after its last report, if it does; once it has, it does not change its mind."""
        trial = self.storage.get_trial(assignment.trial_id)
        if self.plan.pruner == "none" or not trial.intermediate_values or PRUNED in trial.user_attrs:
            return trial.user_attrs.get(PRUNED)
        copied = walk.copied(self.study, self.trials())
        pruned = walk.pruner(self.plan.pruner, self.plan.epochs).prune(copied, copied.get_trials(deepcopy=False)[trial.number])
        seen = copied.get_trials(deepcopy=False)[trial.number].system_attrs
        for key in seen.keys() - trial.system_attrs.keys():  # which rungs it has reached: others are compared with it there
            self.storage.set_trial_system_attr(assignment.trial_id, key, seen[key])
        if not pruned:
            return None
        epoch, value = max(trial.intermediate_values.items())
        reason = f"{self.plan.pruner} pruning after epoch {epoch}: {next(iter(self.plan.objectives))} {value:.4f} is hopeless"
        self.storage.set_trial_user_attr(assignment.trial_id, PRUNED, reason)
        return reason

    def mine(self, assignment: Assignment) -> bool:
        """Whether this process still has a trial that it took; one that was silent for long loses it."""
        trial = self.storage.get_trial(assignment.trial_id)
        return trial.state == TrialState.RUNNING and trial.user_attrs.get(OWNER) == processes.this()

    def finish(self, assignment: Assignment, values: Sequence[float], about: Mapping[str, Any]) -> None:
        """A trial ended well."""
        self._end(assignment, TrialState.COMPLETE, values, about)

    def prune(self, assignment: Assignment) -> None:
        """A trial was given up; its last metric is its value."""
        known = self.storage.get_trial(assignment.trial_id).intermediate_values
        self._end(assignment, TrialState.PRUNED, [known[max(known)]], {})

    def fail(self, assignment: Assignment, reason: str) -> None:
        """A trial failed; a position is tried twice."""
        before = self.storage.get_trial(assignment.trial_id).user_attrs.get(FAILED, [])
        state = TrialState.FAIL if len(before) + 1 >= ATTEMPTS else TrialState.WAITING
        self._end(assignment, state, None, {FAILED: [*before, reason]})

    def leave(self, assignment: Assignment) -> None:
        """Somebody wants this process to go; the next one goes on with the trial."""
        self._end(assignment, TrialState.WAITING, None, {})

    def done(self) -> bool:
        """Whether every position of the plan has come to its end."""
        trials = self.trials()[: self.size]
        return len(trials) == self.size and all(each.state.is_finished() for each in trials)

    def ended_well(self) -> bool:
        """Whether any trial was completed or pruned."""
        return any(each.state in (TrialState.COMPLETE, TrialState.PRUNED) for each in self.trials())

    def best(self) -> list[FrozenTrial]:
        """The best trial; with several objectives those than which none is better in everything. None yet: an empty list."""
        complete = [each for each in self.trials() if each.state == TrialState.COMPLETE]
        if not complete:
            return []
        return self.study.best_trials if len(self.plan.objectives) > 1 else [self.study.best_trial]

    def chosen(self) -> FrozenTrial | None:
        """The best trial; of several that nothing beats, the best by the first objective."""
        sign = -1 if next(iter(self.plan.objectives.values())) == "max" else 1
        return min(self.best(), key=lambda each: sign * each.values[0], default=None)

    def _end(self, assignment: Assignment, state: TrialState, values: Sequence[float] | None, about: Mapping[str, Any]) -> None:
        with self.storage.exclusive(self.study.study_name):
            if self.mine(assignment):
                for key, value in about.items():
                    self.storage.set_trial_user_attr(assignment.trial_id, key, value)
                self.storage.set_trial_state_values(assignment.trial_id, state, values)

    def _create(self, trials: list[FrozenTrial], threads: int) -> int:
        position = len(trials)
        sampler = walk.sampler(self.plan.sampler, self.plan.seed, position, self.plan.workers > 1)
        copied = walk.copied(self.study, trials, sampler)
        fixed = self.given[position] if position < len(self.given) else None
        if self.grid is not None and fixed is None:
            fixed = self.grid[position - len(self.given)]
        if fixed is not None:
            copied.enqueue_trial(fixed)
        values = self.space.suggest(copied.ask())
        frozen = copied.get_trials(deepcopy=False)[position]
        return self.storage.create_new_trial(
            self.id,
            create_trial(
                state=TrialState.WAITING,
                params=values,
                distributions=frozen.distributions,
                user_attrs={THREADS: threads},
                system_attrs=frozen.system_attrs,
            ),
        )


def _abandoned(trial: FrozenTrial, stale: set[int]) -> bool:
    """Whether the process that had taken a running trial is gone: seen here, or not heard of for long from elsewhere."""
    if trial.state != TrialState.RUNNING:
        return False
    owner = str(trial.user_attrs.get(OWNER, ""))
    return not processes.alive(owner) or (trial._trial_id in stale and not processes.local(owner))
