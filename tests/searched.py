"""What a search has left behind, read back by Optuna and MLflow."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient

SPACE = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "network.widths=choice([16,8],[32])")
TUNE = ("tune", "experiment=tiny_mlp", *SPACE, "trainer.max_epochs=4", "search.study=first")


def trials(project: Path, name: str = "first") -> list[Any]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{project / 'optuna.db'}")
    try:
        return optuna.load_study(study_name=name, storage=storage).get_trials()
    finally:
        storage.remove_session()
        storage.engine.dispose()


def tracked(project: Path) -> dict[str, Any]:
    """The runs of MLflow, by name."""
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


def curve(project: Path, run: Any, name: str) -> list[tuple[int, float]]:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)]


def until(condition: Callable[[], bool], process: Any) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.exitcode is None, f"ended with {process.exitcode}"
        assert time.monotonic() < end
        time.sleep(0.02)
