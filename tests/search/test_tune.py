"""`trainbook tune`: the plan is worked off to its end, whatever trials do, and its outcome trains."""

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from optuna.trial import TrialState

from conftest import Command
from searched import SPACE, TUNE, tracked, trials


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINBOOK_STORAGE", raising=False)


@pytest.mark.slow
def test_what_was_found_trains_to_the_last_digit(project: Path, trainbook: Command) -> None:
    trainbook(*TUNE, "search.n_trials=3", "search.sampler=random", "optimizer=adam,sgd", "seed=5", "search.pruner=none")
    ended = trials(project)
    best = max(ended, key=lambda each: (each.values[0], -each.number))
    file = project / "conf/experiment/tiny_mlp_tuned.yaml"
    text = file.read_text()
    assert (
        f"trial {best.number} (first-{best.number:03d}), val/accuracy {best.values[0]:.4f}, {time.strftime('%Y-%m-%d')}" in text
    )
    written = yaml.safe_load(text)
    assert written["seed"] == 5
    assert set(written) <= {"defaults", "seed", "optimizer", "network", "trainer", "threads"}
    assert "tiny_mlp_tuned: {data: tiny}" in (project / "params.yaml").read_text()
    assert (project / "params.yaml").read_text().startswith("data:\n  tiny: {raw: data/tiny}\n")
    trainbook("compose")
    trainbook("prepare", "data=tiny", "--output", "build/prepared/tiny")
    trainbook("train", "--settings", "build/settings/tiny_mlp_tuned.yaml", "--output", "build/model/tiny_mlp_tuned")
    assert yaml.safe_load((project / "build/model/tiny_mlp_tuned/run.yaml").read_text())["value"] == best.values[0]
    then, now = (
        project / each / "weights.safetensors" for each in (f"runs/first-{best.number:03d}/model", "build/model/tiny_mlp_tuned")
    )
    assert then.read_bytes() == now.read_bytes()
    done = trainbook("reproduce", f"first-{best.number:03d}", code=1)  # this project is in no repository
    assert "The run records no commit" in done.stderr
    # a file that somebody has edited stays, and is refused before anything is tried
    file.write_text(text.replace("seed: 5", "seed: 6"))
    before = file.read_bytes()
    refused = trainbook(
        *TUNE, "search.n_trials=4", "search.sampler=random", "optimizer=adam,sgd", "seed=5", "search.pruner=none", code=1
    )
    assert "edited by hand" in refused.stderr
    assert "--force" in refused.stderr
    assert len(trials(project)) == 3
    assert file.read_bytes() == before
    trainbook(
        *TUNE, "search.n_trials=3", "search.sampler=random", "optimizer=adam,sgd", "seed=5", "search.pruner=none", "--force"
    )
    assert yaml.safe_load(file.read_text())["seed"] == 5
    # a better one stays, too, until somebody insists; flags may stand between words
    before = file.read_bytes()
    worse = ("experiment=tiny_mlp", "optimizer.lr=choice(1e-9)", "search.study=worse", "trainer.max_epochs=1")
    rest = ("search.n_trials=1", "search.pruner=none")
    stays = trainbook("tune", *worse, *rest).stdout
    assert f"stays what study first found, val/accuracy {best.values[0]:.4f}; here it is" in stays
    assert file.read_bytes() == before
    trainbook("tune", "--force", *worse[:2], "--dry-run", *worse[2:], *rest)
    assert file.read_bytes() == before
    trainbook("tune", *worse[:2], "--force", *worse[2:], *rest)
    assert "study worse found it" in file.read_text()
    assert "other studies: first" in trainbook("status").stdout


@pytest.mark.slow
def test_a_search_cannot_open_the_test_split(project: Path, trainbook: Command) -> None:
    trainbook("prepare", "data=tiny", "--output", "build/prepared/tiny")
    for file in (project / "build/prepared/tiny/test").iterdir():
        file.unlink()
    words = (*TUNE, "search.n_trials=2", "search.sampler=random")
    trainbook(*words)
    assert [each.state for each in trials(project)] == [TrialState.COMPLETE] * 2
    assert not any(name.startswith("test") for run in tracked(project).values() for name in run.data.metrics)
    refused = trainbook(*words, "search.study=other", "search.objectives={test/accuracy: max}", code=1)
    assert "metrics of validation, or parameters, were expected; got test/accuracy" in refused.stderr


FAILING = """
import os, signal, torch
from pytorch_lightning import Callback

class Failing(Callback):
    def __init__(self, how: str = "raise", which: int = -1) -> None:
        self.how, self.which = how, which

    def on_train_batch_end(self, trainer, pl_module, *_):
        if self.which not in (-1, int(trainer.default_root_dir.rstrip("/")[-3:])):
            return
        if self.how == "raise":
            raise RuntimeError(f"it breaks in {trainer.default_root_dir} at 0x{id(self):x}")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "infinity":
            with torch.no_grad():
                next(pl_module.network.parameters()).fill_(float("nan"))
        if self.how == "memory":
            bytearray(2**62)
"""


@pytest.fixture
def failing(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with a callback that fails."""
    (project / "failing.py").write_text(FAILING)
    (project / "conf/trusted.yaml").write_text("- failing\n")
    (project / "conf/callbacks/failing.yaml").write_text("failing:\n  _target_: failing.Failing\n  how: raise\n  which: -1\n")
    monkeypatch.setenv("PYTHONPATH", str(project))
    return project


@pytest.mark.slow
def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(failing: Path, trainbook: Command) -> None:
    how = "callbacks.failing.how=choice(raise,kill,infinity,memory)"
    done = trainbook(
        *("tune", "experiment=tiny_mlp", "callbacks=failing", "callbacks.failing.which=choice(-1,99)", how, "search.study=first"),
        *("search.sampler=grid", "search.pruner=none", "search.n_trials=8", "search.workers=2"),
    )
    ended = trials(failing)
    assert [each.state for each in ended] == [TrialState.FAIL] * 4 + [TrialState.COMPLETE] * 4
    reasons = [each.user_attrs["failed"] for each in ended[:4]]
    assert [len(each) for each in reasons] == [2, 2, 2, 2]
    for reason, expected in zip(reasons, ("RuntimeError: it breaks", "signal 9 (SIGKILL)", "finite", "MemoryError"), strict=True):
        assert expected in reason[0]
        assert expected in done.stdout
    runs = tracked(failing)
    assert {run.info.status for name, run in runs.items() if name[-3:] in ("004", "005", "006", "007")} == {"FINISHED"}
    assert not [run for run in runs.values() if run.info.status == "RUNNING"]
    assert "it breaks" in runs["first-000"].data.tags["trainbook.error"]
    assert "failed (RuntimeError" in trainbook("status", "search.study=first").stdout
    assert "it breaks in" in (failing / "runs/first/000.log").read_text()


@pytest.mark.slow
def test_trials_that_all_fail_alike_end_the_search(failing: Path, trainbook: Command) -> None:
    done = trainbook(*TUNE, "callbacks=failing", "tracking=none", code=1)
    assert re.search(r"first 5 trials failed alike, and the search stops: RuntimeError: it breaks in", done.stderr)
    assert len(trials(failing)) == 5


@pytest.mark.slow
def test_several_objectives_have_a_front(project: Path, trainbook: Command) -> None:
    words = (*TUNE, "search.objectives={val/accuracy: max, parameters: min}", "search.sampler=nsga2", "search.n_trials=4")
    assert "search.pruner=none" in trainbook(*words, code=1).stderr
    done = trainbook(*words, "search.pruner=none", "search.enqueue=[{network.widths: [32], optimizer.lr: 0.01}]")
    ended = trials(project)
    assert ended[0].params == {"network.widths": "[32]", "optimizer.lr": 0.01}
    sizes = {"[32]": 144 * 32 + 32 + 32 * 4 + 4, "[16,8]": 144 * 16 + 16 + 16 * 8 + 8 + 8 * 4 + 4}
    assert [each.values[1] for each in ended] == [sizes[each.params["network.widths"]] for each in ended]
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    run = tracked(project)["first"].info.run_id
    assert "figures/pareto_front.png" in {each.path for each in client.list_artifacts(run, "figures")}
    assert "tiny_mlp_tuned.yaml" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("optimizer.learning_rate=interval(0,1)",), "optimizer.learning_rate: unknown; did you mean optimizer.lr?"),
        (("optimizer.lr=interval(1,0)",), "from a smaller to a greater number was expected; got 1.0 to 0.0"),
        (("data.batch_size=interval(16,64)",), "Take data.batch_size=int(interval(low,high))"),
        (("network.activation=choice(relu,7)",), "network.activation: "),
        (("network.widths=choice([16],[0])",), "network: "),
        (("optimizer.lr=choice(0.1,-1.0)",), "optimizer: Invalid learning rate: -1.0"),
        ((SPACE[0], "search.sampler=bayes"), "search.sampler=bayes: unknown; "),
        ((SPACE[0], "search.pruner=medium"), "search.pruner=medium: unknown; did you mean median?"),
        ((SPACE[0], "search.trials=3"), "search.trials: unknown; did you mean search.n_trials?"),
        ((SPACE[0], "search=mpl"), "search=mpl: unknown; did you mean mlp?"),
        ((SPACE[0], "trainer.max_epochs=1"), "Take search.pruner=none"),
        ((SPACE[0], "search.timeout=soon"), "search.timeout: a time such as 600, 30m or 1h was expected"),
        ((SPACE[0], "search.sampler=grid"), "search.sampler=grid: choices or ranges were expected"),
        ((SPACE[0], "search.enqueue=[{optimizer.lr: 5}]"), "search.enqueue: optimizer.lr: a value of"),
        ((SPACE[0], "trainer=ddp"), "A trial is one process"),
        ((), "A space was expected"),
    ],
)
def test_what_is_wrong_is_said_before_any_trial(words: tuple[str, ...], complaint: str, project: Path, inside: Any) -> None:
    (project / "mlflow.db").unlink()
    with pytest.raises(Exception, match=re.escape(complaint)) as caught:
        inside("tune", "experiment=tiny_mlp", *words)
    assert type(caught.value).__name__ == "Fault"
    assert not (project / "optuna.db").exists()
    assert not (project / "mlflow.db").exists()


def test_more_workers_than_cores_are_warned_of(trainbook: Command) -> None:
    said = trainbook("tune", "experiment=tiny_mlp", *SPACE, f"search.workers={4 * (os.cpu_count() or 1)}", "--dry-run")
    assert "each will be slower" in said.stderr
    assert "optimizer.lr=tag(log,interval(1e-4,1e-1))" in said.stdout
