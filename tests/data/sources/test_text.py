"""Texts are read as they stand, checked, and kept apart from the test part; predicted are files, folders and tables."""

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from trainbook.data.sources.text import Text
from trainbook.faults import Fault

ROWS = [
    ("1", "Schön warm, leider\nzu „groß“", "gut"),
    ("2", "never, again", "schlecht"),
    ("3", "  it does what it should ", "gut"),
    ("4", 'he said "no"', "schlecht"),
]
HOW: dict[str, Any] = {"text": "worte", "target": "urteil", "classes": ["schlecht", "gut"], "left_out": ["nummer"]}


def frame(rows: list[tuple[str, str, str]]) -> pandas.DataFrame:
    return pandas.DataFrame(rows, columns=["nummer", "worte", "urteil"])


def write(path: Path, rows: list[tuple[str, str, str]]) -> str:
    frame(rows).to_csv(path, index=False)
    return str(path)


def texts(folder: Path, rows: list[tuple[str, str, str]] = ROWS, **changes: Any) -> Text:
    return Text(**{"paths": {"train": write(folder / "train.csv", rows)}, **HOW, **changes})


def complaint(folder: Path, rows: list[tuple[str, str, str]], **changes: Any) -> str:
    with pytest.raises(Fault) as caught:
        texts(folder, rows, **changes).load()
    return str(caught.value)


def test_texts_and_classes_are_read(tmp_path: Path) -> None:
    source = texts(tmp_path)
    (train,) = source.load().values()
    assert train["x"].tolist() == [text.strip() for _, text, _ in ROWS]
    assert train["x"].dtype == object
    assert train["label"].tolist() == [1, 0, 1, 0]
    assert source.facts() == {"label": {"classes": ["schlecht", "gut"]}}


@pytest.mark.parametrize("kind", ["csv.gz", "tsv", "parquet"])
def test_other_formats_give_the_same(tmp_path: Path, kind: str) -> None:
    plain = texts(tmp_path).load()["train"]
    path = tmp_path / f"other.{kind}"
    if kind == "parquet":
        frame(ROWS).to_parquet(path)
    else:
        frame(ROWS).to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    other = Text(paths={"train": str(path)}, **HOW).load()["train"]
    assert other["x"].tolist() == plain["x"].tolist()
    assert other["label"].tolist() == plain["label"].tolist()


def test_training_rows_that_stand_in_the_test_part_are_left_out_and_counted(tmp_path: Path) -> None:
    paths = {name: write(tmp_path / f"{name}.csv", rows) for name, rows in (("train", ROWS), ("test", [ROWS[2], ROWS[0]]))}
    source = Text(paths, **HOW)
    parts = source.load()
    assert parts["train"]["x"].tolist() == [ROWS[1][1], ROWS[3][1]]
    assert parts["train"]["label"].tolist() == [0, 0]
    assert parts["test"].rows == 2
    assert source.facts()["x"] == {"left_out_as_in_test": 2}
    assert Text(paths, **HOW, apart=False).load()["train"].rows == 4


def test_several_labels_may_hold_at_once(tmp_path: Path) -> None:
    table = frame(ROWS).assign(is_long=[1, 0, 1, 0], is_kind=[1, 0, 0, 0]).drop(columns="urteil")
    table.to_csv(tmp_path / "labels.csv", index=False)
    source = Text({"train": str(tmp_path / "labels.csv")}, "worte", labels=["is_*"], left_out=["nummer"])
    assert source.load()["train"]["labels"].tolist() == [[1, 1], [0, 0], [1, 0], [0, 0]]
    assert source.facts() == {"labels": {"labels": ["is_long", "is_kind"]}}
    table.assign(is_kind=[1, 0, 2, 0]).to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(Fault, match=r"is_kind: one of 0, 1 was expected; 1 cell is otherwise \(row 3: 2.0\)"):
        source.load()


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        (
            [("1", text, "gut") for text in ("", "ok", " \n ", "", "\t")],
            {},
            r"worte: a value in every row was expected; 4 cells are otherwise \(row 1: \S+, row 3: \S+, row 4: \S+ …\)",
        ),
        ([*ROWS, ("5", "so so", "mittel")], {}, r"urteil: one of 'schlecht', 'gut' was expected; 1 cell .*\(row 5: 'mittel'\)"),
        ([*ROWS, ("5", "so so", "")], {}, r"urteil: a value in every row was expected; 1 cell .*\(row 5"),
        (ROWS, {"left_out": []}, r"missing: none; extra: 'nummer'"),
        (ROWS, {"text": "words"}, r"missing: 'words'; extra: 'worte'"),
    ],
)
def test_a_file_that_is_otherwise_is_refused_with_count_and_rows(tmp_path: Path, rows: Any, changes: Any, said: str) -> None:
    assert re.search(said, complaint(tmp_path, rows, **changes))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.csv", None, "does not exist"),
        ("latin.csv", "nummer,worte,urteil\n1,Schön,gut\n".encode("latin-1"), "utf-8"),
        ("torn.csv.gz", gzip.compress(b"nummer,worte,urteil\n1,schon,gut\n", mtime=0)[:-9], "cannot be read as a table"),
    ],
)
def test_a_damaged_file_is_a_fault(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Fault, match=said):
        Text({"train": str(tmp_path / name)}, **HOW).load()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": None}, "a target with at least two classes, or labels, was expected"),
        ({"labels": ["x"]}, "a target with at least two classes, or labels"),
        ({"classes": ["gut"]}, "at least two classes"),
        ({"paths": {"test": "x.csv"}}, "train, or train and test"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        texts(tmp_path, **changes)


def read(source: Text, path: Path) -> tuple[int | None, list[str], list[str]]:
    rows, pieces = source.read(path)
    names, found = [], []
    for some, columns in pieces:
        names += some
        found += columns["x"].tolist()
    return rows, names, found


def test_what_is_predicted_is_a_text_file_a_folder_of_them_or_a_table(tmp_path: Path) -> None:
    source, folder = texts(tmp_path), tmp_path / "letters"
    folder.mkdir()
    (folder / "b.txt").write_bytes("\ufeffGrüße\r\nan alle\n".encode())
    (folder / "a.txt").write_text("")
    assert read(source, folder / "b.txt") == (1, ["b.txt"], ["Grüße\nan alle"])
    assert read(source, folder) == (2, ["a.txt", "b.txt"], ["", "Grüße\nan alle"])
    frame(ROWS)[["worte"]].assign(worte=["x", None, "y", "z"]).to_parquet(tmp_path / "new.parquet")
    assert read(source, tmp_path / "new.parquet") == (4, [f"new.parquet[{row}]" for row in range(4)], ["x", "", "y", "z"])
    assert read(source, tmp_path / "train.csv")[2] == source.load()["train"]["x"].tolist(), "other columns do no harm"


def test_what_holds_no_texts_is_refused_when_predicting(tmp_path: Path) -> None:
    source = texts(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    frame(ROWS).drop(columns="worte").to_csv(tmp_path / "other.csv", index=False)
    for path, said in {
        "empty": r"a folder of \.txt files alone was expected; it holds no file",
        ".": r"it holds latin.csv|it holds other.csv",
        "latin.txt": "text in UTF-8 was expected",
        "other.csv": "a column 'worte' of texts was expected; got 'nummer', 'urteil'",
        "nothing.csv": "does not exist",
        "nothing.txt": "does not exist",
    }.items():
        with pytest.raises(Fault, match=said):
            read(source, tmp_path / path)


def test_arrays_are_accepted_by_either_name(tmp_path: Path) -> None:
    source = texts(tmp_path)
    example = source.example()
    assert list(example) == ["worte"]
    for given in (example, {"x": example["worte"]}, {"worte": example["worte"].tolist()}, {"x": example["worte"].astype(str)}):
        accepted = source.accept({name: np.asarray(values) for name, values in given.items()})["x"]
        assert accepted.dtype == object
        assert accepted.tolist() == [text.strip() for _, text, _ in ROWS[:3]]
    for given, said in [
        ({"worte": np.array(["a", None], object)}, "worte: text was expected"),
        ({"worte": np.array([1, 2])}, "worte: text was expected; got int64"),
        ({"worte": np.array([["a"], ["b"]])}, "one text a row was expected; got 2 dimensions"),
        ({"words": np.array(["a"])}, "by the name x, or worte, were expected; got words"),
        ({}, "got nothing"),
    ]:
        with pytest.raises(Fault, match=said):
            source.accept(given)
