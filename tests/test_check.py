"""check says of made-up data what pandas and scipy say, and doubts what was planted there, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.neighbors import KNeighborsClassifier

from conftest import draw_digits, write_idx
from edges import fits
from kinds import test_points
from kinds.project import Project
from kinds.sequences import drawn
from kinds.test_table import ROWS, made_up, split, write
from trainbook.__main__ import main
from trainbook.columns import Columns
from trainbook.portrait.correlations import pearson
from trainbook.portrait.drawings import drawings
from trainbook.portrait.leak import told
from trainbook.portrait.page import page
from trainbook.portrait.portrait import Portrait

FILES = {"points": "points.csv", "sequences": "sequences.json"}
SPLITS = ("train", "validation", "test")
KNOWN = {"numbers": {"names": ["age", "income", "rate"]}, "categories": {"names": ["city", "plan"]}}
Inside = Callable[..., None]


def table(rows: int, seed: int) -> Columns:
    """Three numbers, of which age has holes, two categories and three classes; nothing hangs on anything."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal([40, 3000, 0], [12, 900, 1], (rows, 3)).astype(np.float32)
    numbers[draw.random(rows) < 0.1, 0] = np.nan
    categories = np.stack([draw.choice(["Oslo", "Bergen", ""], rows), draw.choice(["basic", "full"], rows)], axis=1)
    return Columns({"numbers": numbers, "categories": categories, "kind": draw.integers(0, 3, rows).astype(np.uint8)})


def portrait(splits: dict[str, Columns], known: dict[str, dict[str, list[str]]] | None = None) -> Portrait:
    return Portrait(splits, {**KNOWN, "kind": {"classes": ["a", "b", "c"]}, **(known or {})}, ["kind"], quiet=True)


@pytest.fixture
def splits() -> dict[str, Columns]:
    return {name: table(rows, seed) for seed, (name, rows) in enumerate(zip(SPLITS, (500, 120, 150), strict=True))}


def frame(columns: Columns) -> pd.DataFrame:
    numbers = pd.DataFrame(columns["numbers"].astype(np.float64), columns=KNOWN["numbers"]["names"])
    words = pd.DataFrame(columns["categories"], columns=KNOWN["categories"]["names"]).replace("", None)
    return pd.concat([numbers, words], axis=1)


class TestNumbers:
    def test_a_summary_says_what_pandas_says(self, splits: dict[str, Columns]) -> None:
        found = {each["name"]: each for each in portrait(splits).features}
        assert list(found) == ["age", "income", "rate", "city", "plan", "kind"]
        frames = {name: frame(columns) for name, columns in splits.items()}
        for name in frames["train"]:
            assert found[name]["missing"] == {split: int(each[name].isna().sum()) for split, each in frames.items()}
        for name in KNOWN["numbers"]["names"]:
            said = frames["train"][name].describe()
            for key in ("mean", "min", "25%", "50%", "75%", "max"):
                assert found[name][key] == pytest.approx(said[key], rel=1e-6), (name, key)
            assert found[name]["std"] == pytest.approx(frames["train"][name].std(ddof=0), rel=1e-6)
            assert found[name]["distinct"] == frames["train"][name].nunique()
        assert found["city"]["most_frequent"] == frames["train"]["city"].value_counts().to_dict()
        assert [found[name]["role"] for name in ("plan", "kind")] == ["input", "target"]

    def test_correlations_are_those_of_the_rows_that_have_both(self) -> None:
        draw = np.random.default_rng(0)
        values = draw.normal(1e6, 1, (400, 6)) @ draw.normal(size=(6, 6))
        values[draw.random(values.shape) < 0.2] = np.nan
        values[:, 4] = 7
        expected = pd.DataFrame(values).corr().to_numpy()
        np.testing.assert_allclose(pearson(values), expected, atol=1e-9)
        assert np.isnan(pearson(values)[4]).all()

    def test_the_distance_of_train_and_test_is_scipy_s(self, splits: dict[str, Columns]) -> None:
        found = {each.name: each for each in portrait(splits).differences}
        train, test = frame(splits["train"]), frame(splits["test"])
        for name in KNOWN["numbers"]["names"]:
            expected = ks_2samp(train[name].dropna(), test[name].dropna(), method="asymp")
            assert (found[name].value, found[name].p) == pytest.approx((expected.statistic, expected.pvalue))
        shares = pd.DataFrame({"train": train["city"].fillna("").value_counts(), "test": test["city"].fillna("").value_counts()})
        assert found["city"].value == pytest.approx((shares / shares.sum()).diff(axis=1)["test"].abs().sum() / 2)
        assert found["city"].p == pytest.approx(chi2_contingency(shares.T).pvalue)
        sizes = [each.value for each in portrait(splits).differences]
        assert sizes == sorted(sizes, reverse=True)

    def test_class_counts(self, splits: dict[str, Columns]) -> None:
        counts = portrait(splits).written()["targets"]["kind"]
        for name, columns in splits.items():
            values = pd.Series(columns["kind"]).map(dict(enumerate("abc"))).value_counts()
            assert counts[name] == {key: int(values[key]) for key in "abc"}

    @pytest.mark.parametrize("seed", range(3))
    def test_one_feature_tells_what_its_nearest_neighbour_tells(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        values, ids = draw.normal(size=600), np.zeros(600, np.int64)
        ids[values + 0.3 * draw.normal(size=600) > 0.7] = 1
        made = portrait({"train": numbered(values[:400], ids[:400]), "validation": numbered(values[400:], ids[400:])})
        (feature,) = [each for each in made.contents.features if each.role == "input"]
        near = KNeighborsClassifier(1).fit(feature.values["train"][:, None], ids[:400])
        wrong = (near.predict(feature.values["validation"][:, None]) != ids[400:]).sum()
        assert told(feature, ids[:400], ids[400:]) == pytest.approx(1 - wrong / (ids[400:] == 1).sum())


def numbered(values: NDArray[np.float64], ids: NDArray[np.int64]) -> Columns:
    return Columns({"value": values, "kind": ids.astype(np.uint8)})


class TestDoubts:
    def test_nothing_is_doubted_where_nothing_was_planted(self, splits: dict[str, Columns]) -> None:
        assert portrait(splits).doubts == []

    def changed(self, splits: dict[str, Columns], change: Callable[[Columns, str], dict[str, NDArray]]) -> list[str]:
        return portrait({name: columns.replace(**change(columns, name)) for name, columns in splits.items()}).doubts

    def test_a_leak(self, splits: dict[str, Columns]) -> None:
        """One class lies between the others, and the feature has holes: no threshold would find it."""
        found = self.changed(splits, lambda columns, _: {"code": np.array([5.0, np.nan, 9.0])[columns["kind"]]})
        assert found == ["code alone tells kind: 100.0% of the mistakes of a constant answer are gone (a leak?)"]
        words = self.changed(splits, lambda columns, _: {"word": np.array(["x", "", "z"])[columns["kind"]]})
        assert words == ["word alone tells kind: 100.0% of the mistakes of a constant answer are gone (a leak?)"]

    def test_a_value_of_its_own_for_each_row_is_no_leak(self, splits: dict[str, Columns]) -> None:
        starts = {"train": 0, "validation": 1000, "test": 2000}
        found = self.changed(splits, lambda columns, name: {"id": np.arange(columns.rows).astype(str) + str(starts[name])})
        assert [each for each in found if "leak" in each] == []
        assert "id is almost an identifier: 500 different texts in 500 rows" in found

    def test_rows_that_occur_twice(self, splits: dict[str, Columns]) -> None:
        splits["test"] = joined(splits["test"], splits["train"].part(0, 3))
        again = splits["train"].part(5, 7)
        splits["train"] = joined(splits["train"], again, again.replace(kind=(again["kind"] + 1) % 3))
        wide = {"categories": splits["test"]["categories"].astype("U40")}  # a longer text elsewhere changes nothing
        splits["test"] = splits["test"].replace(**wide)
        assert portrait(splits).doubts == [
            "4 training rows repeat the inputs of an earlier one, 2 with another target",
            "3 of 153 test rows have the inputs of a training row",
        ]

    def test_a_constant(self, splits: dict[str, Columns]) -> None:
        found = self.changed(splits, lambda columns, _: {"flat": np.full(columns.rows, 3), "same": np.full(columns.rows, "x")})
        assert found == ["constant in the training rows: flat, same"]

    def test_two_numbers_that_say_the_same(self, splits: dict[str, Columns]) -> None:
        found = self.changed(splits, lambda columns, _: {"dollars": -1.1 * columns["numbers"][:, 1]})
        assert found == ["numbers that say nearly the same: income and dollars (r = -1.0000)"]

    def test_holes_in_the_test_rows_alone(self, splits: dict[str, Columns]) -> None:
        def holes(columns: Columns, name: str) -> dict[str, NDArray]:
            values = np.random.default_rng(9).normal(size=columns.rows)
            values[:: 2 if name == "test" else columns.rows] = np.nan
            return {"more": values}

        assert self.changed(splits, holes) == ["more is missing in 0.2% of the training rows and 50.0% of the test rows"]

    def test_another_population(self, splits: dict[str, Columns]) -> None:
        splits["test"] = splits["test"].replace(numbers=splits["test"]["numbers"] + np.float32([0, 0, 2]))
        (found,) = portrait(splits).doubts
        assert found.startswith("train and test differ more than by chance: rate (KS 0.")

    def test_a_rare_class(self, splits: dict[str, Columns]) -> None:
        kind = splits["train"]["kind"].copy()
        kind[np.flatnonzero(kind == 2)[9:]] = 1
        splits["train"] = splits["train"].replace(kind=kind)
        assert "kind: fewer than 10 training rows of c (9)" in portrait(splits).doubts


def joined(*tables: Columns) -> Columns:
    return Columns({name: np.concatenate([each[name] for each in tables]) for name in tables[0]})


class TestFigures:
    def axes(self, made: Portrait, name: str) -> list[Axes]:
        figure = drawings(made)[name]()
        assert fits(figure), name
        return figure.axes

    def test_each_has_what_it_names(self, splits: dict[str, Columns]) -> None:
        made = portrait(splits)
        assert list(drawings(made)) == [
            "class_balance",
            "missing_values",
            "distributions",
            "correlations",
            "train_against_test",
        ]
        panels = self.axes(made, "distributions")
        assert [axes.get_title() for axes in panels] == ["age", "income", "rate", "city", "plan", "kind"]
        (holes,) = self.axes(made, "missing_values")
        assert [text.get_text() for text in holes.get_yticklabels()] == ["city", "age"]
        assert len(holes.patches) == 2 * len(splits)
        (balance,) = self.axes(made, "class_balance")
        counts = made.contents.classes[0].counts()["train"]
        assert [bar.get_width() for bar in balance.patches] == pytest.approx([count / 500 for count in counts])
        (drift,) = self.axes(made, "train_against_test")
        assert [bar.get_width() for bar in drift.patches] == pytest.approx([each.value for each in made.differences])
        heat = self.axes(made, "correlations")[0]
        np.testing.assert_allclose(np.asarray(heat.images[0].get_array()), made.correlations)

    def test_of_wide_tables_the_most_telling_columns_are_drawn(self) -> None:
        draw, width = np.random.default_rng(0), 765
        names = [f"a rather long name of a column {at}" for at in range(width)]
        parts = {name: Columns({"x": draw.normal(size=(rows, width))}) for name, rows in (("train", 90), ("test", 40))}
        parts["test"]["x"][:, 50] += 9
        parts["train"]["x"][:, 60] = parts["train"]["x"][:, 70]
        made = Portrait(parts, {"x": {"names": names}}, [], quiet=True)
        panels = self.axes(made, "distributions")
        assert len(panels) == 24
        assert names[50][-3:] == panels[0].get_title()[-3:]
        heat = self.axes(made, "correlations")[0]
        matrix = np.asarray(heat.images[0].get_array())
        assert matrix.shape == (40, 40)
        assert (np.abs(matrix) > 0.999).sum() == 42, "the diagonal, and the two that are equal"
        for name in ("missing_values", "train_against_test"):
            self.axes(made, name)

    def test_a_histogram_shows_shares_of_the_values_that_there_are(self) -> None:
        values = np.array([0, 0, 1, 3, np.nan])
        parts = {"train": Columns({"x": values}), "test": Columns({"x": values[2:]})}
        (axes,) = self.axes(Portrait(parts, {}, []), "distributions")
        train, test = axes.patches
        np.testing.assert_allclose(train.get_data().values, [0.5, 0.25, 0, 0.25])
        np.testing.assert_allclose(train.get_data().edges, [-0.5, 0.5, 1.5, 2.5, 3.5])
        np.testing.assert_allclose(test.get_data().values, [0, 0.5, 0, 0.5])

    def test_pictures_are_averaged_by_class(self) -> None:
        pictures, labels = draw_digits(203, seed=1)
        table = Columns({"x": pictures[:, None].astype(np.uint8), "label": labels.astype(np.uint8)})
        made = Portrait({"train": table}, {"label": {"classes": list("abcd")}}, ["label"], quiet=True)
        means = np.stack([pictures[labels == one].mean(axis=0) for one in range(4)])
        shown = (means - means.min()) / (means.max() - means.min())
        for axes, expected, name in zip(self.axes(made, "mean_pictures"), shown, "abcd", strict=True):
            np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), expected, atol=1e-9)
            assert axes.get_title() == f"{name}\n{51 if name < 'd' else 50} rows"
        (spread,) = self.axes(made, "values")
        counts, edges = np.histogram(pictures, 64)
        np.testing.assert_allclose(spread.patches[0].get_data().values, counts / pictures.size)
        np.testing.assert_allclose(spread.patches[0].get_data().edges, edges)
        found = made.many["x"]
        assert [found[key] for key in ("mean", "std")] == pytest.approx([pictures.mean(), pictures.std()])
        mean = made.features[0]
        assert (mean["name"], mean["max"]) == ("mean of x", pytest.approx(pictures.mean(axis=(1, 2)).max()))

    def test_values_far_out_are_counted_in_the_last_bar(self) -> None:
        values = np.append(np.random.default_rng(0).normal(size=999), 1e5)
        (axes,) = self.axes(Portrait({"train": Columns({"x": values})}, {}, []), "distributions")
        (train,) = axes.patches
        assert train.get_data().edges[-1] < 5
        assert train.get_data().values.sum() == pytest.approx(1)
        assert [text.get_text().splitlines()[0] for text in axes.texts] == ["to 100,000"]


def test_columns_without_numbers_or_with_endless_ones() -> None:
    draw = np.random.default_rng(0)
    parts = {}
    for name, rows in zip(SPLITS, (90, 60, 50), strict=True):
        values = draw.normal(size=(rows, 3))
        values[:, 0], values[3, 1], values[4, 1] = np.nan, np.inf, -np.inf
        parts[name] = Columns({"x": values, "kind": draw.integers(0, 3, rows)})
    made = Portrait(parts, {"kind": {"classes": ["a", "b", "c"]}}, ["kind"], quiet=True)
    assert made.doubts == ["constant in the training rows: x[0]"]
    empty, endless, _, _ = made.features
    assert (empty["missing"]["train"], empty["distinct"], "mean" in empty) == (90, 0, False)
    finite = parts["train"]["x"][:, 1][np.isfinite(parts["train"]["x"][:, 1])]
    assert (endless["infinite"], endless["max"]) == (2, finite.max())
    json.dumps(made.written(), allow_nan=False)
    for name, draw_it in drawings(made).items():
        assert fits(draw_it()), name


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    from trainbook.figures import class_balance, correlations, drift, mean_pictures, missing_values

    with pytest.raises(ValueError, match="2 shares were expected"):
        missing_values.draw(names=["a", "b"], shares={"train": [0.1]})
    with pytest.raises(ValueError, match="2 counts were expected"):
        class_balance.draw(classes=["a", "b"], counts={"train": [1]}, rows={"train": 1})
    with pytest.raises(ValueError, match=r"need a matrix of \(2, 2\)"):
        correlations.draw(matrix=np.ones((3, 3)), names=["a", "b"])
    with pytest.raises(ValueError, match="Equally many"):
        drift.draw(names=["a"], measures=["KS"], differences=[0.1], p=[], beyond_chance=[False])
    with pytest.raises(ValueError, match="names and counts"):
        mean_pictures.draw(means=np.ones((2, 3, 3)), classes=["a"], counts=[1])


class Page(HTMLParser):
    """The pictures and the text of an HTML file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(str(dict(attrs)["src"]))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_names_are_no_markup() -> None:
    odd = "<script>alert('1 & 2')</script>"
    made = Portrait({"train": Columns({"x": np.arange(4.0)[:, None]})}, {"x": {"names": [odd]}}, [])
    text = page(odd, made, [])
    assert "<script>" not in text
    assert Page(text).said.count(odd) == 3, "title, heading, column"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("check") / "project")
    (made.folder / "data").mkdir()
    write(made.folder / "data" / "table.csv", made_up(ROWS))
    return made


class TestCommand:
    def test_a_table(self, made: Project) -> None:
        said = made.run("check", "data=table")
        assert "columns   2 numbers, 2 categories\n" in said
        assert "leak" not in said
        rows = {name: split(name) for name in SPLITS}
        assert f"rows      {', '.join(f'{len(each)} {name}' for name, each in rows.items())}\n" in said
        profile = json.loads((made.folder / "runs/check/table/profile.json").read_text())
        found = {each["name"]: each for each in profile["features"]}
        assert found["age"]["missing"] == {name: sum(not row["age"] for row in each) for name, each in rows.items()}
        assert found["city"]["most_frequent"] == pd.Series([row["city"] for row in rows["train"]]).value_counts().to_dict()
        assert profile["targets"]["labels"]["test"]["buys"] == sum(int(row["buys"]) for row in rows["test"])
        assert profile["made_from"]["raw"].keys() == {"data/table.csv"}
        shown = Page((made.folder / "runs/check/table/profile.html").read_text())
        assert all((made.folder / "runs/check/table" / each).is_file() for each in shown.pictures)
        assert len(shown.pictures) == 5

    @pytest.mark.parametrize("data", ["points", "sequences"])
    def test_other_kinds(self, made: Project, data: str) -> None:
        (test_points if data == "points" else drawn).write(made.folder / "data" / FILES[data], 151)
        said = made.run("check", f"data={data}")
        assert said.endswith(f"profile   runs/check/{data}/profile.html\n")
        names = [each["name"] for each in json.loads((made.folder / f"runs/check/{data}/profile.json").read_text())["features"]]
        assert (
            names
            == {"points": ["point[0]", "point[1]"], "sequences": ["length of x", "mean of x[0]", "mean of x[1]", "label"]}[data]
        )

    def test_pictures(self, inside: Inside, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        inside("check", "data=tiny", "--quiet")
        said = capsys.readouterr().out
        assert "x of 1 x 12 x 12 values" in said
        assert "doubt" not in said
        figures = {path.stem for path in (project / "runs/check/tiny/figures").iterdir()}
        assert figures == {
            "class_balance",
            "missing_values",
            "distributions",
            "train_against_test",
            "values",
            "mean_pictures",
        }
        inside("gc", "--dry-run")
        assert capsys.readouterr().out == "Nothing to remove.\n"

    def test_a_picture_of_the_training_part_among_the_test_rows(
        self, inside: Inside, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from trainbook.data.sources.idx import read_idx

        train, test = (read_idx(project / f"data/tiny/{part}-x.gz").copy() for part in ("train", "test"))
        test[7] = train[11]
        write_idx(project / "data/tiny/test-x.gz", test)
        inside("check", "data=tiny", "data.split.validation=1", "data.split.stratify=null")
        assert "1 of 60 test rows has the inputs of a training row" in capsys.readouterr().out

    def test_wrong_data_are_a_fault_and_leave_nothing(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(project)
        write_idx(project / "data/tiny/test-y.gz", np.full(60, 9))
        monkeypatch.setattr(sys, "argv", ["trainbook", "check", "data=tiny"])
        with pytest.raises(SystemExit) as leaving:
            main()
        assert leaving.value.code == 1
        assert "labels among [0, 1, 2, 3] were expected; row 0 has 9 (60 such rows)" in capsys.readouterr().err
        assert not (project / "runs").exists()

    def test_it_replaces_a_profile_and_nothing_else(
        self, inside: Inside, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from trainbook.faults import Fault

        for _ in range(2):
            inside("check", "data=tiny", "--output", "here", "--quiet")
        with pytest.raises(Fault, match=r"profile\.json, was expected; this one holds something else"):
            inside("check", "data=tiny", "--output", "conf")
        assert (project / "conf/config.yaml").is_file()

    def test_it_imports_no_torch(self, project: Path) -> None:
        code = "import sys; sys.argv = ['trainbook', 'check', 'data=tiny']\nfrom trainbook.__main__ import main\nmain()\n"
        code += "print([name for name in ('torch', 'mlflow', 'pytorch_lightning', 'sklearn') if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
