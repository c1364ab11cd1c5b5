"""Where the time went adds up, is told, and lies in the run."""

import re
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from conftest import Command
from trainbook.profile import PHASES, Profile


def test_phases_are_exclusive_and_add_up() -> None:
    profile = Profile(time.perf_counter())
    time.sleep(0.02)
    with profile.profile("training"):
        with profile.profile("update"):
            time.sleep(0.03)  # forward
            with profile.profile("backward"):
                time.sleep(0.05)
            with profile.profile("descent"):
                time.sleep(0.01)
        with profile.profile("[Strategy]SingleDeviceStrategy.batch_to_device"):
            time.sleep(0.04)
        with profile.profile("checkpoint"):
            time.sleep(0.02)
        time.sleep(0.06)
    time.sleep(0.03)
    spent = profile.phases()
    expected = {"start": 0.02, "data": 0.04, "forward": 0.03, "backward": 0.05, "optimiser": 0.01, "checkpoints": 0.02}
    expected |= {"loop and the rest": 0.06, "model and pictures": 0.03}
    for phase, seconds in expected.items():
        assert seconds <= spent[phase] < seconds + 0.02, phase
    assert spent["metrics"] == spent["tracking"] == 0
    assert sum(spent.values()) == pytest.approx(time.perf_counter() - profile.began, abs=0.02)


@pytest.mark.slow
def test_a_training_tells_where_its_time_went(trainbook: Command, project: Path) -> None:
    done = trainbook("train", "experiment=tiny_mlp", "tracking.run_name=told", "--profile")
    rows = dict(re.findall(r"^\| (.+?) \| ([\d.]+) \|", done.stdout, re.MULTILINE))
    assert {"start", *PHASES, "loop and the rest", "model and pictures", "all"} == set(rows)
    assert sum(float(value) for phase, value in rows.items() if phase != "all") == pytest.approx(float(rows["all"]), abs=0.1)
    assert all(float(rows[phase]) > 0 for phase in ("start", "tracking", "model and pictures"))
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    text = Path(client.download_artifacts(run.info.run_id, "profile.md")).read_text()
    assert text in done.stdout
    assert run.data.params["trainer.profiler"] == "None", "it concerns this invocation only"


def test_two_ways_of_measuring_are_refused(trainbook: Command) -> None:
    done = trainbook("train", "experiment=tiny_mlp", "trainer.profiler=simple", "--profile", code=2)
    assert done.stderr.startswith("trainbook: --profile and trainer.profiler measure in two ways")
