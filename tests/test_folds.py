"""Cross-validation: folds part the rows, each is a training of its own, and all of it can be killed at any moment."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.model_selection import StratifiedKFold

from conftest import make_project
from mortal import dies, lives
from trainbook.columns import Columns
from trainbook.data.facts import read_facts
from trainbook.data.splits.holdout import Holdout
from trainbook.faults import Fault
from trainbook.files import file_digest

Inside = Callable[..., None]
WORDS = ("train", "experiment=tiny_mlp", "folds=3", "trainer.max_epochs=1", "tracking.run_name=all", "data.split.validation=20")
STEPS = 6
"""Of a fold: 113 of 200 digits in batches of 20."""


def labels(*counts: int) -> Columns:
    """Classes of these sizes, mixed, beside the number of each row."""
    values = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
    values = np.random.default_rng(0).permutation(values)
    return Columns({"row": np.arange(len(values)), "label": values})


@pytest.mark.parametrize("stratify", [None, "label"])
def test_each_row_is_in_one_fold(stratify: str | None) -> None:
    columns, tested = labels(300, 200, 151, 41, 8), []
    for fold in range(5):
        parts = Holdout(0.1, stratify=stratify, seed=3, folds=5, fold=fold)({"train": columns})
        rows = [parts[name]["row"] for name in ("train", "validation", "test")]
        np.testing.assert_array_equal(np.sort(np.concatenate(rows)), columns["row"])
        assert all((np.diff(each) > 0).all() for each in rows), "rows keep their order"
        tested.append(parts["test"])
    np.testing.assert_array_equal(np.sort(np.concatenate([each["row"] for each in tested])), columns["row"])
    assert [each.rows for each in tested] == [140] * 5
    if stratify:
        counts = np.array([np.bincount(each["label"], minlength=5) for each in tested])
        assert (np.ptp(counts, axis=0) <= 1).all()
        cut = StratifiedKFold(5, shuffle=True, random_state=3).split(columns["row"], columns["label"])
        for each, (_, rows) in zip(tested, cut, strict=True):
            np.testing.assert_array_equal(each["row"], rows)


def test_several_labels_have_their_share_in_each_fold() -> None:
    labels = (np.random.default_rng(0).random((500, 4)) < [0.5, 0.3, 0.1, 0.04]).astype(np.uint8)
    columns = Columns({"row": np.arange(500), "labels": labels})
    tested = [Holdout(stratify="labels", folds=5, fold=fold)({"train": columns})["test"] for fold in range(5)]
    np.testing.assert_array_equal(np.sort(np.concatenate([each["row"] for each in tested])), columns["row"])
    counts = np.array([[each.rows, *each["labels"].sum(axis=0)] for each in tested])
    assert (np.ptp(counts, axis=0) <= 1).all(), "by chance alone up to 10"


def test_folds_hang_on_the_split_s_seed_and_leave_the_official_test_out() -> None:
    columns, official = labels(60, 40), Columns({"row": np.arange(1000, 1050), "label": np.zeros(50, np.uint8)})
    one, again, other = (Holdout(0.1, seed=seed, folds=4, fold=1)({"train": columns, "test": official}) for seed in (0, 0, 1))
    assert max(part["row"].max() for part in one.values()) < 100
    for name, part in one.items():
        np.testing.assert_array_equal(part["row"], again[name]["row"])
    assert set(one["test"]["row"]) != set(other["test"]["row"])


def test_what_cannot_be_cut() -> None:
    with pytest.raises(Fault, match=r"split\.folds=5: a row of each label for every fold was expected; there are 4"):
        Holdout(stratify="label", folds=5)({"train": labels(50, 4)})
    with pytest.raises(Fault, match=r"split\.folds=9: a row for every fold was expected; there are 7"):
        Holdout(folds=9)({"train": labels(4, 3)})
    for folds, fold in ((1, 0), (3, 3), (3, -1)):
        with pytest.raises(ValueError, match="counted from 0"):
            Holdout(folds=folds, fold=fold)


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a cross-validation."""
    folder = make_project(tmp_path_factory.mktemp("folds") / "project")
    done = lives(folder, *WORDS)
    (folder / "said").write_text(done.stdout)
    return folder


def runs(folder: Path) -> dict[str, Run]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = [run for each in client.search_experiments() for run in client.search_runs([each.experiment_id])]
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs/all/folds.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_run_above_and_one_for_each_fold(validated: Path) -> None:
    found = runs(validated)
    assert sorted(found) == ["all", "all-fold-0", "all-fold-1", "all-fold-2"]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent = found.pop("all")
    assert (parent.data.tags["trainbook.folds"], parent.data.tags["trainbook.experiment"]) == ("3", "tiny_mlp")
    assert parent.data.params["folds"] == "3"
    for number in range(3):
        child = found[f"all-fold-{number}"]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["trainbook.fold"] == str(number)
        assert (child.data.params["data.split.folds"], child.data.params["data.split.fold"]) == ("3", str(number))
    client = MlflowClient(f"sqlite:///{validated}/mlflow.db")
    files = [each.path for folder in (None, "figures") for each in client.list_artifacts(parent.info.run_id, folder)]
    assert files == ["figures", "folds.csv", "figures/folds.png"]


def test_mean_and_deviation_are_those_of_the_children(validated: Path) -> None:
    found, said = runs(validated), (validated / "said").read_text()
    parent, children = found.pop("all").data.metrics, [found[f"all-fold-{number}"].data.metrics for number in range(3)]
    names = [name.removeprefix("test/") for name in children[0] if name.startswith("test/")]
    assert {"loss", "accuracy", "f1"} <= set(names)
    assert set(parent) == {f"{kind}/{name}" for kind in ("mean", "deviation") for name in names}
    for name in names:
        values = [child[f"test/{name}"] for child in children]
        assert parent[f"mean/{name}"] == pytest.approx(np.mean(values), abs=1e-12)
        assert parent[f"deviation/{name}"] == pytest.approx(np.sqrt(np.var(values) * 3 / 2), abs=1e-12)
        assert [float(row[name]) for row in table(validated)] == values
        line = f"{name} {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} ({' '.join(f'{each:.4f}' for each in values)})"
        assert line in said.splitlines()


def test_each_fold_is_prepared_from_its_own_training_rows(validated: Path) -> None:
    """The mean and deviation that the digits are scaled by, worked out from the raw rows again."""
    from trainbook.data.sources.idx import Idx

    tiny = yaml.safe_load((validated / "conf/data/tiny.yaml").read_text())
    source = {key: value for key, value in tiny["source"].items() if key != "_target_"}
    raw = Idx(**{**source, "folder": str(validated / "data/tiny")}).load()["train"]
    cut = StratifiedKFold(3, shuffle=True, random_state=tiny["split"]["seed"]).split(raw["label"], raw["label"])
    seen = set()
    for number, (rest, held) in enumerate(cut):
        made = read_facts(validated / f"runs/all-fold-{number}/model")
        (folder,) = (each for each in validated.glob("runs/prepared/*") if read_facts(each)["prepared"] == made["prepared"])
        test, train = (Columns.load(folder / name) for name in ("test", "train"))
        np.testing.assert_array_equal(test["label"], raw["label"][held])
        kept = rest[np.isin(rest, held, invert=True)]
        left = Holdout(20, stratify="label")({"train": raw.take(kept), "test": raw.take(held)})["train"]
        scaled = (left["x"] - left["x"].mean()) / left["x"].std()
        np.testing.assert_allclose(train["x"].reshape(left["x"].shape), scaled, atol=1e-4)
        seen.add(made["prepared"]["steps"])
    assert len(seen) == 3, "each has statistics of its own"


def test_killed_twice_and_gone_on_with(validated: Path, project: Path) -> None:
    """In the middle of the second fold, then of the third."""
    before: dict[str, str] = {}
    trained: dict[Path, int] = {}
    for done, after in ((1, STEPS + 3), (2, STEPS + 2)):
        dies(project, after, *WORDS)
        assert {name: each.info.run_id for name, each in runs(project).items() if name in before} == before
        before = {name: each.info.run_id for name, each in runs(project).items()}
        assert {file: time for file, time in written(project).items() if file in trained} == trained, "trained again"
        trained = written(project)
        assert len(trained) == done
    said = lives(project, *WORDS).stderr
    assert "goes on with the interrupted cross-validation in runs/all, where 2 of 3 folds are done." in said
    found = runs(project)
    assert {name: each.info.run_id for name, each in found.items()} == before
    assert trained.items() < written(project).items()
    for name, control in runs(validated).items():
        assert (found[name].info.status, found[name].data.metrics) == ("FINISHED", control.data.metrics)
    for file in written(validated):
        assert file_digest(validated / file) == file_digest(project / file)


def written(folder: Path) -> dict[Path, int]:
    """When each model's weights were."""
    files = folder.glob("runs/*/model/weights.safetensors")
    return {file.relative_to(folder): file.stat().st_mtime_ns for file in files}


def test_without_tracking_and_killed_between_training_and_evaluation(
    project: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trainbook.stages import evaluate

    words = (*WORDS, "folds=2", "tracking=none", "evaluation.resamples=0", "baselines=most_frequent")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            inside(*words)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "trainbook: the same command goes on with runs/all, where 0 of 2 folds are done; --fresh starts over."
    before = written(project)
    assert list(before) == [Path("runs/all-fold-0/model/weights.safetensors")]
    inside(*words)
    assert before.items() < written(project).items()
    first, second = (float(row["accuracy"]) for row in table(project))
    assert f"accuracy {(first + second) / 2:.4f} ± {abs(first - second) / 2**0.5:.4f} " in capsys.readouterr().out
    assert [float(row["baseline/most_frequent/accuracy"]) for row in table(project)] == [0.25, 0.25]
    assert sorted(path.name for path in project.glob("runs/all*")) == ["all", "all-fold-0", "all-fold-1"]


def test_the_other_words_cope(validated: Path) -> None:
    (parent,) = (line for line in lives(validated, "runs").stdout.splitlines() if " all  " in line)
    metrics = runs(validated)["all"].data.metrics
    assert f" {metrics['mean/accuracy']:.4f} ± {metrics['deviation/accuracy']:.4f} " in parent
    garbage = lives(validated, "gc", "--dry-run").stdout.splitlines()
    assert sorted(line.split()[0] for line in garbage[:-1]) == [f"runs/all-fold-{number}/checkpoints" for number in range(3)]
    above = f"fold 1 of the cross-validation whose run is {runs(validated)['all'].info.run_id}"
    assert above in lives(validated, "lineage", "all-fold-1").stdout
    assert "all is a cross-validation; one of its folds was expected" in lives(validated, "reproduce", "all", code=1).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("folds=1",), "folds: a whole number of at least 2 was expected; got 1."),
        (("folds=half",), "folds: a whole number of at least 2 was expected; got 'half'."),
        (("folds=51",), "split.folds=51: a row of each label for every fold was expected; there are 50. Take fewer folds."),
        (("folds=3", "trainer=ddp"), "trainer.devices=1 was expected"),
        (("folds=3", "--output", "model"), "--output model takes one model, and folds=3 makes 3; they go below runs/."),
    ],
)
def test_refused_before_a_run_begins(inside: Inside, project: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Fault, match=re.escape(said)):
        inside("train", "experiment=tiny_mlp", *words)
    assert not list(project.glob("runs/tiny*"))


def test_a_stage_and_a_trial_are_one_training(inside: Inside, project: Path) -> None:
    with pytest.raises(Fault, match="A trial is one training: folds=null was expected; got 3"):
        inside("tune", "experiment=tiny_mlp", "folds=3", "optimizer.lr=choice(0.1,0.2)")
    with (project / "conf/experiment/tiny_mlp.yaml").open("a") as file:
        file.write("folds: 3\n")
    with pytest.raises(Fault, match=r"tiny_mlp\.yaml sets folds, but a stage makes one model"):
        inside("compose")
