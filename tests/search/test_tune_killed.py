"""`trainbook tune` whose processes are killed: the same command works the plan off to its end."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

import mortal
from searched import SPACE, TUNE, curve, tracked, trials, until


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINBOOK_STORAGE", raising=False)


def killed(project: Path, said: Path, kills: int, number: int, *words: str) -> None:
    """Kill the whole tree at random moments of its work, begin the same command again each time, and let it end."""
    chance = random.Random(kills)
    said.mkdir()
    for _ in range(kills):
        begun = len(list((project / "runs/first").glob("*.log")))
        process = mortal.start(project, said, *words)
        until(lambda begun=begun: len(list((project / "runs/first").glob("*.log"))) > begun, process)
        time.sleep(chance.uniform(0, 2.0))
        mortal.kill_tree(process)
    mortal.lives(project, *words)
    assert len(trials(project)) == number


@pytest.mark.parametrize(
    ("number", "kills"), [pytest.param(4, 2), pytest.param(12, 3, marks=[pytest.mark.acceptance, pytest.mark.timeout(1200)])]
)
@pytest.mark.slow
def test_a_search_that_is_killed_is_the_one_that_nobody_disturbed(number: int, kills: int, tmp_path: Path) -> None:
    from conftest import make_project

    undisturbed, disturbed = make_project(tmp_path / "undisturbed"), make_project(tmp_path / "disturbed")
    words = (*TUNE, f"search.n_trials={number}")
    mortal.lives(undisturbed, *words)
    killed(disturbed, tmp_path / "said", kills, number, *words)
    then, now = trials(undisturbed), trials(disturbed)
    assert [(each.number, each.state, each.params, each.values, each.intermediate_values) for each in then] == [
        (each.number, each.state, each.params, each.values, each.intermediate_values) for each in now
    ]
    assert {each.state for each in now} <= {TrialState.COMPLETE, TrialState.PRUNED}
    runs = tracked(disturbed)
    assert set(runs) == {"first", *(f"first-{at:03d}" for at in range(number))}
    parent = runs.pop("first")
    assert parent.info.status == "FINISHED"
    for name, run in runs.items():
        trial = now[int(name[-3:])]
        assert run.info.status == ("FINISHED" if trial.state == TrialState.COMPLETE else "KILLED")
        assert ("after epoch" in run.data.tags.get("trainbook.pruned", "")) == (trial.state == TrialState.PRUNED)
        assert "trainbook.error" not in run.data.tags
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        same = tracked(undisturbed)[name]
        for metric in ("val/accuracy", "train/loss"):
            steps = curve(disturbed, run, metric)
            assert steps == curve(undisturbed, same, metric)
            assert [step for step, _ in steps] == list(range(len(steps)))
    assert (undisturbed / "conf/experiment/tiny_mlp_tuned.yaml").read_text() == (
        disturbed / "conf/experiment/tiny_mlp_tuned.yaml"
    ).read_text()
    client = MlflowClient(f"sqlite:///{disturbed / 'mlflow.db'}")
    figures = {Path(each.path).name for each in client.list_artifacts(parent.info.run_id, "figures")}
    assert {"history.png", "slices.png", "parallel_coordinates.png", "intermediate_values.png"} <= figures
    assert parent.data.params["space.optimizer.lr"] == SPACE[0]
    assert parent.data.tags["best.network.widths"] in ("[16,8]", "[32]")


@pytest.mark.parametrize(
    ("number", "kills"), [pytest.param(4, 1), pytest.param(12, 3, marks=[pytest.mark.acceptance, pytest.mark.timeout(1200)])]
)
@pytest.mark.slow
def test_two_workers_that_are_killed_lose_nothing_and_do_nothing_twice(
    number: int, kills: int, project: Path, tmp_path: Path
) -> None:
    killed(project, tmp_path / "said", kills, number, *TUNE, f"search.n_trials={number}", "search.workers=2")
    assert all(each.state in (TrialState.COMPLETE, TrialState.PRUNED) for each in trials(project))
    runs = tracked(project)
    assert set(runs) == {"first", *(f"first-{at:03d}" for at in range(number))}
    assert not [run for run in runs.values() if run.info.status == "RUNNING"]
    assert {run.data.params["threads"] for name, run in runs.items() if name != "first"} == {str(max(1, os.cpu_count() // 2))}  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=[pytest.mark.acceptance, pytest.mark.timeout(1200)])],
)
def test_one_that_is_asked_to_leave_goes_on_later(by: int, code: int, project: Path, tmp_path: Path) -> None:
    words = (*TUNE, "trainer.max_epochs=60", "search.n_trials=2", "search.workers=2", "search.pruner=none")
    process = mortal.start(project, tmp_path, *words)
    until(lambda: len(list(project.glob("runs/first-*/checkpoints/*.ckpt"))) >= 2, process)
    os.kill(process.pid, by)
    process.join()
    said = (tmp_path / "stderr").read_text()
    assert process.exitcode == code, said
    assert "the same command goes on with study first" in said
    assert "Traceback" not in said
    left = trials(project)
    assert [each.state for each in left] == [TrialState.WAITING] * 2
    assert {run.info.status for run in tracked(project).values()} == {"KILLED"}
    mortal.lives(project, *words)
    for before, after in zip(left, trials(project), strict=True):
        assert after.state == TrialState.COMPLETE
        assert after.params == before.params
        assert list(after.intermediate_values) == list(range(60))
        assert "goes on with the interrupted training" in (project / f"runs/first/{after.number:03d}.log").read_text()
    assert len(tracked(project)) == 3


@pytest.mark.slow
def test_without_the_checkpoints_a_trial_starts_anew_in_its_own_run(project: Path, tmp_path: Path) -> None:
    words = (*TUNE, "trainer.max_epochs=40", "search.n_trials=1", "search.pruner=none")
    process = mortal.start(project, tmp_path, *words)
    until(lambda: len(list(project.glob("runs/first-*/checkpoints/*.ckpt"))) >= 1, process)
    mortal.kill_tree(process)
    before = {name: run.info.run_id for name, run in tracked(project).items()}
    (project / "runs").rename(project / "elsewhere")
    done = mortal.lives(project, *words)
    assert "trial 0 began: its checkpoints are not on this machine: it starts at epoch 0" in done.stdout
    assert {name: run.info.run_id for name, run in tracked(project).items()} == before
    assert [step for step, _ in curve(project, tracked(project)["first-000"], "val/accuracy")] == list(range(40))
