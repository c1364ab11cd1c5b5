"""Hydra's habits, and the words around them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from conftest import Command
from trainbook.files import read_json, read_yaml

Inside = Callable[..., None]


def complete(project: Path, line: str) -> list[str]:
    """What the shell would offer for a line that ends at the cursor."""
    words = [sys.executable, "-m", "trainbook", "-sc", "query=bash"]
    done = subprocess.run(words, cwd=project, env={**os.environ, "COMP_LINE": line}, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_tab_completion(project: Path) -> None:
    assert "optimizer=adam" in complete(project, "trainbook train optimizer=")
    assert {"experiment=tiny_mlp", "experiment=mnist_mlp"} <= set(complete(project, "trainbook show experiment="))
    assert "optimizer.lr=" in complete(project, "trainbook train optimizer.l")
    assert "train" in complete(project, "trainbook tr")


def test_hydra_shows_a_configuration(trainbook: Command) -> None:
    shown = yaml.safe_load(trainbook("train", "experiment=tiny_mlp", "optimizer.lr=0.5", "--cfg", "job").stdout)
    assert shown["optimizer"]["lr"] == 0.5
    assert shown["network"]["widths"] == [16, 8]


def test_a_preset_goes_before_the_experiment(inside: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    inside("show", "experiment=tiny_mlp", "trainer=overfit")
    assert yaml.safe_load(capsys.readouterr().out)["trainer"]["max_epochs"] == 50, "the experiment says 2"
    inside("show", "experiment=tiny_mlp", "trainer.max_epochs=7", "trainer=overfit")
    assert yaml.safe_load(capsys.readouterr().out)["trainer"]["max_epochs"] == 7


def test_help_of_every_word(trainbook: Command) -> None:
    for line in trainbook("--help").stdout.splitlines():
        if line.startswith("  ") and ("train" in line or ":" in line):
            word = line.split()[0]
            assert word in trainbook(word, "--help").stdout, word


def test_show_is_complete_and_composes_what_train_records(
    inside: Inside, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inside("show", "experiment=tiny_mlp", "seed=4")
    shown = yaml.safe_load(capsys.readouterr().out)
    inside("train", "experiment=tiny_mlp", "seed=4", "trainer=one_batch", "tracking=none", "--output", "model")
    recorded = yaml.safe_load((project / "model/settings.yaml").read_text())
    for section in ("data", "network", "task", "optimizer", "seed", "threads"):
        assert recorded[section] == shown[section], section


def test_the_catalogue_of_experiments(inside: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    inside("list")
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["tiny_mlp"] == "A tiny one."
    assert "mnist_cnn" in lines


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_multirun_wherever_the_m_stands(trainbook: Command, project: Path, position: int) -> None:
    words = ["experiment=tiny_mlp", "network.widths=[4],[6]"]
    words.insert(position, "-m")
    done = trainbook("train", *words, "trainer=one_batch", "tracking=none")
    assert len(done.stdout.splitlines()) == 2
    models = sorted((project / "runs").glob("tiny_mlp-*/model/settings.yaml"))
    assert [yaml.safe_load(path.read_text())["network"]["widths"] for path in models] == [[4], [6]]


def test_from_any_folder_of_the_project(trainbook: Command, project: Path) -> None:
    below = project / "conf/data"
    trainbook("train", "experiment=tiny_mlp", "trainer=one_batch", "tracking=none", "--output", "here", cwd=below)
    assert (below / "here/weights.safetensors").is_file(), "a path is seen from where it was typed"
    (project / "model").symlink_to(below / "here")
    done = trainbook("predict", "model=here", f"input={project / 'data/tiny/test-x.gz'}", cwd=below)
    assert len(done.stdout.splitlines()) == 61


def test_a_model_is_read_anywhere(trainbook: Command, project: Path, tmp_path: Path) -> None:
    trainbook("train", "experiment=tiny_mlp", "trainer=one_batch", "tracking=none", "--output", str(tmp_path / "model"))
    for private in ("conf", "data", "runs", "dvc.yaml"):
        (project / private).rename(project / f"gone-{private}")
    done = trainbook("predict", "model=model", f"input={project / 'gone-data/tiny/test-x.gz'}", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 61, "the folder alone is enough"


def test_the_catalogue_page(inside: Inside, project: Path) -> None:
    file = project / "conf/experiment/tiny_cnn.yaml"
    file.write_text(file.read_text().replace("  - override /data", "  - override /baselines: linear\n  - override /data"))
    inside("catalogue", "tiny_mlp", "tiny_cnn", "--output", "docs/catalogue.md")
    lines = (project / "docs/catalogue.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| tiny")]
    assert {len(row) for row in rows} == {9, 6}, "a table of all experiments, and one of their other metrics"
    parameters = f"{144 * 16 + 16 + 16 * 8 + 8 + 8 * 4 + 4:,}"
    assert rows[0][:5] == ["tiny_mlp", "A tiny one.", "tiny", "Mlp", parameters]
    assert rows[0][5].endswith(
        f"s, 2 epochs (best {read_yaml(project / 'runs/catalogue/tiny_mlp/model/run.yaml')['best_epoch']})"
    )
    assert rows[0][7] == "", "it names no baselines"
    report = project / "runs/catalogue/tiny_cnn/report"
    metrics, details = read_json(report / "metrics.json"), read_json(report / "details.json")
    low, high = details["intervals"]["test/accuracy"]
    assert rows[1][6] == f"accuracy {metrics['test/accuracy']:.4f} ({low:.4f} – {high:.4f})"
    said = []
    for name in ("most_frequent", "logistic_regression"):
        apart, low, high = details["baselines"][name]["difference"]["accuracy"]
        said.append(f"{name} {metrics[f'baseline/{name}/accuracy']:.4f}, network {apart:+.4f} ({low:+.4f} … {high:+.4f})")
    assert rows[1][7] == "<br>".join(said)
    low, high = details["intervals"]["test/loss"]
    assert rows[3][:2] == ["tiny_cnn", f"{metrics['test/loss']:.4f} ({low:.4f} – {high:.4f})"]
