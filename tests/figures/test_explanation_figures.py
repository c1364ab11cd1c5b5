"""The figures of `trainbook explain` show the numbers that they were given, and nothing sticks out or overlaps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from trainbook.figures import attributions, dependence, importance, saliency, series, words

DRAW = np.random.default_rng(0)
NAMES = [f"a feature with a long name {at}" if at % 2 else f"f{at}" for at in range(30)]
CLASSES = [f"class number {at}" for at in range(9)]
WORDS = np.array([f"a long word {at}" for at in range(12)] + [""])


def check(figure: Figure) -> Figure:
    """Everything lies within the figure's edges, and no text over another."""
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 > -0.02
    assert box.y0 > -0.02
    assert box.x1 < width + 0.02
    assert box.y1 < height + 0.02
    renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    titles = [axes.title.get_window_extent(renderer) for axes in figure.axes if axes.get_title()]
    ticks = [axes.get_xaxis().get_tightbbox(renderer) for axes in figure.axes if axes.axison and len(axes.get_xticks())]
    above = [each.get_window_extent(renderer) for each in (*figure.legends, *figure.texts)]
    assert not any(title.overlaps(other) for title in titles for other in (*ticks, *above) if other is not None)
    return figure


@pytest.mark.parametrize(("rows", "features"), [(1, 2), (3, 30), (6, 13)])
def test_attributions(rows: int, features: int) -> None:
    found, values = DRAW.normal(size=(rows, features)), [[f"{at:.3f}" for at in range(features)]] * rows
    figure = check(
        attributions.draw(
            titles=[f"row {row}: yes" for row in range(rows)], names=NAMES[:features], values=values, attributions=found
        )
    )
    for axes, row in zip(figure.axes, found, strict=True):
        lengths = [float(bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
        strongest = sorted(row, key=abs, reverse=True)[:12]
        assert lengths == pytest.approx(strongest)
        assert (len(lengths) < features) == (f"others: {row.sum() - sum(lengths):+.3g}" in axes.get_xlabel())
    assert figure.axes[0].get_yticklabels()[0].get_text().endswith(f"{np.abs(found[0]).argmax():.3f}")


def test_saliency() -> None:
    maps = {"occlusion": DRAW.normal(size=(3, 8, 6)), "grad_cam": np.abs(DRAW.normal(size=(3, 8, 6)))}
    figure = check(saliency.draw(pictures=DRAW.random((3, 1, 8, 6)), maps=maps, titles=["a (0.9)", "b", "c"]))
    assert len(figure.axes) == 9
    drawn = figure.axes[1].images[1]
    np.testing.assert_allclose(np.asarray(drawn.get_array()), maps["occlusion"][0])
    assert drawn.get_clim() == pytest.approx((-np.abs(maps["occlusion"][0]).max(), np.abs(maps["occlusion"][0]).max()))
    check(saliency.draw(pictures=DRAW.random((1, 3, 5, 20)), maps={"occlusion": np.zeros((1, 5, 20))}, titles=["colour"]))


@pytest.mark.parametrize("features", [1, 5, 30])
def test_importance(features: int) -> None:
    lost = DRAW.normal(size=(features, 4))
    (axes,) = check(importance.draw(names=NAMES[:features], losses=lost, metric="val/f1")).axes
    lengths = [float(bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
    assert lengths == pytest.approx(sorted(lost.mean(1), reverse=True)[:20])


@pytest.mark.parametrize(("answers", "features"), [(1, 1), (9, 1), (9, 3), (3, 6)])
def test_dependence(answers: int, features: int) -> None:
    grids = [WORDS if at % 3 == 1 else np.sort(DRAW.normal(size=20)) for at in range(features)]
    chances = [DRAW.random((len(grid), answers)) for grid in grids]
    figure = check(dependence.draw(names=NAMES[:features], grids=grids, chances=chances, answers=CLASSES[:answers]))
    assert len(figure.axes) == features
    likely = sorted(np.argsort(-np.concatenate(chances).mean(0), kind="stable")[:6])
    for axes, means in zip(figure.axes, chances, strict=True):
        for line, at in zip(axes.get_lines(), likely, strict=True):
            assert line.get_label() == CLASSES[at]
            np.testing.assert_allclose(line.get_ydata(), means[:, at])


@pytest.mark.parametrize(
    ("draw", "arrays"),
    [
        (attributions.draw, {"titles": ["a"], "names": ["b"], "values": [["1"]], "attributions": np.zeros((2, 1))}),
        (saliency.draw, {"pictures": np.zeros((2, 4, 4)), "maps": {"m": np.zeros((2, 4, 5))}, "titles": ["a", "b"]}),
        (words.draw, {"titles": ["a"], "words": [["b"]], "attributions": [[1, 2]]}),
        (series.draw, {"titles": ["a"], "channels": ["b"], "start": 0, "values": [[[1]]], "attributions": [[[1, 2]]]}),
        (importance.draw, {"names": ["a"], "losses": np.zeros((2, 3)), "metric": "f1"}),
        (dependence.draw, {"names": ["a"], "grids": [[1, 2]], "chances": [np.zeros((3, 1))], "answers": ["yes"]}),
    ],
)
def test_sizes_that_do_not_fit(draw: Callable[..., Figure], arrays: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        draw(**arrays)


def test_words() -> None:
    long = [f"word{at}" for at in range(300)]
    strengths = np.full(300, 0.01)
    strengths[[40, 200]] = 1, -2
    texts = [["good", ",", "not", "$x_1$", "\U0010ffff"], long, []]
    figure = check(
        words.draw(titles=["a: yes (0.9)", "b" * 200, "c"], words=texts, attributions=[[1, 0, -2, 0.5, 0], strengths, []])
    )
    (axes,) = figure.axes
    written = [each.get_text() for each in axes.texts]
    assert {"good", "$x_1$", "\ufffd", "no words", "strongest: word200 -2; together +1.98"} <= set(written)
    shown = [int(each.removeprefix("word")) for each in written if each.startswith("word")]
    assert {*range(34, 47), *range(194, 207)} <= set(shown), "what stands around the strongest words"
    assert len(shown) <= 120 + 3 * 20
    hidden = sum(int(each.split()[1]) for each in written if each.startswith("… "))
    assert hidden + len(shown) == 300
    colours = {text.get_position(): text.get_text() for text in axes.texts}
    painted = {
        name: each
        for each in axes.patches
        for at, name in colours.items()
        if np.allclose(at, (each.get_x() + 0.02, each.get_y() + 0.145))
    }  # type: ignore[attr-defined]
    assert painted["good"].get_alpha() == pytest.approx(painted["not"].get_alpha() / 2)  # type: ignore[operator]
    assert painted["good"].get_facecolor()[:3] != painted["not"].get_facecolor()[:3]  # type: ignore[index]
    assert "," not in painted


@pytest.mark.parametrize(
    ("channels", "lengths", "start"), [(12, [16, 29, 1], 0), (30, [8], 0), (1, [5, 0], 0), (3, [30, 30], -24)]
)
def test_series(channels: int, lengths: list[int], start: int) -> None:
    numbers, found = ([DRAW.normal(size=(length, channels)) for length in lengths] for _ in range(2))
    if start < 0:
        for each in (*numbers, *found):
            each[-start:, 0] = np.nan
    titles = [f"row {at}: yes (0.93)" for at in range(len(lengths))]
    figure = check(series.draw(titles=titles, channels=NAMES[:channels], start=start, values=numbers, attributions=found))
    assert len(figure.axes) == 3 * len(lengths)
    counted = sum(np.nansum(np.abs(each), axis=0) for each in found)
    shown = np.sort(np.argsort(-counted)[:16])
    for row, each in enumerate(found):
        drawn, bars = figure.axes[3 * row + 1].images[0], figure.axes[3 * row + 2].patches
        if len(each):
            np.testing.assert_allclose(np.ma.filled(drawn.get_array(), np.nan), each[:, shown].T)
            assert drawn.get_clim()[1] == pytest.approx(np.nanmax(np.abs(each)))
            assert drawn.get_extent()[:2] == [start - 0.5, start + len(each) - 0.5]
        assert [bar.get_width() for bar in bars] == pytest.approx(np.nansum(each, axis=0)[shown])  # type: ignore[attr-defined]
    if start < 0:
        assert np.isnan(np.ma.filled(figure.axes[1].images[0].get_array(), np.nan)[0, -start:]).all()
