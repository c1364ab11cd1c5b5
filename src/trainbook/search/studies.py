"""Studies in a storage: begun, gone on with, and looked at."""

import uuid
from typing import Any

import optuna
from optuna.study import StudyDirection

from trainbook import settings
from trainbook.faults import Fault
from trainbook.files import digest
from trainbook.search import grammar
from trainbook.search.plan import Plan
from trainbook.search.space import Space
from trainbook.search.storage import Storage
from trainbook.search.study import Study
from trainbook.suggestions import nearest

PLAN, SIZE, TOKEN = "plan", "size", "token"
"""Attributes of a study: what it must keep to, what it need not, and by what it is known elsewhere."""


def begin(storage: Storage, plan: Plan, space: Space) -> Study:
    """The study of a plan: a new one, or the one of that name, if it has the same plan.

    Raises:
        Fault: it has another plan; says what differs, and how to go on.
    """
    wanted = {**plan.deciding(), "fixed": deciding(space.fixed), "space": {each.key: each.word for each in space.dimensions}}
    wanted["settings"] = settings_of(space)
    with storage.exclusive(plan.name):
        directions = [StudyDirection.MINIMIZE if each == "min" else StudyDirection.MAXIMIZE for each in plan.objectives.values()]
        study = optuna.create_study(storage=storage, study_name=plan.name, directions=directions, load_if_exists=True)
        if PLAN not in study.user_attrs:
            if study.get_trials(deepcopy=False):
                raise Fault(f"Study {plan.name!r} was not made by trainbook. Take another name: search.study=…")
            study.set_user_attr(TOKEN, uuid.uuid4().hex)
            study.set_metric_names(list(plan.objectives))
            study.set_user_attr(PLAN, wanted)
    known = study.user_attrs[PLAN]
    if different := _different(known, wanted):
        raise Fault(
            f"Study {plan.name!r} has another plan ({'; '.join(different)}). Give the same words to go on with it, or begin "
            "another one: search.study=…"
        )
    study.set_user_attr(SIZE, {"n_trials": plan.n_trials, "workers": plan.workers, "threads_fixed": plan.threads_fixed})
    return Study(study, storage, plan, space)


def find(storage: Storage, name: str | None) -> tuple[Study, list[str]]:
    """A study to look at; the one that was begun last, if no name is given.

    Returns:
        The study, and the names of the others.

    Raises:
        Fault: there is none.
    """
    known = {each.study_name: each for each in optuna.get_all_study_summaries(storage) if PLAN in each.user_attrs}
    if not known:
        raise Fault("No search has been begun here. `trainbook tune experiment=…` begins one.")
    if name is None:
        name = max(known.values(), key=lambda each: each._study_id).study_name
    if name not in known:
        raise Fault(f"search.study={name}: unknown; {nearest(name, list(known))}")
    study = optuna.load_study(study_name=name, storage=storage)
    known_plan = {key: value for key, value in study.user_attrs[PLAN].items() if key != "settings"}
    space = Space(known_plan.pop("fixed"), grammar.split(known_plan.pop("space").values())[1])
    found = Study(study, storage, Plan(name=name, timeout=None, **known_plan, **study.user_attrs[SIZE]), space)
    return found, [each for each in known if each != name]


def deciding(words: list[str]) -> list[str]:
    """Fixed words without those that say how a search is watched."""
    return sorted(
        word for word in words if not word.lstrip("+").startswith(("tracking", "checkpoints", "evaluation", "baselines"))
    )


def settings_of(space: Space) -> str:
    """Digest of what the experiment composes to, under every combination of groups."""
    free = (*settings.WATCHED, "threads")
    every = [space.base(chosen) for chosen in space.combinations()]
    return digest([{key: value for key, value in whole.items() if key not in free} for whole in every])


def _different(known: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for key in wanted:
        then, now = known.get(key), wanted[key]
        if key == "settings" and then != now:
            found += [] if found else ["the experiment composes to other settings now"]
        elif then != now and isinstance(then, dict) and isinstance(now, dict):
            names = dict.fromkeys([*then, *now])
            both = [(then.get(each, f"no {each}"), now.get(each, f"no {each}")) for each in names]
            found += [f"{before} then, {after} now" for before, after in both if before != after]
        elif then != now:
            found.append(f"{key}: {then} then, {now} now")
    return found
