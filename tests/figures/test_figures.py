"""Each figure shows the numbers it was given, checked against numpy, scikit-learn and torchmetrics."""

import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix as count_confusions
from torchmetrics.functional.classification import multiclass_calibration_error

from edges import fits
from trainbook.figures import (
    confusion_matrix,
    first_layer_weights,
    folds,
    learning_curves,
    reliability_diagram,
    worst_mistakes,
)


def render(figure: Figure) -> bytes:
    """The figure as a PNG; any warning on the way (a layout that collapsed, say) fails the test."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def drawn(axes: Axes) -> NDArray[np.float64]:
    """The array behind the picture in ``axes``; NaN where it is masked."""
    array = axes.images[0].get_array()
    assert array is not None
    return np.ma.filled(np.ma.asarray(array, dtype=np.float64), np.nan)


def points(line: Line2D) -> list[tuple[float, float]]:
    """The (x, y) of a line."""
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def bars(axes: Axes) -> list[Rectangle]:
    """The bars in ``axes``, from left to right."""
    return sorted((bar for bar in axes.patches if isinstance(bar, Rectangle)), key=Rectangle.get_x)


class TestLearningCurves:
    def history(self, epochs: int) -> list[dict[str, float]]:
        return [
            {
                "epoch": epoch,
                "train/loss": 1 / epoch,
                "train/accuracy": 1 - 0.5**epoch,
                "train/learning_rate": 10.0**-epoch,
                "train/gradient_norm": 2.0,
                "val/loss": 1.5 / epoch,
                "val/accuracy": 1 - 0.6**epoch,
            }
            for epoch in range(1, epochs + 1)
        ]

    def test_one_panel_per_metric_and_one_line_per_split(self) -> None:
        figure = learning_curves.draw(history=self.history(5))
        assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "learning rate", "gradient norm"]
        train, val = figure.axes[0].get_lines()
        assert (train.get_label(), val.get_label()) == ("train", "val")
        assert points(train) == [(n, 1 / n) for n in range(1, 6)]
        assert points(val) == [(n, 1.5 / n) for n in range(1, 6)]
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "val"]
        assert fits(figure)

    def test_only_steering_that_spans_decades_is_logarithmic(self) -> None:
        scales = {axes.get_title(): axes.get_yscale() for axes in learning_curves.draw(history=self.history(5)).axes}
        assert scales == {"loss": "linear", "accuracy": "linear", "learning rate": "log", "gradient norm": "linear"}
        zero = [{"epoch": 1, "train/learning_rate": 0.0}, {"epoch": 2, "train/learning_rate": 1.0}]
        assert learning_curves.draw(history=zero).axes[0].get_yscale() == "linear"

    def test_a_single_epoch_is_seen(self) -> None:
        figure = learning_curves.draw(history=self.history(1))
        assert all(line.get_marker() == "o" for axes in figure.axes for line in axes.get_lines())
        figure.canvas.draw()
        axes = figure.axes[0]
        left, right = axes.get_xlim()
        assert [
            label.get_text()
            for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if left <= tick <= right
        ] == ["1"]

    def test_metrics_of_any_name(self) -> None:
        history = [
            {"epoch": n, "train/generator": n, "train/discriminator": -n, "train/loss/box": 0.1, "seconds": 3} for n in range(50)
        ]
        figure = learning_curves.draw(history=history)
        assert [axes.get_title() for axes in figure.axes] == ["generator", "discriminator", "loss/box", "seconds"]
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train"]
        assert render(figure)

    def test_absent_and_infinite_values(self) -> None:
        history = [{"epoch": n, "train/loss": float("nan"), "train/f$1$": float("inf")} for n in range(1, 7)]
        history[3]["val/loss"] = 0.25
        figure = learning_curves.draw(history=history)
        assert points(figure.axes[0].get_lines()[1]) == [(4, 0.25)]
        assert [text.get_text() for text in figure.axes[1].texts] == ["no finite value"]
        assert render(figure)

    def test_no_epoch(self) -> None:
        assert learning_curves.draw(history=[]).texts[0].get_text() == "No epoch was logged."


class TestConfusionMatrix:
    def counts(self, classes: int) -> NDArray[np.int64]:
        rng = np.random.default_rng(classes)
        true = rng.integers(0, classes, 40 * classes)
        predicted = np.where(rng.random(true.size) < 0.8, true, rng.integers(0, classes, true.size))
        self.shares = count_confusions(true, predicted, labels=range(classes), normalize="true")
        return np.asarray(count_confusions(true, predicted, labels=range(classes)))

    @pytest.mark.parametrize("classes", [2, 3, 10, 30])
    def test_cells_show_the_counts_and_colours_the_shares(self, classes: int) -> None:
        expected = self.counts(classes)
        axes = confusion_matrix.draw(matrix=expected, classes=[f"c{number}" for number in range(classes)]).axes[0]
        shown = np.full_like(expected, -1)
        for text in axes.texts:
            column, row = text.get_position()
            shown[int(row), int(column)] = int(text.get_text())
        np.testing.assert_array_equal(shown, expected)
        np.testing.assert_allclose(drawn(axes), self.shares)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
        assert f"{np.trace(expected):,} of {expected.sum():,}" in axes.get_title()

    @pytest.mark.parametrize("classes", [2, 50])
    def test_names_are_whole_apart_and_inside(self, classes: int) -> None:
        names = [f"{'a $long$ name ' * (number % 3)}{number}" for number in range(classes)]
        figure = confusion_matrix.draw(matrix=self.counts(classes), classes=names)
        assert fits(figure)
        axes = figure.axes[0]
        assert len(axes.texts) == (4 if classes == 2 else 0)
        for labels, side in ((axes.get_xticklabels(), 0), (axes.get_yticklabels(), 1)):
            assert len(labels) == classes
            boxes = np.array([label.get_window_extent().extents for label in labels])
            boxes = boxes[np.argsort(boxes[:, side])]
            assert (boxes[1:, side] >= boxes[:-1, side + 2] - 1).all(), "labels overlap"

    def test_numbers_stay_inside_their_cells(self) -> None:
        figure = confusion_matrix.draw(matrix=np.full((10, 10), 1234567), classes=list("0123456789"))
        figure.canvas.draw()
        axes = figure.axes[0]
        cell = axes.get_window_extent().width / 10
        assert max(text.get_window_extent().width for text in axes.texts) < cell

    def test_a_class_without_examples(self) -> None:
        figure = confusion_matrix.draw(matrix=[[0, 0], [1, 3]], classes=["absent", "present"])
        np.testing.assert_allclose(drawn(figure.axes[0]), np.array([[0, 0], [0.25, 0.75]]))
        assert render(confusion_matrix.draw(matrix=np.zeros((3, 3)), classes="abc"))

    def test_many_classes_thin_their_names(self) -> None:
        axes = confusion_matrix.draw(matrix=self.counts(130), classes=[str(number) for number in range(130)]).axes[0]
        assert 40 <= len(axes.get_xticklabels()) <= 60

    def test_sizes_must_agree(self) -> None:
        with pytest.raises(ValueError, match=r"2 classes need .* \(2, 2\); got \(3, 3\)"):
            confusion_matrix.draw(matrix=np.eye(3), classes=["a", "b"])


class TestReliabilityDiagram:
    def answers(self, sharpness: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities (n, 5) and targets (n,) of a model that is too sure."""
        generator = torch.Generator().manual_seed(3)
        logits = torch.randn(2000, 5, generator=generator)
        targets = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
        return (sharpness * logits).softmax(1), targets

    @pytest.mark.parametrize(("sharpness", "bins"), [(1.0, 15), (2.5, 10), (60.0, 15), (1.0, 1)])
    def test_title_equals_torchmetrics(self, sharpness: float, bins: int) -> None:
        probabilities, targets = self.answers(sharpness)
        confidence, predicted = probabilities.max(1)
        if sharpness > 50:
            assert (confidence == 1).any(), "a confidence of exactly 1 is part of the test"
        figure = reliability_diagram.draw(confidence=confidence.numpy(), correct=(predicted == targets).numpy(), bins=bins)
        expected = multiclass_calibration_error(probabilities, targets, num_classes=5, n_bins=bins, norm="l1")
        assert float(figure.axes[0].get_title().split()[-1]) == pytest.approx(float(expected), abs=6e-5)

    def test_certain_answers_count_as_in_torchmetrics(self) -> None:
        probabilities = torch.tensor([[0.95, 0.05]] * 8 + [[1.0, 0.0]] * 4)
        targets = torch.tensor([0] * 8 + [0, 0, 0, 1])  # too modest below 1, too sure at 1: together they would cancel
        figure = reliability_diagram.draw(confidence=probabilities[:, 0].numpy(), correct=(targets == 0).numpy())
        expected = multiclass_calibration_error(probabilities, targets, num_classes=2, n_bins=15, norm="l1")
        assert float(figure.axes[0].get_title().split()[-1]) == pytest.approx(float(expected), abs=6e-5)

    def test_bars_equal_binned_means(self) -> None:
        probabilities, targets = self.answers(2.0)
        confidence, predicted = probabilities.max(1)
        sure, right = confidence.double().numpy(), (predicted == targets).numpy()
        figure = reliability_diagram.draw(confidence=sure, correct=right)
        edges = np.linspace(0, 1, 16)
        counts, _ = np.histogram(sure, edges)
        hits, _ = np.histogram(sure[right], edges)
        upper, lower = figure.axes
        heights = {round(bar.get_x() * 15): bar.get_height() for bar in bars(upper)}
        assert heights == pytest.approx({place: hits[place] / counts[place] for place in np.flatnonzero(counts)})
        assert [bar.get_height() for bar in bars(lower)] == counts.tolist()
        assert points(upper.get_lines()[0]) == [(0, 0), (1, 1)]
        assert fits(figure)

    def test_edges(self) -> None:
        figure = reliability_diagram.draw(confidence=[0.0, 0.5, 1.0, 1.0], correct=[False, True, True, False], bins=2)
        assert [bar.get_height() for bar in bars(figure.axes[0])] == pytest.approx([0, 2 / 3])
        assert render(figure)
        single = reliability_diagram.draw(confidence=np.array([0.7], np.float32), correct=[True], bins=10)
        assert bars(single.axes[0])[0].get_x() == pytest.approx(0.7)

    def test_a_few_doubtful_answers_among_many_are_seen(self) -> None:
        sure = np.append(np.full(5000, 0.99), 0.4)
        lower = reliability_diagram.draw(confidence=sure, correct=sure > 0.5).axes[1]
        assert lower.get_yscale() == "log"

    def test_no_prediction(self) -> None:
        assert "No prediction" in reliability_diagram.draw(confidence=[], correct=[]).texts[0].get_text()

    @pytest.mark.parametrize(
        ("confidence", "bins", "message"),
        [
            ([1.2], 15, "between 0 and 1"),
            ([float("nan")], 15, "between 0 and 1"),
            ([0.5], 0, "at least 1"),
            ([0.5, 0.5], 15, "both"),
        ],
    )
    def test_mistaken_arguments(self, confidence: list[float], bins: int, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            reliability_diagram.draw(confidence=confidence, correct=[True], bins=bins)


class TestWorstMistakes:
    def draw(self, pictures: NDArray[np.generic], **changes: Any) -> Figure:
        number = len(pictures)
        rng = np.random.default_rng(0)
        given: dict[str, Any] = {"true": ["4"] * number, "predicted": ["9"] * number, "probability": rng.random(number)} | changes
        return worst_mistakes.draw(pictures=pictures, **given)

    @pytest.mark.parametrize("number", [1, 2, 7, 36, 50])
    def test_up_to_36_the_surest_first(self, number: int) -> None:
        pictures = np.arange(number)[:, None, None] * np.ones((1, 4, 4))
        probability = np.random.default_rng(1).permutation(number) / number
        figure = self.draw(pictures, probability=probability)
        assert len(figure.axes) == min(number, 36)
        for axes, row in zip(figure.axes, sorted(range(number), key=lambda row: -probability[row]), strict=False):
            assert axes.get_title() == f"true 4 → 9 ({probability[row]:.2f})"
        assert fits(figure)

    def test_captions_do_not_overlap(self) -> None:
        figure = self.draw(np.zeros((12, 8, 8)), true=["Pullover of $great$ length"] * 12, predicted=["Ankle boot, left"] * 12)
        assert fits(figure)
        boxes = [axes.title.get_window_extent() for axes in figure.axes[:4]]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.bool_])
    def test_any_range_of_values_becomes_0_to_1_over_the_set(self, dtype: type) -> None:
        pictures: NDArray[Any] = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]]]).astype(dtype)
        for scaled in (pictures, pictures * np.float32(7) - np.float32(3)):
            figure = self.draw(scaled, probability=[0.9, 0.8])
            for axes, picture in zip(figure.axes, pictures, strict=True):
                np.testing.assert_allclose(drawn(axes), picture.astype(float), atol=1e-6)

    def test_channels(self) -> None:
        pictures = np.random.default_rng(0).normal(size=(1, 3, 6, 5))
        pictures = (pictures - pictures.min()) / np.ptp(pictures)
        colour = drawn(self.draw(pictures).axes[0])
        np.testing.assert_allclose(colour, pictures[0].transpose(1, 2, 0))
        assert drawn(self.draw(pictures[:, :1]).axes[0]).shape == (6, 5)
        assert drawn(self.draw(pictures[:, :2]).axes[0]).shape == (6, 5)

    def test_constant_pictures(self) -> None:
        assert render(self.draw(np.full((2, 1, 3, 3), 5.0)))

    @pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (0, 3, 8, 8)])
    def test_no_mistakes(self, shape: tuple[int, ...]) -> None:
        assert self.draw(np.empty(shape)).texts[0].get_text() == "No mistakes."

    def test_mistaken_arguments(self) -> None:
        with pytest.raises(ValueError, match="equally many"):
            self.draw(np.zeros((2, 4, 4)), true=["4"])
        with pytest.raises(ValueError, match=r"got \(2, 4\)"):
            self.draw(np.zeros((2, 4)))


class TestFirstLayerWeights:
    def test_every_filter_stands_in_the_sheet_once(self) -> None:
        weights = np.random.default_rng(0).normal(size=(6, 28, 28))
        axes, bar = first_layer_weights.draw(weights=weights).axes
        sheet = drawn(axes)
        np.testing.assert_allclose(np.sort(sheet[np.isfinite(sheet)]), np.sort(weights.ravel()))
        np.testing.assert_allclose(sheet[:28, :28], weights[0])
        columns = np.flatnonzero(np.isfinite(sheet[0]))
        second = columns[columns >= 28][0]
        np.testing.assert_allclose(sheet[:28, second : second + 28], weights[1])
        assert bar.get_ylabel() == "weight"

    @pytest.mark.parametrize("shift", [-3.0, 0.0, 5.0])
    def test_colours_are_symmetric_about_zero(self, shift: float) -> None:
        weights = np.random.default_rng(0).normal(size=(4, 5, 5)) + shift
        picture = first_layer_weights.draw(weights=weights).axes[0].images[0]
        low, high = picture.get_clim()
        assert low == -high
        assert np.quantile(abs(weights), 0.99) <= high <= abs(weights).max()
        red, green, blue, _ = picture.to_rgba(np.zeros(1))[0]
        assert min(red, green, blue) > 0.95

    def test_at_most_64_units(self) -> None:
        figure = first_layer_weights.draw(weights=np.arange(128)[:, None, None] * np.ones((128, 28, 28)))
        sheet = drawn(figure.axes[0])
        assert set(sheet[np.isfinite(sheet)]) == set(range(64))
        assert figure.axes[0].get_title() == "first 64 of 128 units"
        assert fits(figure)

    def test_channels_stand_side_by_side(self) -> None:
        weights = np.arange(6.0).reshape(2, 3, 1, 1) * np.ones((2, 3, 24, 24))
        axes = first_layer_weights.draw(weights=weights).axes[0]
        sheet = drawn(axes)
        seen = [tuple(dict.fromkeys(row[np.isfinite(row)])) for row in sheet[np.isfinite(sheet).any(axis=1)]]
        assert set(seen) in ({(0, 1, 2), (3, 4, 5)}, {(0, 1, 2, 3, 4, 5)})
        assert axes.get_title() == "2 units, 3 channels side by side"

    @pytest.mark.parametrize(
        "weights", [np.zeros((1, 28, 28)), np.full((2, 3, 3), np.nan), np.ones((3, 1, 1)), np.ones((9, 1, 200))]
    )
    def test_awkward_weights(self, weights: NDArray[np.float64]) -> None:
        assert render(first_layer_weights.draw(weights=weights))

    @pytest.mark.parametrize("shape", [(10, 784), (0, 3, 3)])
    def test_mistaken_arguments(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="Weights must be"):
            first_layer_weights.draw(weights=np.ones(shape))


class TestFolds:
    def test_points_mean_and_deviation(self) -> None:
        values = {
            "accuracy": [0.8, 0.9, 0.7, 0.8],
            "difference/a_baseline_of_a_very_long_name_indeed/accuracy": [3.0, 4.0, 5.0, 6.0],
        }
        figure = folds.draw(values=values)
        for axes, each in zip(figure.axes, values.values(), strict=True):
            mean, deviation = np.mean(each), np.std(each, ddof=1)
            line, marks = axes.get_lines()
            assert points(marks) == list(enumerate(each))
            assert list(np.asarray(line.get_ydata())) == pytest.approx([mean, mean])
            (band,) = bars(axes)
            assert (band.get_y(), band.get_height()) == pytest.approx((mean - deviation, 2 * deviation))
            assert axes.get_title().endswith(f"{mean:.4f} ± {deviation:.4f}")
        assert fits(figure)

    @pytest.mark.parametrize("values", [{}, {"loss": [0.5, 0.5]}, {f"f$_{n}$": [n, n / 3] for n in range(9)}])
    def test_odd_values(self, values: dict[str, list[float]]) -> None:
        assert render(folds.draw(values=values))

    def test_one_fold_has_no_deviation(self) -> None:
        with pytest.raises(ValueError, match="At least two folds"):
            folds.draw(values={"loss": [1.0]})


def test_pyplot_is_left_alone_and_threads_agree() -> None:
    def draw(seed: int) -> bytes:
        return render(first_layer_weights.draw(weights=np.random.default_rng(seed).normal(size=(4, 5, 5))))

    before = sys.modules.get("matplotlib.pyplot")
    alone = [draw(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw, range(4)))
    assert alone == together
    assert sys.modules.get("matplotlib.pyplot") is before
    if before is not None:
        numbers: Callable[[], list[int]] = before.get_fignums
        assert numbers() == []
