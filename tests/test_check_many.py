"""check of series, free text and times: what stands for a row is what plain loops say, and what was planted is doubted."""

import json
from typing import Any

import numpy as np
import pytest

from edges import fits
from trainbook.columns import Columns
from trainbook.figures import courses
from trainbook.portrait.drawings import drawings
from trainbook.portrait.page import page
from trainbook.portrait.portrait import Portrait

ROWS = {"train": 120, "validation": 40, "test": 60}
CLASSES = ["a", "b", "c"]


def series(rows: int, seed: int, longer: int = 0, gaps: float = 0.0) -> Columns:
    """Noise of two channels; each class is so much longer than the one before it."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, rows).astype(np.uint8)
    made = [draw.normal([1, -5], 1, (draw.integers(4, 12) + longer * label, 2)).astype(np.float32) for label in labels]
    for each in made:
        each[draw.random(each.shape) < gaps] = np.nan
    return Columns({"label": labels}).ragged("x", made, np.empty((0, 2), np.float32))


def of_series(**how: Any) -> Portrait:
    splits = {name: series(rows, seed, **how) for seed, (name, rows) in enumerate(ROWS.items())}
    known = {"x": {"names": ["left", "right"]}, "label": {"classes": CLASSES}}
    return Portrait(splits, known, ["label"], quiet=True)


def by_name(made: Portrait) -> dict[str, Any]:
    return {each.name: each for each in made.contents.features}


class TestSeries:
    def test_length_and_the_mean_of_each_channel_stand_for_a_series(self) -> None:
        made = of_series(gaps=0.3)
        features = by_name(made)
        assert list(features) == ["label", "length of x", "mean of left", "mean of right"]
        for split, columns in made.splits.items():
            rows = columns.entries("x")
            assert features["length of x"].values[split].tolist() == [len(each) for each in rows]
            for at, name in enumerate(("left", "right")):
                kept = [each[:, at][~np.isnan(each[:, at])].astype(np.float64) for each in rows]
                expected = [each.mean() if len(each) else np.nan for each in kept]
                np.testing.assert_allclose(features[f"mean of {name}"].values[split], expected, atol=1e-9)

    def test_channels_are_told_of_all_their_values(self) -> None:
        made = of_series(gaps=0.3)
        for at, each in enumerate(made.channels):
            values = made.splits["train"]["x"][:, at]
            assert each["name"] == ("left", "right")[at]
            assert each["missing"] == {split: int(np.isnan(part["x"][:, at]).sum()) for split, part in made.splits.items()}
            assert (each["mean"], each["std"]) == pytest.approx((np.nanmean(values), np.nanstd(values)), rel=1e-5)
        gaps = np.mean([np.isnan(values) for values in np.concatenate([part["x"] for part in made.splits.values()])], axis=0)
        assert f"left {gaps[0]:.1%} of its values" in "\n".join(made.lines())
        text = page("series", made, [])
        assert "<h2>Channels</h2>" in text
        assert text.count("<td>right</td>") == 1

    def test_a_length_that_tells_the_class_is_doubted(self) -> None:
        assert of_series().doubts == []
        (found,) = of_series(longer=2).doubts
        assert found.startswith("length of x alone tells something of label: from ")
        made = of_series(longer=2)
        lengths, labels = np.diff(made.splits["train"].offsets["x"]), made.splits["train"]["label"]
        means = [lengths[labels == at].mean() for at in range(3)]
        assert f"from {means[0]:.1f} (a) to {means[2]:.1f} (c) on average" in found
        within = sum(((lengths[labels == at] - means[at]) ** 2).sum() for at in range(3))
        assert f"; {1 - within / ((lengths - lengths.mean()) ** 2).sum():.0%} of its variance" in found

    def test_mean_courses_are_those_of_the_series_that_go_on(self) -> None:
        made = of_series(gaps=0.2)
        axes = drawings(made)["courses"]().axes
        assert [each.get_title() for each in axes] == ["left", "right"]
        rows, labels = made.splits["train"].entries("x"), made.splits["train"]["label"]
        for at, panel in enumerate(axes):
            lines = panel.get_lines()
            for label in range(3):
                own = [each[:, at] for each, held in zip(rows, labels, strict=True) if held == label]
                shown = np.asarray(lines[2 * label].get_ydata())
                for step in range(len(shown)):
                    known = [each[step] for each in own if len(each) > step and not np.isnan(each[step])]
                    expected = np.mean(known, dtype=np.float64) if len(known) >= max(0.1 * len(own), 1) else np.nan
                    assert shown[step] == pytest.approx(expected, abs=1e-6, nan_ok=True)
                half = lines[2 * label + 1].get_xdata()
                assert list(half) == [round(np.median([len(each) for each in own]))]

    def test_figures_fit_and_everything_is_plain(self) -> None:
        made = of_series(gaps=0.2)
        for name, draw in drawings(made).items():
            assert fits(draw()), name
        json.dumps(made.written(), allow_nan=False)

    @pytest.mark.parametrize(("classes", "channels"), [(1, 1), (4, 1), (2, 5), (14, 15)])
    def test_courses_of_few_and_many(self, classes: int, channels: int) -> None:
        names = [f"a class with quite a long name {at}" for at in range(classes)]
        values = np.random.default_rng(0).normal(size=(classes, 6, channels))
        values[0] = np.nan
        figure = courses.draw(
            courses=values, classes=names, channels=[f"channel {at}" for at in range(channels)], lengths=dict.fromkeys(names, 3.5)
        )
        assert fits(figure)
        assert len(figure.axes) == (min(channels, 12) if classes > 1 else 0), "of nothing there is only a note"

    def test_courses_that_do_not_fit_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"\(1, steps, 3\) values were expected"):
            courses.draw(courses=np.ones((1, 4, 2)), classes=["a"], channels=["x", "y", "z"], lengths={"a": 1})

    def test_of_very_many_channels_there_is_one_mean(self) -> None:
        wide = Columns({}).ragged("x", [np.ones((3, 60)), np.ones((0, 60))], np.empty((0, 60)))
        made = Portrait({"train": wide}, {}, [], quiet=True)
        assert list(by_name(made)) == ["length of x", "mean of x"]
        np.testing.assert_array_equal(by_name(made)["mean of x"].values["train"], [1, np.nan])


TEXTS = ["The soup is cold.", "the soup was GREAT, the soup!", "  ", "cold?"]


def text(rows: int, seed: int, longer: int = 0) -> Columns:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, rows).astype(np.uint8)
    words = np.array(["soup", "cold", "great", "the", "tea", "one", "two"])
    made = [
        " ".join(draw.choice(words, draw.integers(3, 9) + longer * label)) + f" {seed}{row}" for row, label in enumerate(labels)
    ]
    return Columns({"x": np.array(made, object), "label": labels})


def of_text(**how: Any) -> Portrait:
    splits = {name: text(rows, seed, **how) for seed, (name, rows) in enumerate(ROWS.items())}
    return Portrait(splits, {"label": {"classes": CLASSES}}, ["label"], quiet=True)


class TestText:
    def test_lengths_stand_for_a_text_and_an_empty_one_is_missing(self) -> None:
        made = Portrait({"train": Columns({"x": np.array(TEXTS, object)})}, {}, [], quiet=True)
        features = by_name(made)
        assert list(features) == ["length of x in characters", "length of x in words"]
        np.testing.assert_array_equal(features["length of x in words"].values["train"], [4, 6, np.nan, 1])
        np.testing.assert_array_equal(features["length of x in characters"].values["train"], [17, 29, np.nan, 5])
        assert "columns   x of free text" in made.lines()
        assert "missing   length of x in characters 25.0%, length of x in words 25.0%" in made.lines()

    def test_the_words_of_most_texts(self) -> None:
        made = Portrait({"train": Columns({"x": np.array(TEXTS, object)})}, {}, [], quiet=True)
        assert made.words == {"x": {"cold": 2, "soup": 2, "the": 2, "great": 1, "is": 1, "was": 1}}
        assert "words     x: cold, soup, the, great, is, was" in made.lines()
        assert "<h2>Words of x</h2>" in page("text", made, [])
        assert "<td>50.0%</td>" in page("text", made, [])

    def test_doubts(self) -> None:
        assert of_text().doubts == []
        found = of_text(longer=3).doubts
        assert [each.partition(" alone tells something of label")[0] for each in found] == ["length of x in words"]
        made = of_text()
        for split in ("train", "test"):
            texts = made.splits[split]["x"]
            texts[5:7] = ["".join(["the very ", "same"]) for _ in range(2)]
        assert made.doubts[0].startswith("1 training row repeats the inputs of an earlier one")
        assert made.doubts[1] == "2 of 60 test rows have the inputs of a training row"

    def test_figures_fit(self) -> None:
        made = of_text()
        assert set(drawings(made)) == {"class_balance", "missing_values", "distributions", "correlations", "train_against_test"}
        for name, draw in drawings(made).items():
            assert fits(draw()), name
        json.dumps(made.written(), allow_nan=False)


def hourly() -> Portrait:
    """A year in which it becomes warmer; the test looks back on hours of training."""
    draw = np.random.default_rng(0)
    hours = np.arange(900)
    warmth = hours / 100 + draw.normal(size=900)
    hired = np.maximum(0, warmth + draw.normal(size=900))
    hired[::50] = np.nan
    whole = Columns(
        {
            "x": np.stack([hired, warmth], 1).astype(np.float32),
            "known": draw.normal(size=(900, 2)),
            "y": hired.astype(np.float32),
            "time": 1293840000 + 3600 * hours.astype(np.int64),
            "origin": hours % 24 == 0,
        }
    )
    known = {"x": {"names": ["hired", "warmth"]}, "known": {"names": ["hour", "holiday"]}, "y": {"names": ["hired"]}}
    splits = {"train": whole.part(0, 600), "validation": whole.part(550, 700), "test": whole.part(580, 900)}
    return Portrait(splits, known, ["y"], quiet=True, beside=("time", "origin"))


class TestTimes:
    def test_times_are_no_features(self) -> None:
        made = hourly()
        roles = {each.name: each.role for each in made.contents.features}
        assert roles == {"hired": "input", "warmth": "input", "hour": "input", "holiday": "input", "y": "target"}
        assert made.lines()[1] == (
            "time      train from 2011-01-01T00:00:00 to 2011-01-25T23:00:00, validation from 2011-01-23T22:00:00 to "
            "2011-01-30T03:00:00, test from 2011-01-25T04:00:00 to 2011-02-07T11:00:00"
        )

    def test_later_times_are_expected_to_differ(self) -> None:
        made = hourly()
        assert made.differences[0].value > 0.3, "they do"
        assert made.doubts == [], "neither the drift, nor what the test looks back on, nor that a target is its own past"
        assert any(each.startswith("drift ") and "lies later in time" in each for each in made.lines())
        assert "not independent" in page("hours", made, [])
        assert "not independent" not in page("texts", of_text(), [])
        without = Portrait(made.splits, made.known, ["y"], quiet=True)
        assert any("differ more than by chance" in each for each in without.doubts)

    def test_figures_fit(self) -> None:
        made = hourly()
        for name, draw in drawings(made).items():
            assert fits(draw()), name
        json.dumps(made.written(), allow_nan=False)
