"""A study keeps to its plan, whoever works on it and however often they are killed."""

import math
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from trainbook.faults import Fault
from trainbook.search import storage, studies, walk
from trainbook.search.plan import Plan
from trainbook.search.space import Space
from trainbook.search.storage import Storage
from trainbook.search.study import Assignment, Study

WORDS = [
    "experiment=tiny_mlp",
    "optimizer=adam,sgd",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "optimizer.momentum=interval(0,0.9)",
]
NUMBERS = ["experiment=tiny_mlp", "optimizer.lr=tag(log,interval(1e-4,1e-1))", "network.dropout=interval(0,0.9)"]
GRID = ["experiment=tiny_mlp", "optimizer=adam,sgd", "seed=range(3)", "optimizer.momentum=choice(0.5,0.9)"]
WRITES = ("create_new_trial", "set_trial_state_values", "set_trial_user_attr", "set_trial_intermediate_value", "record_heartbeat")
fork = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(project)
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    with ExitStack() as stack:
        opened.append(stack)
        yield
    opened.clear()


opened: list[ExitStack] = []


def begun(planned: Plan, words: list[str]) -> Study:
    """The study of a plan; its connections are closed as the test ends, or as its process does."""
    return studies.begin(opened[-1].enter_context(storage.opened()), planned, Space.read(words, {}))


def plan(**more: Any) -> Plan:
    common: dict[str, Any] = {
        "name": "study",
        "experiment": "tiny_mlp",
        "sampler": "tpe",
        "pruner": "median",
        "objectives": {"val/accuracy": "max"},
        "seed": 3,
        "enqueue": [],
        "epochs": 4,
        "n_trials": 14,
        "timeout": None,
        "workers": 1,
        "threads_fixed": False,
    }
    return Plan(**{**common, **more})


def curve(assignment: Assignment, epoch: int) -> float:
    """What a training would report, made up of what it tries."""
    values = assignment.values
    lr = values.get("optimizer.lr", 0.01)
    good = -((math.log10(lr) + 2) ** 2) + values.get("network.dropout", values.get("optimizer.momentum", 0.3))
    return good * (1 - 0.5 ** (epoch + 1)) + 0.01 * (assignment.number % 3) * epoch


def go_through(study: Study, assignment: Assignment) -> None:
    several = len(study.plan.objectives) > 1
    reason = study.hopeless(assignment)
    for epoch in range(study.plan.epochs):
        if reason or several:
            break
        reason = study.report(assignment, epoch, curve(assignment, epoch))
    if reason:
        study.prune(assignment)
    elif assignment.number == 2:
        study.fail(assignment, "the third never succeeds")
    else:
        last = curve(assignment, study.plan.epochs - 1)
        study.finish(assignment, [last, last**2] if several else [last], {"epoch": 1})


def work(planned: Plan, words: list[str], dies_at: int | None = None, told: Path | None = None) -> None:
    """Work a plan off in a process that dies at its so-manieth write, before or after it."""
    if dies_at is not None:
        count = iter(range(1, 10**9))
        for name in WRITES:
            setattr(Storage, name, _deadly(getattr(Storage, name), count, dies_at))
    study = begun(planned, words)
    while (assignment := study.take(1)) is not None:
        if told is not None:
            with told.open("a") as file:
                file.write(f"{assignment.number}\n")
        go_through(study, assignment)


def _deadly(write: Callable[..., Any], count: Any, dies_at: int) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:
        at = next(count)
        if at == dies_at and at % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        done = write(*arguments, **more)
        if at == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return call


def seen(planned: Plan, words: list[str]) -> list[Any]:
    study = begun(planned, words)
    assert study.take(1) is None
    assert study.done()
    return [(each.number, each.state, each.values, each.params, each.intermediate_values) for each in study.trials()]


@pytest.mark.parametrize(
    ("sampler", "pruner", "words", "more"),
    [
        ("random", "median", WORDS, {}),
        ("tpe", "hyperband", WORDS, {}),
        ("gp", "halving", NUMBERS, {"n_trials": 12}),
        ("cmaes", "median", NUMBERS, {}),
        ("qmc", "patient", NUMBERS, {"enqueue": [{"optimizer.lr": 0.02}]}),
        ("grid", "none", GRID, {}),
        ("nsga2", "none", WORDS, {"objectives": {"val/accuracy": "max", "parameters": "min"}, "n_trials": 24}),
    ],
)
def test_a_study_that_is_killed_is_the_one_that_nobody_disturbed(
    sampler: str, pruner: str, words: list[str], more: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planned = plan(sampler=sampler, pruner=pruner, **more)
    for folder in ("undisturbed", "killed"):
        monkeypatch.setenv(storage.VARIABLE, f"sqlite:///{tmp_path / folder}.db")
        chance = random.Random(sampler)
        for _ in range(4 if folder == "killed" else 0):
            process = fork.Process(target=work, args=(planned, words, chance.randint(3, 24)))
            process.start()
            process.join()
            assert process.exitcode in (-signal.SIGKILL, 0)
        work(planned, words)
    killed = seen(planned, words)
    monkeypatch.setenv(storage.VARIABLE, f"sqlite:///{tmp_path / 'undisturbed'}.db")
    assert killed == seen(planned, words)
    states = [state for _, state, *_ in killed]
    assert len(killed) == (2 * 3 + 3 if sampler == "grid" else planned.n_trials)
    assert states[2] in (TrialState.FAIL, TrialState.PRUNED)
    assert TrialState.COMPLETE in states
    assert (TrialState.PRUNED in states) == (pruner not in ("none", "patient")) or pruner == "patient"
    assert len({str(params) for _, _, _, params, _ in killed}) > len(killed) - 2


def test_a_sampler_draws_by_seed_and_position(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn = []
    for seed in (3, 4):
        monkeypatch.setenv(storage.VARIABLE, f"sqlite:///{tmp_path / str(seed)}.db")
        work(plan(sampler="random", seed=seed, n_trials=3), WORDS)
        drawn += [str(params) for _, _, _, params, _ in seen(plan(sampler="random", seed=seed, n_trials=3), WORDS)]
    assert len(set(drawn)) == 6


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_several_share_a_plan(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if where == "postgresql":
        monkeypatch.setenv(storage.VARIABLE, request.getfixturevalue("postgresql"))
    planned, told = plan(sampler="random", workers=3, n_trials=15, name=f"shared-{where}"), tmp_path / "told"
    processes = [fork.Process(target=work, args=(planned, WORDS, None, told)) for _ in range(3)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
        assert each.exitcode == 0
    assert sorted(told.read_text().split()) == sorted([*map(str, range(15)), "2"])  # the third is tried twice
    assert [number for number, *_ in seen(planned, WORDS)] == list(range(15))


def test_a_machine_that_died_is_taken_over_after_its_heartbeat(monkeypatch: pytest.MonkeyPatch, postgresql: str) -> None:
    monkeypatch.setenv(storage.VARIABLE, postgresql)
    planned = plan(sampler="random", n_trials=1, name="elsewhere")
    elsewhere = begun(planned, WORDS)
    with monkeypatch.context() as patched:
        patched.setattr("trainbook.processes.this", lambda: "another-machine 17@1.00")
        lost = elsewhere.take(1)
        assert lost is not None
        elsewhere.report(lost, 0, 0.5)
    here = begun(planned, WORDS)
    assert here.take(1) is None, "it may be alive"
    monkeypatch.setattr(here.storage, "grace_period", -1)
    taken = here.take(1)
    assert taken is not None
    assert (taken.number, taken.values, taken.reported) == (0, lost.values, [0])
    here.finish(taken, [0.7], {})
    monkeypatch.setattr("trainbook.processes.this", lambda: "another-machine 17@1.00")
    assert elsewhere.report(lost, 1, 0.6), "it has lost the trial"
    elsewhere.finish(lost, [0.1], {})
    assert here.trials()[0].values == [0.7]


def test_another_plan_under_the_same_name_is_refused() -> None:
    begun(plan(), WORDS)
    begun(plan(n_trials=50, workers=2, timeout=3.0), WORDS)
    for other, words in ((plan(seed=4), WORDS), (plan(objectives={"val/loss": "min"}), WORDS), (plan(), NUMBERS)):
        with pytest.raises(Fault, match=r"has another plan .* then, .* now.*search.study"):
            begun(other, words)


def test_a_storage_that_cannot_be_reached_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(storage.VARIABLE, "postgresql://somebody:pass-word@127.0.0.1:1/none")
    with pytest.raises(Fault, match=r"postgresql://127.0.0.1:1/none .* cannot be reached") as caught:
        opened[-1].enter_context(storage.opened())
    assert "pass-word" not in str(caught.value)
    for strange in ("pass#word", "pass/word", "pass@word"):
        monkeypatch.setenv(storage.VARIABLE, f"postgresql://somebody:{strange}@127.0.0.1:1/none")
        with pytest.raises(Fault, match=r"postgresql://127.0.0.1:1/none .* cannot be reached") as caught:
            opened[-1].enter_context(storage.opened())
        assert strange not in str(caught.value)
        assert "word" not in str(caught.value).replace("password", "")
    monkeypatch.setenv(storage.VARIABLE, "sqlite:///mlflow.db")
    with pytest.raises(Fault, match=r"mlflow\.db is MLflow's"):
        opened[-1].enter_context(storage.opened())
    monkeypatch.setenv(storage.VARIABLE, "sqlite:////nowhere/search.db")
    with pytest.raises(Fault, match="a folder that is there was expected; /nowhere is not"):
        opened[-1].enter_context(storage.opened())
    assert not Path("/nowhere").exists()
    monkeypatch.setenv(storage.VARIABLE, "redis://here")
    with pytest.raises(Fault, match="got redis://"):
        opened[-1].enter_context(storage.opened())


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_a_pruner_gives_up_what_optuna_itself_would(pruner: str) -> None:
    """The same curves, by the study and by Optuna's own loop."""
    import optuna

    def value(number: int, epoch: int) -> float:
        return math.sin(number * 12.9898) + 0.01 * epoch

    ours = begun(plan(pruner=pruner, sampler="random", epochs=9, n_trials=30), NUMBERS)
    while taken := ours.take(1):
        for epoch in range(9):
            if ours.report(taken, epoch, value(taken.number, epoch)):
                ours.prune(taken)
                break
        else:
            ours.finish(taken, [value(taken.number, 8)], {})

    def objective(trial: optuna.Trial) -> float:
        for epoch in range(9):
            trial.report(value(trial.number, epoch), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value(trial.number, 8)

    theirs = optuna.create_study(study_name="study", direction="maximize", pruner=walk.pruner(pruner, 9))
    theirs.optimize(objective, n_trials=30)
    assert [(each.state, len(each.intermediate_values)) for each in ours.trials()] == [
        (each.state, len(each.intermediate_values)) for each in theirs.trials
    ]
    assert len({each.state for each in theirs.trials}) == 2


def test_what_an_experiment_composes_to_belongs_to_the_plan(project: Path) -> None:
    begun(plan(), NUMBERS)
    begun(plan(), [*NUMBERS, "tracking=none", "checkpoints.keep=7"])
    file = project / "conf/experiment/tiny_mlp.yaml"
    file.write_text(file.read_text().replace("[16, 8]", "[16, 9]"))
    with pytest.raises(Fault, match="composes to other settings now"):
        begun(plan(), NUMBERS)


def test_what_is_given_is_not_in_the_grid_again() -> None:
    study = begun(plan(sampler="grid", n_trials=99, enqueue=[{"optimizer": "adam", "seed": 1}]), GRID)
    tried = []
    while taken := study.take(1):
        tried.append(taken.values)
        study.finish(taken, [0.0], {})
    assert len(tried) == len({str(sorted(each.items())) for each in tried}) == len(study.space.grid())


def test_trials_that_fail_alike_end_no_search_that_once_went_well() -> None:
    study = begun(plan(sampler="random", pruner="none"), NUMBERS)
    assert not study.ended_well()
    failed = study.take(1)
    assert failed is not None
    study.fail(failed, "broken")
    assert not study.ended_well()
    taken = study.take(1)
    assert taken is not None
    study.finish(taken, [0.5], {})
    assert study.ended_well()
