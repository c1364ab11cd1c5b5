"""Preparation against numpy and scikit-learn, and what must not change when the test rows do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from conftest import draw_digits, write_idx
from trainbook.columns import Columns, joined
from trainbook.data.facts import read_facts
from trainbook.data.samples.rows import Rows
from trainbook.data.sources.idx import Idx, read_idx
from trainbook.data.splits.holdout import Holdout
from trainbook.data.statistics import Statistics
from trainbook.data.steps.clean import Clean
from trainbook.data.steps.normalise import Normalise
from trainbook.data.writer import Writer
from trainbook.faults import Fault

Inside = Callable[..., None]
NOISE = "+data.augment.noise={_target_:trainbook.data.augmentations.noise.Noise,std:0.1}"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def prepare(inside: Inside, project: Path, name: str, *words: str) -> Path:
    inside("prepare", "data=tiny", *words, "--output", name)
    return project / name


def test_twice_the_same_bytes(inside: Inside, project: Path) -> None:
    first = contents(prepare(inside, project, "first"))
    second = contents(prepare(inside, project, "second"))
    assert first == second
    assert set(first) >= {"facts.yaml", "steps.safetensors", "train/x.npy", "validation/label.npy", "test/x.npy"}


def test_whatever_the_test_rows_are_all_that_was_learnt_stays(inside: Inside, project: Path) -> None:
    before = contents(prepare(inside, project, "before"))
    chance = np.random.default_rng(0)
    write_idx(project / "data/tiny/test-x.gz", chance.integers(0, 256, (60, 12, 12)))
    write_idx(project / "data/tiny/test-y.gz", chance.permutation(np.arange(60) % 4))
    after = contents(prepare(inside, project, "after"))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"test/x.npy", "test/label.npy", "facts.yaml"}
    ours, theirs = (yaml.safe_load(side["facts.yaml"]) for side in (before, after))
    for facts in (ours, theirs):
        del facts["prepared"]["test"], facts["made_from"]["raw"], facts["counts"]["label"]["test"]
    assert ours == theirs


def test_facts_are_what_numpy_counts(inside: Inside, project: Path) -> None:
    folder = prepare(inside, project, "prepared")
    facts = read_facts(folder)
    assert facts["counts"]["rows"] == {"train": 160, "validation": 40, "test": 60}
    for split in ("train", "validation", "test"):
        labels = np.load(folder / split / "label.npy")
        assert list(facts["counts"]["label"][split].values()) == np.bincount(labels).tolist()
    x = np.load(folder / "train/x.npy", mmap_mode="r")
    assert isinstance(x, np.memmap)
    assert x.dtype == np.float32
    assert facts["offers"]["shape"] == [1, 12, 12]
    np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-5)
    about = facts["inputs"]["x"]
    np.testing.assert_allclose([about["mean"], about["std"]], [0, 1], atol=1e-5)
    assert [about["min"], about["max"]] == [x.min(), x.max()]
    learnt = load_file(folder / "steps.safetensors")
    blank = -learnt["normalise/x.offset"] / learnt["normalise/x.scale"]
    np.testing.assert_allclose(facts["offers"]["background"], blank, rtol=1e-6)


def test_compact_stores_bytes_and_gives_equal_batches(inside: Inside, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from trainbook import assembly, settings

    monkeypatch.chdir(project)
    batches = []
    for store in ("ready", "compact"):
        for per in ("all", "feature"):
            words = [f"data.store={store}", f"data.steps.normalise.per={per}"]
            folder = prepare(inside, project, f"{store}-{per}", *words)
            data = settings.compose(["data=tiny", *words])["data"]
            sample = assembly.sample(data, read_facts(folder), assembly.fitted(data, folder / "steps.safetensors"))
            batch = sample.fetch(Columns.load(folder / "train"), Columns({}), np.arange(50))
            assert batch.inputs["x"].dtype == (torch.uint8 if store == "compact" else torch.float32)
            batches.append(sample.finish(batch, None))
    for ready, compact in zip(batches[:2], batches[2:], strict=True):
        assert torch.equal(ready.inputs["x"], compact.inputs["x"])
        assert torch.equal(ready.targets["label"], compact.targets["label"])


@pytest.mark.parametrize("method", ["standardise", "min_max"])
@pytest.mark.parametrize("per", ["all", "channel", "feature"])
def test_normalise_is_scikit_learns(method: str, per: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5000, 2, 3, 4)).astype(np.uint8)
    x[:, 0, 0, 0] = 7  # never changes
    step = Normalise(["x"], method, per)  # type: ignore[arg-type]
    step.fit(Columns({"x": x}))
    ours = step.transform(Columns({"x": x[:100]}))["x"]
    scaler = StandardScaler() if method == "standardise" else MinMaxScaler()
    shaped = {
        "all": lambda part: part.reshape(-1, 1),
        "channel": lambda part: part.transpose(0, 2, 3, 1).reshape(-1, 2),
        "feature": lambda part: part.reshape(len(part), -1),
    }[per]
    theirs = scaler.fit(shaped(x).astype(float)).transform(shaped(x[:100]).astype(float))
    np.testing.assert_allclose(shaped(ours), theirs, atol=2e-6)


def test_a_learnt_step_comes_back_as_it_was() -> None:
    columns = Columns({"x": np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)})
    one, two = Normalise(["x"], per="feature"), Normalise(["x"], per="feature")
    one.fit(columns)
    two.restore(one.state())
    assert np.array_equal(one.transform(columns)["x"], two.transform(columns)["x"])
    assert two.transform(Columns({"label": np.arange(3)})).keys() == {"label"}, "an absent column is tolerated"


def test_duplicates_and_blank_rows_leave_the_training_part_alone_only(inside: Inside, project: Path) -> None:
    pictures, _ = draw_digits(200, seed=200)
    pictures[10], pictures[20] = pictures[0], 0
    write_idx(project / "data/tiny/train-x.gz", pictures)
    tests, _ = draw_digits(60, seed=60)
    tests[1], tests[2] = tests[0], 0
    write_idx(project / "data/tiny/test-x.gz", tests)
    rows = read_facts(prepare(inside, project, "prepared"))["counts"]["rows"]
    assert rows == {"train": 158, "validation": 40, "test": 60}
    keep = Clean(["x"]).keep(Columns({"x": pictures}))
    assert np.flatnonzero(~np.asarray(keep)).tolist() == [10, 20]


def test_holdout_is_stratified_whole_and_stable() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    columns = Columns({"row": np.arange(1000), "label": labels})
    parts = Holdout(validation=100, test=0.2, stratify="label", seed=1)({"train": columns})
    assert sorted(np.concatenate([part["row"] for part in parts.values()])) == list(range(1000)), "each row once"
    assert np.bincount(parts["test"]["label"]).tolist() == [120, 60, 20]
    assert np.bincount(parts["validation"]["label"]).tolist() == [60, 30, 10]
    again = Holdout(validation=100, test=0.2, stratify="label", seed=1)({"train": columns})
    other = Holdout(validation=100, test=0.2, stratify="label", seed=2)({"train": columns})
    assert np.array_equal(parts["validation"]["row"], again["validation"]["row"])
    assert not np.array_equal(parts["validation"]["row"], other["validation"]["row"])
    official = Columns({"row": np.arange(5), "label": np.zeros(5, int)})
    assert Holdout(100, stratify="label")({"train": columns, "test": official})["test"] is official


@pytest.mark.parametrize("stratify", [None, "label"])
@pytest.mark.parametrize("size", [0.2, 0.13, 9, 20])
def test_holdout_takes_the_rows_that_scikit_learn_takes(size: float, stratify: str | None) -> None:
    for seed in range(20):
        chance = np.random.default_rng(seed)
        rows = int(chance.integers(60, 400))
        columns = Columns({"row": np.arange(rows), "label": chance.choice([3, 1, 8], size=rows, p=[0.6, 0.3, 0.1])})
        cut = Holdout(size, stratify=stratify, seed=seed)({"train": columns, "test": columns})
        by = columns["label"] if stratify else None
        rest, held = train_test_split(columns["row"], test_size=size, random_state=seed, stratify=by)
        assert cut["train"]["row"].tolist() == sorted(rest)
        assert cut["validation"]["row"].tolist() == sorted(held)


def test_what_does_not_fit_into_memory_is_prepared_alike(inside: Inside, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every array in a file and three rows at once, or all in memory at once: the same bytes."""
    whole = contents(prepare(inside, project, "whole"))
    monkeypatch.setattr("trainbook.columns.LARGE", 1)
    monkeypatch.setattr("trainbook.columns.SLICE", 3 * 12 * 12)
    parts = contents(prepare(inside, project, "parts"))
    assert {name for name in whole if whole[name] != parts[name]} <= {"facts.yaml"}
    one, other = (yaml.safe_load(side["facts.yaml"])["inputs"]["x"] for side in (whole, parts))
    assert one == {name: pytest.approx(value) if isinstance(value, float) else value for name, value in other.items()}
    assert isinstance(joined([np.zeros((5, 3))], np.zeros((1, 3)), 5).base, np.memmap)


def test_a_table_written_in_parts_is_the_table_saved(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    ends = np.cumsum([0, 0, 0, 0, *chance.integers(0, 5, 37)])  # the first part has rows, and no values
    table = Columns({"x": chance.normal(size=(ends[-1], 2)).astype(np.float32), "y": np.arange(40, dtype=np.uint8)}, {"x": ends})
    table.save(tmp_path / "whole")
    with Writer(tmp_path / "parts") as writer:
        for start in (0, 3, 17, 18):
            writer.add(table.part(start, {0: 3, 3: 17, 17: 18, 18: 40}[start]))
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    with Writer(tmp_path / "torn") as writer:
        writer.add(table)
        with pytest.raises(Fault, match="Column y: every row as"):
            writer.add(table.replace(y=np.arange(40.0)))


def test_a_batch_can_be_finished_twice() -> None:
    step = Normalise(["x"])
    columns = Columns({"x": np.arange(12, dtype=np.float32).reshape(4, 3)})
    step.fit(columns)
    sample = Rows(["x"], [], deferred=[step])
    batch = sample.fetch(columns, Columns({}), np.arange(4))
    once, again = (sample.finish(batch, None).inputs["x"].numpy() for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_allclose(once, StandardScaler().fit_transform(columns["x"].reshape(-1, 1)).reshape(4, 3), atol=1e-6)


def test_statistics_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(1000, 0.1, (1000, 3)).astype(np.float32)
    gathered = Statistics()
    for start, stop in ((0, 1), (1, 400), (400, 400), (400, 1000)):
        gathered.add(values[start:stop])
    exact = values.astype(np.float64)
    assert gathered.facts() == pytest.approx(
        {"mean": exact.mean(), "std": exact.std(), "min": exact.min(), "max": exact.max()}, rel=1e-9
    )
    assert Statistics().facts() == {}


def test_idx_reads_every_type_as_written_by_hand(tmp_path: Path) -> None:
    for code, kind in ((0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")):
        array = np.arange(12).reshape(2, 3, 2).astype(kind)
        head = bytes([0, 0, code, 3]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        (tmp_path / "a").write_bytes(head + array.tobytes())
        read = read_idx(tmp_path / "a")
        assert read.dtype == np.dtype(kind).newbyteorder("=")
        assert np.array_equal(read, array)


def test_labels_may_have_any_values_that_are_named(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_idx(tmp_path / f"{part}-x", np.zeros((4, 5)))
        write_idx(tmp_path / f"{part}-y", np.array([1, 9, 9, 5]))
    names = {"train": "train-x", "test": "test-x"}, {"train": "train-y", "test": "test-y"}
    source = Idx(str(tmp_path), *names, classes={9: "nine", 1: "one", 5: "five"})
    assert source.load()["train"]["label"].tolist() == [0, 2, 2, 1]
    assert source.facts()["label"]["classes"] == ["one", "five", "nine"]
    assert source.load()["train"]["x"].shape == (4, 5), "vectors stay vectors"


def test_another_idx_set_costs_one_yaml(inside: Inside, project: Path) -> None:
    """A set without an official test, uncompressed, of another size and with other classes."""
    pictures, labels = draw_digits(120, seed=5)
    write_idx(project / "data/other/x", pictures[:, :10, :8])
    write_idx(project / "data/other/y", labels + 3)
    data = yaml.safe_load((project / "conf/data/tiny.yaml").read_text())
    data["source"] |= {"folder": "data/other", "inputs": {"train": "x"}, "labels": {"train": "y"}}
    data["source"]["classes"] = {3: "ant", 4: "bee", 5: "cat", 6: "dog"}
    data["split"] |= {"validation": 0.25, "test": 20}
    (project / "conf/data/other.yaml").write_text(yaml.safe_dump(data))
    inside("train", "data=other", "network.widths=[4]", "trainer=smoke", "tracking=none", "--output", "model")
    facts = read_facts(project / "model")
    assert facts["counts"]["rows"] == {"train": 75, "validation": 25, "test": 20}
    assert facts["offers"]["classes"] == ["ant", "bee", "cat", "dog"]


def test_prepared_again_only_when_something_that_counts_has_changed(inside: Inside, project: Path) -> None:
    train = ("train", "experiment=tiny_mlp", "trainer=one_batch", "tracking=none")
    inside(*train)
    inside(*train, "data.batch_size=7", NOISE)
    assert len(list((project / "runs/prepared").iterdir())) == 1
    inside(*train, "data.steps.normalise.method=min_max")
    assert len(list((project / "runs/prepared").iterdir())) == 2
    raw = project / "data/tiny/train-y.gz"
    labels = read_idx(raw).copy()
    labels[:8] = labels[:8][::-1]
    write_idx(raw, labels)
    inside(*train)
    assert len(list((project / "runs/prepared").iterdir())) == 3


def test_rows_of_ragged_columns_are_taken_whole() -> None:
    columns = Columns({"x": np.arange(9), "y": np.arange(3)}, {"x": np.array([0, 2, 2, 9])})
    taken = columns.take(np.array([2, 0, 1, 2]))
    assert taken["x"].tolist() == [*range(2, 9), 0, 1, *range(2, 9)]
    assert taken.offsets["x"].tolist() == [0, 7, 9, 9, 16]
    assert taken.rows == 4
