"""A search at the sizes that the documentation promises; `make acceptance`."""

import shutil
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

import mortal
from conftest import ROOT, Command

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


def trials(uri: str, name: str) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(uri)
    try:
        return optuna.load_study(study_name=name, storage=storage).get_trials()
    finally:
        storage.remove_session()
        storage.engine.dispose()


def test_eight_workers_share_two_hundred_trials(
    project: Path, trainbook: Command, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINBOOK_STORAGE", postgresql)
    trainbook(
        *("tune", "experiment=tiny_mlp", "optimizer.lr=tag(log,interval(1e-4,1e-1))", "trainer.max_steps=1", "tracking=none"),
        *("search.workers=8", "search.n_trials=200", "search.pruner=none", "search.sampler=random", "search.study=eight"),
    )
    ended = trials(postgresql.replace("postgresql:", "postgresql+psycopg:"), "eight")
    assert [each.number for each in ended] == list(range(200))
    assert {each.state for each in ended} == {TrialState.COMPLETE}
    assert len({each.params["optimizer.lr"] for each in ended}) == 200
    folders = sorted(path.name for path in (project / "runs").glob("eight-*"))
    assert folders == [f"eight-{number:03d}" for number in range(200)]
    assert all((project / "runs" / name / "model" / "weights.safetensors").is_file() for name in folders)


def test_median_pruning_saves_epochs_and_keeps_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 trials of up to 10 epochs of the reference experiment, learning rates from 1e-5 to 1."""
    project = tmp_path / "digits"
    shutil.copytree(ROOT / "conf", project / "conf")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, project / name)
    (project / "data").symlink_to(ROOT / "data")
    monkeypatch.delenv("TRAINBOOK_STORAGE", raising=False)
    epochs, best = {}, {}
    for pruner in ("none", "median"):
        done = mortal.run(
            *(project, "tune", "experiment=mnist_mlp", "optimizer.lr=tag(log,interval(1e-5,1))", f"search.pruner={pruner}"),
            *("search.sampler=random", "search.n_trials=60", "search.workers=2", f"search.study={pruner}", "--force"),
        )
        assert done.returncode == 0, done.stderr
        ended = trials(f"sqlite:///{project / 'optuna.db'}", pruner)
        assert len(ended) == 60
        epochs[pruner] = sum(len(each.intermediate_values) for each in ended)
        best[pruner] = max(each.values[0] for each in ended if each.state == TrialState.COMPLETE)
    print(f"\nepochs {epochs}: {epochs['median'] / epochs['none']:.2f}; best {best}")
    assert epochs["none"] == 600
    assert epochs["median"] <= 0.6 * epochs["none"]
    assert best["median"] >= best["none"] - 0.002
