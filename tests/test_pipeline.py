"""`dvc repro` in a git repository of its own: what runs again, and what does not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, make_project
from mortal import lives

Dvc = Callable[..., str]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project under git and DVC, run once and committed, with a copy of the package that tests may edit.

    The stages' own commands run here in processes that have everything loaded, and DVC takes in what they leave.
    """
    folder = make_project(tmp_path_factory.mktemp("pipeline") / "project")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / ".dvcignore", folder)
    (folder / ".gitignore").write_text("/build/\n/runs/\n/mlflow.db*\n/mlartifacts/\n__pycache__/\n")
    for words in (["git", "init", "-q"], ["git", "config", "user.email", "a@b.c"], ["git", "config", "user.name", "a"]):
        subprocess.run(words, cwd=folder, check=True)
    dvc(folder, "init", "-q")
    lives(folder, "compose")
    for stage in stages(folder):
        lives(folder, *stage)
    dvc(folder, "commit", "-q", "--force")
    commit(folder, "first")
    return folder


def stages(folder: Path) -> Iterator[list[str]]:
    """Words of each stage but the first, as dvc.yaml has them."""
    known, listed = (yaml.safe_load((folder / name).read_text()) for name in ("dvc.yaml", "params.yaml"))
    for name in ("prepare", "train", "evaluate"):
        for key in listed["data" if name == "prepare" else "experiments"]:
            yield known["stages"][name]["do"]["cmd"].replace("${key}", key).split()[1:]


def dvc(folder: Path, *words: str) -> str:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(["dvc", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", message], cwd=folder, check=True)


def ran(folder: Path) -> set[str]:
    """Names of the stages that a `dvc repro` runs now."""
    lines = dvc(folder, "repro").splitlines()
    return {line.split("'")[1] for line in lines if line.startswith(("Running stage", "Stage")) and "didn't change" not in line}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def restore(folder: Path) -> None:
    """Files as the last commit has them."""
    subprocess.run(["git", "checkout", "-q", "."], cwd=folder, check=True)
    subprocess.run(["git", "clean", "-qfd", "conf", "src"], cwd=folder, check=True)


def stale(folder: Path) -> set[str]:
    """Stages that are out of date once the settings are composed anew; not those that only depend on them."""
    dvc(folder, "repro", "-q", "compose")
    return set(json.loads(dvc(folder, "status", "--json")))


def test_only_what_changed_runs_again(workshop: Path) -> None:
    assert ran(workshop) == set(), "a second repro runs nothing"
    edit(workshop / "conf/experiment/tiny_mlp.yaml", "trainer:", "optimizer:\n  lr: 0.01\ntrainer:")
    (workshop / "conf/experiment/other.yaml").write_text("# @package _global_\n# Another.\n")
    assert ran(workshop) == {"compose", "train@tiny_mlp", "evaluate@tiny_mlp"}
    restore(workshop)
    dvc(workshop, "checkout", "-q")


NOISE = "data:\n  augment:\n    noise: {_target_: trainbook.data.augmentations.noise.Noise, std: 0.1}\ntrainer:"
EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "a comment": ("conf/optimizer/adam.yaml", "lr: 0.001", "lr: 0.001 # a comment", set()),
    "a setting of one": ("conf/experiment/tiny_mlp.yaml", "trainer:", "optimizer:\n  lr: 0.01\ntrainer:", {"train@tiny_mlp"}),
    "a network of one": ("src/trainbook/networks/mlp.py", '"""', '"""Well: ', {"train@tiny_mlp"}),
    "an augmentation": ("conf/experiment/tiny_cnn.yaml", "trainer:", NOISE, {"train@tiny_cnn"}),
    "how a run is watched": ("conf/tracking/local.yaml", "description: null", "description: watched differently", set()),
    "how one is judged": ("conf/experiment/tiny_cnn.yaml", "resamples: 20", "resamples: 10", {"evaluate@tiny_cnn"}),
    "what the source reads by": ("src/trainbook/data/sources/pictures.py", '"""', '"""Well: ', {"prepare@tiny"}),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_makes_stale_what_it_reaches(workshop: Path, what: str) -> None:
    file, old, new, reached = EDITS[what]
    edit(workshop / file, old, new)
    try:
        assert stale(workshop) == reached
    finally:
        restore(workshop)


def test_a_new_file_makes_nothing_stale(workshop: Path) -> None:
    (workshop / "conf/experiment/other.yaml").write_text("# @package _global_\n# Another.\n")
    (workshop / "src/trainbook/networks/residual.py").write_text('"""A network that nobody uses yet."""\n')
    try:
        assert stale(workshop) == set()
    finally:
        restore(workshop)


@pytest.mark.acceptance
def test_both_sides_of_every_diff_show(workshop: Path) -> None:
    restore(workshop)
    dvc(workshop, "repro", "-q")
    edit(workshop / "conf/experiment/tiny_mlp.yaml", "trainer:", "optimizer:\n  lr: 0.02\ntrainer:")
    dvc(workshop, "repro", "-q")
    commit(workshop, "second")
    metrics = json.loads(dvc(workshop, "metrics", "diff", "HEAD~1", "--json"))
    loss = metrics["build/report/tiny_mlp/metrics.json"]["test/loss"]
    assert loss["old"] > 0
    assert loss["new"] > 0
    assert loss["old"] != loss["new"]
    parameters = json.loads(dvc(workshop, "params", "diff", "HEAD~1", "--json"))
    assert parameters["build/settings/tiny_mlp.yaml"]["optimizer.lr"] == {"old": 0.001, "new": 0.02, "diff": 0.019}
    plots = json.loads(dvc(workshop, "plots", "diff", "HEAD~1", "--json", "--split"))["data"]
    curve = next(value for name, value in plots.items() if name.endswith("tiny_mlp/curves/train_loss.csv"))
    revisions = {revision for each in curve for revision in each["revisions"]}
    assert {"HEAD~1", "workspace"} <= revisions
    shown = dvc(workshop, "metrics", "show")
    assert "tiny_mlp" in shown
    assert "tiny_cnn" in shown


@pytest.mark.acceptance
def test_an_experiment_of_dvc(workshop: Path) -> None:
    subprocess.run(["git", "checkout", "-q", "."], cwd=workshop, check=True)
    dvc(workshop, "exp", "run", "-n", "tried", "-S", "conf/experiment/tiny_cnn.yaml:trainer.max_epochs=1")
    rows = json.loads(dvc(workshop, "exp", "show", "--json"))
    assert "tried" in json.dumps(rows)
    settings = yaml.safe_load((workshop / "build/settings/tiny_cnn.yaml").read_text())
    assert settings["trainer"]["max_epochs"] == 1


def test_compose_refuses_what_the_shared_data_are_not(workshop: Path) -> None:
    subprocess.run(["git", "checkout", "-q", "."], cwd=workshop, check=True)

    def refused() -> str:
        words = [sys.executable, "-m", "trainbook", "compose"]
        done = subprocess.run(words, cwd=workshop, capture_output=True, text=True)
        assert done.returncode == 1
        return done.stderr

    edit(workshop / "params.yaml", "tiny_cnn: {data: tiny}", "tiny_cnn: {data: mnist}")
    assert "experiments.tiny_cnn.data: tiny was expected" in refused()
    subprocess.run(["git", "checkout", "-q", "."], cwd=workshop, check=True)
    edit(workshop / "conf/experiment/tiny_cnn.yaml", "trainer:", "data:\n  store: compact\ntrainer:")
    assert "changes data.store, which is prepared once for all experiments" in refused()


def test_the_raw_data_come_from_a_bare_clone(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    dvc(tmp_path / "clone", "pull", "-q", "data.dvc")
    assert (tmp_path / "clone/data/mnist/train-images-idx3-ubyte.gz").stat().st_size == 9719438


def test_a_killed_repro_goes_on(workshop: Path) -> None:
    """Everything is killed at once, DVC and what it started."""
    subprocess.run(["git", "checkout", "-q", "."], cwd=workshop, check=True)
    edit(workshop / "conf/experiment/tiny_mlp.yaml", "max_epochs: 2", "max_epochs: 100")
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(workshop / "src")}
    before = set(workshop.glob("runs/*"))
    repro = subprocess.Popen(
        ["dvc", "repro", "train@tiny_mlp"], cwd=workshop, env=environment, stdout=-3, stderr=-3, start_new_session=True
    )
    while not _epochs(set(workshop.glob("runs/*")) - before):
        assert repro.poll() is None
        time.sleep(0.05)
    os.killpg(repro.pid, signal.SIGKILL)
    repro.wait()
    done = dvc(workshop, "repro", "train@tiny_mlp")
    assert "goes on" not in done, "said where people look for it"
    (folder,) = {path for path in set(workshop.glob("runs/*")) - before if path.is_dir()}
    assert _epochs({folder}) == 100
    lives(workshop, "train", "experiment=tiny_mlp", "tracking=none", "--output", "alone")
    made = workshop / "build/model/tiny_mlp"
    for name in ("weights.safetensors", "history.json"):
        assert (made / name).read_bytes() == (workshop / "alone" / name).read_bytes()


def _epochs(folders: set[Path]) -> int:
    """Finished epochs of the last checkpoint."""
    return max((int(path.name[:4]) for folder in folders for path in folder.glob("checkpoints/*.ckpt")), default=0)
