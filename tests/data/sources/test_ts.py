"""Series of any length from .ts files: what is read, and what is refused with file and line."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from conftest import ROOT
from trainbook.columns import Columns
from trainbook.data.exactly import exactly_each
from trainbook.data.sources.ts import Ts
from trainbook.faults import Fault

GOOD = """# A remark: with a colon, and a comma.

@problemName made up
@TimeStamps false
@missing true
@dimension 2
@class_label true low high

@data
# another remark
1,2.5,-3e1:0,0,1:low
4 , ? : 5, NaN :high
7:8:low
"""
NAN = np.nan
SERIES = [[[1, 0], [2.5, 0], [-30, 1]], [[4, 5], [NAN, NAN]], [[7, 8]]]
FLAT = [[1, 0], [2.5, 0], [-30, 1], [4, 5], [NAN, NAN], [7, 8]]


def write(folder: Path, text: str, name: str = "a.ts") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def source(folder: Path, text: str = GOOD, **settings: Any) -> Ts:
    return Ts({"train": write(folder, text)}, **settings)


def rows(columns: Columns) -> list[list[list[float]]]:
    return [each.tolist() for each in columns.entries("x")]


def test_a_file_is_values_offsets_and_classes(tmp_path: Path) -> None:
    made = source(tmp_path)
    train = made.load()["train"]
    assert train["x"].dtype == np.float32
    np.testing.assert_array_equal(train["x"], np.float32(FLAT))
    assert train.offsets["x"].tolist() == [0, 3, 5, 6]
    assert train["label"].tolist() == [0, 1, 0]
    assert made.facts() == {"x": {"names": ["channel 1", "channel 2"]}, "label": {"classes": ["low", "high"]}}


def test_settings_say_the_order_of_classes_and_the_names_of_channels(tmp_path: Path) -> None:
    made = source(tmp_path, classes=["high", "low", "other"], names=["left", "right"])
    assert made.load()["train"]["label"].tolist() == [1, 0, 1]
    assert made.facts() == {"x": {"names": ["left", "right"]}, "label": {"classes": ["high", "low", "other"]}}


def test_a_test_file_may_list_its_classes_in_another_order(tmp_path: Path) -> None:
    other = write(tmp_path, GOOD.replace("low high", "high low"), "b.ts")
    made = Ts({"train": write(tmp_path, GOOD), "test": other}).load()
    assert made["test"]["label"].tolist() == made["train"]["label"].tolist()


@pytest.mark.parametrize(
    ("head", "line", "expected"),
    [
        ("@univariate true\n@equalLength true\n@seriesLength 3\n@classLabel true a b", "1,2,3:b", [[1], [2], [3]]),
        ("@CLASSLABEL TRUE a b\n@Univariate TRUE", "1:b", [[1]]),
        ("@classLabel true a b\n@timeStamps true\n@univariate true", "(0,1.5),(1,?):b", [[1.5], [NAN]]),
        ("@timestamps true\n@classLabel true a b", "(0,1), (0.5,2) : (0,3),(0.5,4) : b", [[1, 3], [2, 4]]),
        (
            "@timestamps true\n@classLabel true a b",
            "(2024-01-31 10:00:00,1),(2024-02-29 10:00:00,2),(2024-03-31 10:00:00,3):b",
            [[1], [2], [3]],
        ),
        ("@timestamps true\n@classLabel true a b", "(2024-01-31T23:59:59Z,1):b", [[1]]),
    ],
)
def test_other_forms(tmp_path: Path, head: str, line: str, expected: list[list[float]]) -> None:
    train = source(tmp_path, f"\ufeff{head}\n@data\n{line}").load()["train"]
    np.testing.assert_array_equal(train["x"], np.float32(expected))
    assert train["label"].tolist() == [1]


def test_the_project_s_own_file_is_read_as_by_hand() -> None:
    """Split at colons and commas, without a word of the parser's."""
    path = ROOT / "data/vowels/JapaneseVowels_TRAIN.ts"
    lines = path.read_text().split("@data\n")[1].split()
    by_hand = [np.array([cells.split(",") for cells in line.split(":")[:-1]], float).T for line in lines]
    train = Ts({"train": str(path)}).load()["train"]
    assert train.rows == len(by_hand) == 270
    np.testing.assert_array_equal(train["x"], np.concatenate(by_hand).astype(np.float32))
    assert np.diff(train.offsets["x"]).tolist() == [len(each) for each in by_hand]
    assert (train["label"] + 1).tolist() == [int(line.rsplit(":", 1)[1]) for line in lines]


def after(head: str, *lines: str) -> str:
    return "\n".join([head, "@data", *lines])


LABELLED = "@classLabel true a b"
BAD = {
    "no data": (LABELLED, "a.ts: a line @data, and the data below it, were expected; there is none"),
    "empty": ("", "a line @data"),
    "no case": (after(LABELLED), "a.ts: a series at least was expected below @data"),
    "a value too early": ("1,2:a\n@data", "line 1: a line of the header, such as @data, was expected; got '1,2:a'"),
    "unknown tag": (after("@dimesion 2"), "line 1: @dimesion: unknown; did you mean dimensions?"),
    "a tag twice": (after("@missing true\n@Missing false"), "line 2: each tag once was expected; @Missing stands there twice"),
    "no flag": (after("@missing"), "line 1: @missing: true or false was expected; got nothing"),
    "no count": (after("@dimensions two"), "line 1: @dimensions: a number of 1 or more was expected; got two"),
    "one or many": (
        after("@univariate true\n@dimensions 3"),
        "line 2: 1 dimension was expected, as @univariate true says; got 3",
    ),
    "no labels": (after("@classLabel false", "1,2"), "series that each have a class .* this file has no labels"),
    "targets": (after("@targetLabel true", "1,2:0.5"), "are numbers to be learnt .* no task"),
    "one class": (after("@classLabel true a", "1:a"), "two classes or more behind @classLabel true"),
    "strange label": (after(LABELLED, "1,2:c"), "line 3: a label among a, b was expected; got 'c'"),
    "too few dimensions": (
        after(f"@dimensions 2\n{LABELLED}", "1:2:a", "1:a"),
        "line 5: 2 dimensions and a label were expected; got 1 dimension and a label",
    ),
    "other dimensions": (after(LABELLED, "1:2:a", "1:2:3:a"), "line 4: 2 dimensions and a label .*; got 3 dimensions and a"),
    "unequal dimensions": (after(LABELLED, "1,2:3:a"), "line 3: dimensions of one length were expected; got 2, 1 values"),
    "unequal series": (after(f"@equalLength true\n{LABELLED}", "1,2:a", "1:b"), "line 5: a series of 2 steps .*; got 1"),
    "wrong length": (after(f"@seriesLength 3\n{LABELLED}", "1,2:a"), "line 4: a series of 3 steps was expected.*; got 2"),
    "text": (after(LABELLED, "1,x2:a"), "line 3, dimension 1: numbers, or \\? .*; value 2 is 'x2'"),
    "no value": (after(LABELLED, "1,:a"), "line 3, dimension 1: .*; value 2 is ''"),
    "nothing": (after(LABELLED, ":a"), "line 3, dimension 1: .*; value 1 is ''"),
    "endless": (after(LABELLED, "1:inf:a"), "line 3, dimension 2: .*; value 1 is 'inf'"),
    "too large": (after(LABELLED, "1e39:a"), "value 1 is '1e39'"),
    "a gap": (after(f"@missing false\n{LABELLED}", "1,?:a"), "line 4, dimension 1: no gap was expected.*; value 2 is missing"),
    "no pairs": (after(f"@timeStamps true\n{LABELLED}", "1,2:a"), "line 4, dimension 1: pairs \\(time,value\\)"),
    "half a pair": (after(f"@timeStamps true\n{LABELLED}", "(0,1),(1:a"), "line 4.*pairs"),
    "other times": (
        after(f"@timeStamps true\n{LABELLED}", "(0,1),(1,1):(0,1),(2,1):a"),
        "line 4, dimension 2: the times of dimension 1 were expected; got others",
    ),
    "backwards": (after(f"@timeStamps true\n{LABELLED}", "(1,1),(0,1):a"), "times that ascend evenly .* by -1 here, by -1"),
    "a step left out": (after(f"@timeStamps true\n{LABELLED}", "(0,1),(1,1),(3,1):a"), "they go on by 1 here, by 2 there"),
    "no time": (
        after(f"@timeStamps true\n{LABELLED}", "(soon,1):a"),
        "times that are numbers or dates were expected; got 'soon'",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_damaged_is_refused_with_its_place(tmp_path: Path, kind: str) -> None:
    text, said = BAD[kind]
    with pytest.raises(Fault, match=said) as told:
        source(tmp_path, text).load()
    assert str(tmp_path / "a.ts") in str(told.value)


def test_no_text_no_file_and_odd_settings(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(b"@data\n\xff\xfe")
    for path, said in ((tmp_path / "a.ts", "UTF-8"), (tmp_path / "b.ts", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(Fault, match=said):
            Ts({"train": str(path)}).load()
    for settings in ({"paths": {"test": "a.ts"}}, {"paths": {"train": "a.ts"}, "names": ["a", "a"]}):
        with pytest.raises(ValueError, match=r"(was|were) expected"):
            Ts(**settings)
    with pytest.raises(Fault, match="line 11: 3 channels were expected; got 2"):
        source(tmp_path, names=["a", "b", "c"]).load()


def fitted(folder: Path, **settings: Any) -> Ts:
    """One that knows no more than a model folder does."""
    trained = source(folder, **settings)
    trained.load()
    made = Ts({"train": "gone.ts"}, **settings)
    made.restore({"x": trained.facts()["x"]})
    return made


def read(made: Ts, path: str) -> tuple[list[str], list[Any]]:
    names, found = [], []
    for some, columns in made.read(Path(path)).pieces:
        names += some
        found += rows(columns)
    return names, found


def test_labels_are_not_needed_to_predict(tmp_path: Path) -> None:
    made = fitted(tmp_path)
    bare = GOOD.replace("true low high", "false").replace(":low", "").replace(":high", "")
    for text in (GOOD, bare, GOOD.replace("@class_label true low high", "@targetLabel true").replace("low", "1.5")):
        names, found = read(made, write(tmp_path, text, "b.ts"))
        assert names == ["b.ts[0]", "b.ts[1]", "b.ts[2]"]
        np.testing.assert_equal(found, SERIES)
    with pytest.raises(Fault, match="line 2: 2 channels were expected; got 1"):
        read(made, write(tmp_path, "@data\n1,2,3", "b.ts"))


@pytest.mark.parametrize("kind", ["csv", "parquet", "tsv"])
def test_a_table_has_a_row_for_each_step(tmp_path: Path, kind: str) -> None:
    made = fitted(tmp_path, names=["left", "right"])
    frame = pandas.DataFrame(FLAT, columns=["left", "right"])[["right", "left"]]
    path = tmp_path / f"b.{kind}"

    def said(frame: pandas.DataFrame) -> tuple[list[str], list[Any]]:
        if kind == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
        return read(made, str(path))

    names, found = said(frame.assign(series=[7, 7, 7, 3, 3, 5], time=range(6)))
    assert names == [f"b.{kind}[7]", f"b.{kind}[3]", f"b.{kind}[5]"]
    np.testing.assert_equal(found, SERIES)
    names, found = said(frame)
    assert names == [path.name]
    np.testing.assert_equal(found, [FLAT])
    assert said(frame.head(0)) == ([], [])
    with pytest.raises(Fault, match="some stand apart"):
        said(frame.assign(series=[1, 1, 2, 2, 1, 1]))
    with pytest.raises(Fault, match="columns left, right were expected; missing: 'left'"):
        said(frame.rename(columns={"left": "other"}))


def test_channels_that_nobody_has_named_are_taken_in_their_order(tmp_path: Path) -> None:
    made = fitted(tmp_path)
    _, found = read(made, write(tmp_path, "b,series,a\n1,x,2\n3,x,4", "b.csv"))
    assert found == [[[1, 2], [3, 4]]]
    _, found = read(made, write(tmp_path, "channel 2,other,channel 1\n1,x,2\n", "b.csv"))
    assert found == [[[2, 1]]]
    with pytest.raises(Fault, match="missing: 'channel 1', 'channel 2'"):
        read(made, write(tmp_path, "a,b,c\n1,2,3\n", "b.csv"))
    with pytest.raises(Fault, match=re.escape("channel 1: numbers were expected; 1 cell is otherwise (row 1: 'one')")):
        read(made, write(tmp_path, "a,b\none,2\n", "b.csv"))


def test_a_served_model_takes_lists(tmp_path: Path) -> None:
    made = fitted(tmp_path)

    def accepted(given: Any, mask: Any = None) -> Columns:
        return made.accept({"x": exactly_each("x", given, "float32", mask)})

    np.testing.assert_equal(rows(accepted([[[1, 0], [2.5, None]], [[7, 8]]])), [[[1, 0], [2.5, NAN]], [[7, 8]]])
    example = source(tmp_path).example()
    again = accepted(example["x"], example["x_mask"])
    np.testing.assert_equal(rows(again), [SERIES[0], SERIES[2]], err_msg="those in which nothing is missing")
    for given, got in (([[[1, 2, 3]]], "1x3"), ([[1, 2]], "2"), ([[]], "0"), ([[[1, np.inf]]], "numbers without end")):
        with pytest.raises(Fault, match=f"x, row 0: steps of 2 numbers each.*; got {got}"):
            accepted(given)
    with pytest.raises(Fault, match="x, a list of series, was expected; got y"):
        made.accept({"y": np.zeros(3)})


def test_of_one_channel_a_list_of_numbers_is_a_series(tmp_path: Path) -> None:
    alone = source(tmp_path, "@univariate true\n@classLabel true a b\n@data\n1,2:a")
    alone.load()
    assert rows(alone.accept({"x": exactly_each("x", [[1, 2, 3], [[4]]], "float32")})) == [[[1], [2], [3]], [[4]]]
