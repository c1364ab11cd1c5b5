"""Texts that nobody here has seen, of three classes and in another language, go through every verb by two YAMLs and no Python."""

import csv
import io
import shutil
import signal
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas
import pytest
import yaml
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from kinds.project import Project
from mortal import dies, lives
from trainbook.columns import Columns
from trainbook.files import read_yaml

DATA = {
    "source": {
        "_target_": "trainbook.data.sources.text.Text",
        "paths": {"train": "data/meldungen.csv", "test": "data/prüfung.csv"},
        "text": "meldung",
        "target": "ressort",
        "classes": ["sport", "küche", "politik"],
        "labels": [],
        "left_out": ["nummer"],
        "apart": True,
    },
    "split": {
        "_target_": "trainbook.data.splits.holdout.Holdout",
        "validation": 0.2,
        "test": 0.2,
        "stratify": "label",
        "seed": 0,
    },
    "steps": {
        "clean": {"_target_": "trainbook.data.steps.clean.Clean", "columns": ["x"], "duplicates": True, "blank": True},
        "tokenize": {"_target_": "trainbook.data.steps.tokenize.Tokenize", "columns": ["x"], "size": 200, "longest": 12},
    },
    "store": "ready",
    "inputs": ["x"],
    "targets": ["label"],
    "sample": {"_target_": "trainbook.data.samples.rows.Rows"},
    "augment": {},
    "balance": None,
    "bucket": 4,
    "batch_size": 16,
    "evaluation_batch_size": 50,
    "steps_per_execution": 4,
    "workers": 0,
}
EXPERIMENT = """# @package _global_
# What a short report is about.
defaults:
  - override /data: meldungen
  - override /network: lstm
  - override /task: classification
  - override /baselines: text
network:
  embedding: 16
  width: 16
  pooling: attention
optimizer:
  lr: 0.01
trainer:
  max_epochs: 3
"""
CLASSES = ["sport", "küche", "politik"]
NAMED = {"sport": ["Tor", "Läufer", "Spiel"], "küche": ["Öl", "Mehl", "Brühe"], "politik": ["Wahl", "Gesetz", "Bündnis"]}
COMMON = ["der", "die", "gestern", "über", "groß", "wieder", "neu", "kaum"]
WORDS = ("experiment=meldungen",)


def reports(rows: int, seed: int) -> pandas.DataFrame:
    """Reports of six to sixteen words, two of which tell what they are about; a few hold tags, quotes and commas."""
    draw, made = np.random.default_rng(seed), []
    for number in range(rows):
        about = CLASSES[number % 3]
        words = [*draw.choice(COMMON, int(draw.integers(4, 15))), *draw.choice(NAMED[about], 2)]
        text = " ".join(draw.permutation(words)) + draw.choice([".", ", „so“.", "!<br />"])
        made.append({"nummer": f"{seed}-{number}", "meldung": text, "ressort": about})
    return pandas.DataFrame(made)


def write(folder: Path) -> None:
    """240 training rows, of which two stand there twice and three in the test part, and 60 test rows."""
    train, test = reports(240, 1), reports(60, 2)
    train.loc[[10, 13], "meldung"] = train.loc[[40, 43], "meldung"].to_numpy()
    train.loc[[20, 21, 22], "meldung"] = test.loc[[5, 6, 7], "meldung"].to_numpy()
    folder.mkdir()
    train.to_csv(folder / "meldungen.csv", index=False)
    test.to_csv(folder / "prüfung.csv", index=False)


def make(folder: Path) -> Project:
    made = Project(folder)
    write(made.folder / "data")
    (made.folder / "params.yaml").write_text("data: {}\nexperiments: {}\n")
    (made.folder / "conf/data/meldungen.yaml").write_text(yaml.safe_dump(DATA, allow_unicode=True), encoding="utf-8")
    (made.folder / "conf/experiment/meldungen.yaml").write_text(EXPERIMENT)
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = make(tmp_path_factory.mktemp("unseen") / "project")
    made.run("train", *WORDS, "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=20")
    return made


def answers(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def chances(rows: Any) -> np.ndarray:
    return np.array([[float(row[name]) for name in CLASSES] for row in rows])


def test_it_learns_and_rows_that_stand_twice_are_left_out(project: Project) -> None:
    assert project.metrics("first")["test/accuracy"] > 0.9
    (prepared,) = (project.folder / "runs/prepared").iterdir()
    facts = read_yaml(prepared / "facts.yaml")
    assert facts["counts"]["rows"] == {"train": 188, "validation": 47, "test": 60}, "240 - 2 - 3 = 235"
    assert facts["raw"]["x"] == {"shape": [], "dtype": "text", "left_out_as_in_test": 3}
    train = Columns.load(prepared / "train")
    assert np.diff(train.offsets["x"]).max() == 12
    vocabulary = Tokenizer.from_file(str(project.folder / "runs/first/model/steps.tokenize.json")).get_vocab()
    assert facts["inputs"]["x"]["vocabulary"] == len(vocabulary)
    assert {word.lower() for words in (*NAMED.values(), COMMON) for word in words} <= set(vocabulary)


def test_check_reads_the_texts(project: Project) -> None:
    said = project.run("check", "data=meldungen")
    assert "188 train, 47 validation, 60 test" in said
    assert "x of free text" in said
    assert (project.folder / "runs/check/meldungen/profile.html").is_file()


def test_the_text_baseline_is_measured_beside_it(project: Project) -> None:
    details = (project.folder / "runs/first/report/details.json").read_text()
    assert "bag_of_words" in details
    assert "most_frequent" in details


def test_predict_takes_tables_text_files_and_folders_of_them(project: Project, tmp_path: Path) -> None:
    new = pandas.read_csv(project.folder / "data/prüfung.csv").drop(columns=["nummer", "ressort"]).head(12)
    new.loc[0, "meldung"] = "☂ wörter, die niemand kennt"
    new.loc[1, "meldung"] = ""
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet")
    (tmp_path / "new").mkdir()
    for row, text in enumerate(new["meldung"]):
        (tmp_path / f"new/{row:02}.txt").write_text(text, encoding="utf-8")
    said = {
        name: answers(project.run("predict", "model=runs/first/model", f"input={tmp_path / name}"))
        for name in ("new", "new.csv", "new.parquet")
    }
    assert [row["input"] for row in said["new"]] == [f"{row:02}.txt" for row in range(12)]
    assert [row["input"] for row in said["new.parquet"]] == [f"new.parquet[{row}]" for row in range(12)]
    for other in said.values():
        np.testing.assert_allclose(chances(other), chances(said["new"]), atol=1e-6)
    assert np.mean([row["class"] == CLASSES[at % 3] for at, row in enumerate(said["new"]) if at > 1]) > 0.7
    (alone,) = answers(project.run("predict", "model=runs/first/model", f"input={tmp_path / 'new/05.txt'}"))
    np.testing.assert_allclose(chances([alone]), chances(said["new"][5:6]), atol=2e-6)


def test_the_served_model_takes_records_and_plain_texts(project: Project) -> None:
    (made,) = project.folder.glob("mlartifacts/models/*/artifacts/MLmodel")
    said = answers(project.run("predict", "model=runs/first/model", "input=data/prüfung.csv"))[:8]
    rows = pandas.read_csv(project.folder / "data/prüfung.csv").head(8)
    with project.entered():
        served = mlflow.pyfunc.load_model(str(made.parent))
        found = [
            served.predict(given) for given in (rows[["meldung"]], {"x": rows["meldung"].to_numpy()}, rows["meldung"].tolist())
        ]
        assert (found[0]["class"] == rows["ressort"]).mean() > 0.7
        np.testing.assert_allclose(found[0][CLASSES], chances(said), atol=2e-6)
        for other in found[1:]:
            pandas.testing.assert_frame_equal(found[0], other)
        for wrong, said in (
            (rows[["meldung", "nummer"]], "by the name x, or meldung"),
            (pandas.DataFrame({"meldung": [1]}), "text was"),
        ):
            with pytest.raises(mlflow.exceptions.MlflowException, match=said):
                served.predict(wrong)


def test_another_training_is_the_same_and_so_is_one_that_was_killed(project: Project, tmp_path: Path) -> None:
    weights = (project.folder / "runs/first/model/weights.safetensors").read_bytes()
    assert (project.train("again", *WORDS) / "weights.safetensors").read_bytes() == weights
    killed = make(tmp_path / "killed").folder
    words = ("train", *WORDS, "tracking=none", "tracking.run_name=killed", "checkpoints.minutes=0")
    dies(killed, 17, *words, by=signal.SIGKILL)
    lives(killed, *words)
    assert (killed / "runs/killed/model/weights.safetensors").read_bytes() == weights


def test_workers_say_nothing_of_forks_and_change_nothing(project: Project, tmp_path: Path) -> None:
    words = (
        "train",
        *WORDS,
        "data=meldungen",
        "data.workers=1",
        "tracking=none",
        "tracking.run_name=workers",
        "trainer.max_epochs=3",
    )
    done = lives(make(tmp_path / "workers").folder, *words)
    assert "fork" not in done.stderr
    made, first = (
        each / "model/weights.safetensors" for each in (tmp_path / "workers/runs/workers", project.folder / "runs/first")
    )
    assert made.read_bytes() == first.read_bytes()


def test_a_search_over_the_vocabulary_prepares_the_data_for_each(project: Project) -> None:
    words = (*WORDS, "tracking=none", "search.n_trials=2", "search.sampler=random", "search.pruner=none", "trainer.max_epochs=1")
    before = set((project.folder / "runs/prepared").iterdir())
    lives(project.folder, "tune", *words, "data.steps.tokenize.size=choice(10,20)")
    made = set((project.folder / "runs/prepared").iterdir()) - before
    sizes = {read_yaml(each / "facts.yaml")["inputs"]["x"]["vocabulary"] for each in made}
    assert sizes
    assert sizes <= {10, 20}


def test_a_model_opens_alone_elsewhere(project: Project, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere"
    shutil.copytree(project.folder / "runs/first/model", alone)
    letter, elsewhere = tmp_path / "letter.txt", Project(tmp_path / "project")
    text = pandas.read_csv(project.folder / "data/prüfung.csv")["meldung"][9]
    letter.write_text(text, encoding="utf-8")
    (row,) = answers(elsewhere.run("predict", f"model={alone}", f"input={letter}"))
    said = answers(project.run("predict", "model=runs/first/model", "input=data/prüfung.csv"))
    np.testing.assert_allclose(chances([row]), chances(said[9:10]), atol=2e-6)
    assert load_file(alone / "steps.safetensors") == {}
    with (alone / "steps.tokenize.json").open("a") as file:
        file.write(" ")
    with pytest.raises(AssertionError, match=r"steps\.tokenize\.json is damaged"):
        elsewhere.run("predict", f"model={alone}", f"input={letter}")


def test_a_drifted_file_stops_before_training(project: Project) -> None:
    train = pandas.read_csv(project.folder / "data/meldungen.csv")
    train.loc[[3, 5, 8, 13], "meldung"] = " "
    train.loc[7, "ressort"] = "wetter"
    train.to_csv(project.folder / "data/drifted.csv", index=False)
    with pytest.raises(AssertionError) as caught:
        project.run("train", *WORDS, "tracking=none", "data.source.paths.train=data/drifted.csv")
    assert "meldung: a value in every row was expected; 4 cells are otherwise (row 4: " in str(caught.value)
    assert "ressort: one of 'sport', 'küche', 'politik' was expected; 1 cell is otherwise (row 8: 'wetter')" in str(caught.value)
