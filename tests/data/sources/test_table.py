"""Tables are read as they stand, checked cell by cell, and refused with the column, the count and three rows."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from trainbook.data.sources.table import Table
from trainbook.faults import Fault

ROWS = """name,age,income,city,plan,bought
a,30,1000,Oslo,full,no
b,41.5,,Turku,basic,yes
c,29,2500,,full,yes
d,60,1e3,Bergen,basic,no
"""
HOW: dict[str, Any] = {
    "numbers": {"age": [18, 100], "income": None},
    "categories": {"city": None, "plan": ["basic", "full"]},
    "target": "bought",
    "classes": ["no", "yes"],
    "left_out": ["name"],
}


def table(folder: Path, text: str = ROWS, **changes: Any) -> Table:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return Table(**{"paths": {"train": str(folder / "table.csv")}, **HOW, **changes})


def complaint(folder: Path, text: str = ROWS, **changes: Any) -> str:
    with pytest.raises(Fault) as caught:
        table(folder, text, **changes).load()
    return str(caught.value)


def test_numbers_categories_and_classes_are_read(tmp_path: Path) -> None:
    source = table(tmp_path)
    (train,) = source.load().values()
    np.testing.assert_array_equal(train["numbers"], np.array([[30, 1000], [41.5, np.nan], [29, 2500], [60, 1000]], np.float32))
    assert train["numbers"].dtype == np.float32
    assert train["categories"].tolist() == [["Oslo", "full"], ["Turku", "basic"], ["", "full"], ["Bergen", "basic"]]
    assert train["label"].tolist() == [0, 1, 1, 0]
    assert source.facts()["numbers"]["names"] == ["age", "income"]
    assert source.facts()["label"]["classes"] == ["no", "yes"]


@pytest.mark.parametrize("kind", ["csv.gz", "tsv", "parquet"])
def test_other_formats_give_the_same(tmp_path: Path, kind: str) -> None:
    plain = table(tmp_path).load()["train"]
    path = tmp_path / f"other.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(ROWS.encode()))
    elif kind == "tsv":
        path.write_text(ROWS.replace(",", "\t"))
    else:
        pandas.read_csv(tmp_path / "table.csv").to_parquet(path)
    other = Table(paths={"train": str(path)}, **HOW).load()["train"]
    for name in plain:
        np.testing.assert_array_equal(other[name], plain[name])


def test_a_table_of_numbers_alone_is_called_x_and_patterns_name_the_rest(tmp_path: Path) -> None:
    text = "g1,g2,other,kind\n0.5,1,2,a\n0.1,0,3,b\n"
    source = table(
        tmp_path, text, numbers={"g*": [0, 1], "*": None}, categories={}, target="kind", classes=["a", "b"], left_out=[]
    )
    train = source.load()["train"]
    assert list(train) == ["x", "label"]
    assert train["x"].shape == (2, 3)
    assert source.facts()["x"]["names"] == ["g1", "g2", "other"]


def test_files_side_by_side_and_a_column_that_says_the_part(tmp_path: Path) -> None:
    (tmp_path / "parts.csv").write_text("row,part\n1,test\n2,train\n3,train\n")
    text = "g,one,two\n1,1,0\n2,0,1\n3,1,1\n"
    how = {"numbers": {"g": None}, "categories": {}, "target": None, "classes": [], "labels": ["one", "two"], "left_out": ["row"]}
    paths = {"train": [str(tmp_path / "table.csv"), str(tmp_path / "parts.csv")]}
    parts = table(tmp_path, text, paths=paths, part="part", **how).load()
    assert parts["test"]["labels"].tolist() == [[1, 0]]
    assert parts["train"]["x"].tolist() == [[2], [3]]
    (tmp_path / "parts.csv").write_text("row,part\n1,test\n2,training\n3,train\n")
    assert "part: train or test was expected; 1 cell is otherwise (row 2: 'training')" in complaint(
        tmp_path, text, paths=paths, part="part", **how
    )
    (tmp_path / "parts.csv").write_text("g,part\n1,test\n2,train\n3,train\n")
    assert "g stands there twice" in complaint(tmp_path, text, paths=paths, part="part", **how)
    (tmp_path / "parts.csv").write_text("row,part\n1,test\n2,train\n")
    assert "as many rows in each were expected; got [3, 2]" in complaint(tmp_path, text, paths=paths, part="part", **how)


def drifted(column: int, *values: str) -> str:
    """The table, long, with some cells of a column replaced."""
    lines = ROWS.splitlines()
    rows = [line.split(",") for line in lines[1:] * 3]
    for at, value in enumerate(values):
        rows[2 * at][column] = value
    return "\n".join([lines[0], *map(",".join, rows)]) + "\n"


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        (
            drifted(1, "999", "120", "101", "200"),
            {},
            r"age: at most 100 was expected; 4 cells are otherwise \(row 1: 999.0, row 3: 120.0, row 5: 101.0 …\)",
        ),
        (drifted(1, "3"), {}, r"age: at least 18 was expected; 1 cell is otherwise \(row 1: 3.0\)"),
        (
            drifted(2, "much", "little"),
            {},
            r"income: numbers were expected; 2 cells are otherwise \(row 1: 'much', row 3: 'little'\)",
        ),
        (drifted(4, "gold"), {}, r"plan: one of 'basic', 'full' was expected; 1 cell is otherwise \(row 1: 'gold'\)"),
        (drifted(5, "maybe"), {}, r"bought: one of 'no', 'yes' was expected; 1 cell is otherwise \(row 1: 'maybe'\)"),
        (drifted(5, ""), {}, "bought: a value in every row was expected; 1 cell is otherwise"),
        (ROWS, {"complete": ["income", "city"]}, "income: a value in every row was expected; 1 cell is otherwise .row 2"),
        (ROWS, {"complete": ["c*"]}, "city: a value in every row was expected; 1 cell is otherwise .row 3"),
        (
            drifted(1, "30"),
            {"unique": ["age", "city"]},
            r"age, city: no row twice was expected; 12 cells are otherwise \(row 1: '30.0, Oslo'",
        ),
        (ROWS.replace("income", "salary"), {}, r"missing: 'income'; extra: 'salary'"),
        ("", {}, "cannot be read as a table"),
        (ROWS.replace("income", "age"), {"numbers": {"age": None}}, "age stands there twice"),
        (
            ROWS.replace("d,60", "a,60"),
            {"unique": ["name"]},
            r"name: no row twice was expected; 2 cells are otherwise \(row 1: 'a', row 4: 'a'\)",
        ),
        (ROWS, {"unique": ["nome"]}, "unique: columns of the table were expected; nome is none"),
        (ROWS, {"complete": ["incame"]}, "complete: columns of numbers or categories were expected; incame is none"),
        (
            ROWS.replace("income", "income [EUR]"),
            {"numbers": {"age": None, "income [EUR]": None}, "complete": ["income [EUR]"]},
            "a value in every row was expected; 1 cell",
        ),
        (ROWS.replace("2500", "inf"), {}, r"income: numbers were expected; 1 cell is otherwise \(row 3: 'inf'\)"),
        (ROWS.replace("full,no\nb", "full,no,more\nb"), {}, "cannot be read as a table"),
        (ROWS + "e,20,1,Oslo,full,no,7,8\n", {}, "cannot be read as a table"),
    ],
)
def test_a_drifted_file_is_refused_with_column_count_and_rows(tmp_path: Path, text: str, changes: Any, said: str) -> None:
    import re

    assert re.search(said, complaint(tmp_path, text, **changes))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    said = complaint(tmp_path, drifted(1, "999").replace("Turku,basic", "Turku,gold"))
    assert "age: at most 100" in said
    assert "plan: one of" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.csv", None, "does not exist"),
        ("table.xls", b"x", "is none by its name"),
        ("torn.parquet", b"PAR1 and no more", "cannot be read as parquet"),
        ("torn.csv.gz", gzip.compress(ROWS.encode())[:-12], "cannot be read as a table"),
        (
            "flipped.csv.gz",
            gzip.compress(ROWS.encode() * 50)[:40] + b"\xff\x00\xff" + gzip.compress(ROWS.encode() * 50)[43:],
            "cannot be read as a table",
        ),
        ("latin.csv", "name\nÅ\n".encode("latin-1"), "cannot be read as a table"),
    ],
)
def test_a_damaged_file_is_a_fault(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fault, match=said):
        Table(paths={"train": str(path)}, **HOW).load()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": None}, "a target with at least two classes, or labels, was expected"),
        ({"labels": ["x"]}, "a target with at least two classes, or labels"),
        ({"classes": ["no"]}, "at least two classes"),
        ({"numbers": {}, "categories": {}}, "at least one column"),
        ({"paths": {"test": "x.csv"}}, "train, or train and test"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        table(tmp_path, **changes)


def test_what_is_to_be_predicted_need_only_have_the_columns(tmp_path: Path) -> None:
    source = table(tmp_path)
    whole = source.load()["train"]
    (tmp_path / "new.csv").write_text("plan,city,extra,income,age\ngold,Paris,1,,7\n")
    ((names, columns),) = source.read(tmp_path / "new.csv").pieces
    assert names == ["new.csv[0]"]
    assert columns["categories"].tolist() == [["Paris", "gold"]]
    assert columns["numbers"][0, 0] == 7
    assert np.isnan(columns["numbers"][0, 1])
    given = {"age": np.array([7]), "income": np.array([None]), "city": np.array(["Paris"]), "plan": np.array([None])}
    accepted = source.accept(given)
    assert accepted["categories"].tolist() == [["Paris", ""]]
    assert np.isnan(accepted["numbers"][0, 1])
    assert source.accept({name: whole[name] for name in ("numbers", "categories")})["numbers"].shape == (4, 2)
    with pytest.raises(Fault, match="missing: 'plan'; unknown: 'plans'"):
        source.accept({**{name: given[name] for name in ("age", "income", "city")}, "plans": given["plan"]})
    with pytest.raises(Fault, match="income: numbers of type float32 were expected"):
        source.accept({**given, "income": np.array(["much"])})
    (tmp_path / "short.csv").write_text("age,city\n7,Oslo\n")
    with pytest.raises(Fault, match="missing: 'income', 'plan'"):
        list(source.read(tmp_path / "short.csv").pieces)


def test_a_long_file_comes_in_pieces_with_rows_numbered_through(tmp_path: Path) -> None:
    source = table(tmp_path, ROWS)
    source.load()
    pandas.concat([pandas.read_csv(tmp_path / "table.csv")] * 700).to_parquet(tmp_path / "long.parquet")
    rows, pieces = source.read(tmp_path / "long.parquet")
    names = [name for names, _ in pieces for name in names]
    assert rows == 2800
    assert names == [f"long.parquet[{row}]" for row in range(2800)]


def test_the_example_has_no_gaps(tmp_path: Path) -> None:
    source = table(tmp_path)
    source.load()
    example = source.example()
    assert {name: values.tolist() for name, values in example.items()} == {
        "age": [30, 60],
        "income": [1000, 1000],
        "city": ["Oslo", "Bergen"],
        "plan": ["full", "basic"],
    }


def test_labels_are_0_or_1(tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "numbers": {"g": None},
        "categories": {},
        "target": None,
        "classes": [],
        "labels": ["one"],
        "left_out": [],
    }
    assert "one: one of 0, 1 was expected; 1 cell is otherwise (row 2: 0.5)" in complaint(tmp_path, "g,one\n1,1\n2,0.5\n", **how)


def test_both_parts_have_the_same_columns(tmp_path: Path) -> None:
    how: dict[str, Any] = {"numbers": {"g*": None}, "categories": {}, "target": "kind", "classes": ["a", "b"], "left_out": []}
    (tmp_path / "test.csv").write_text("g1,kind\n1,a\n")
    paths = {"train": str(tmp_path / "table.csv"), "test": str(tmp_path / "test.csv")}
    assert "the columns of training were expected; g2 makes a difference" in complaint(
        tmp_path, "g1,g2,kind\n1,2,a\n3,4,b\n", paths=paths, **how
    )


def test_words_are_the_same_words_in_every_format(tmp_path: Path) -> None:
    source = table(tmp_path, ROWS, unknown=["", "?"])
    source.load()
    frame = pandas.DataFrame(
        {"age": [30, 40], "income": [1.0, 2.0], "city": pandas.Categorical(["Oslo", None]), "plan": [1, None]}
    )
    frame.to_parquet(tmp_path / "new.parquet")
    ((_, columns),) = source.read(tmp_path / "new.parquet").pieces
    assert columns["categories"].tolist() == [["Oslo", "1"], ["", ""]]
    given = {"age": np.array([7]), "income": np.array([1]), "city": np.array(["?"]), "plan": np.array(["full"])}
    assert source.accept(given)["categories"].tolist() == [["", "full"]]


def test_an_example_is_there_even_where_every_row_has_gaps(tmp_path: Path) -> None:
    source = table(tmp_path, ROWS.replace(",Oslo,", ",,").replace(",Bergen,", ",,"))
    source.load()
    assert len(source.example()["age"]) == 3
