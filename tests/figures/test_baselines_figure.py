"""The figure of baselines shows the values and intervals that it was given."""

import io
from itertools import pairwise

import numpy as np
import pytest

from trainbook.figures import baselines

GIVEN = {
    "metric": "accuracy",
    "names": ["network", "most_frequent", "a name with a $ and more letters than there is room for"],
    "values": [0.9, 0.3, 0.91],
    "intervals": [(0.88, 0.92), (0.25, 0.35), (None, None)],
    "differences": [(0.6, 0.5, 0.7), (-0.01, None, None)],
    "confidence": 0.9,
}


def test_points_intervals_and_words() -> None:
    figure = baselines.draw(**GIVEN)
    figure.savefig(io.BytesIO(), format="png")
    axes = figure.axes[0]
    lines = [line for line in axes.lines if line.get_linestyle() != ":"]
    points = {tuple(line.get_xydata()[0]) for line in lines if line.get_marker() == "o"}
    assert points == {(0.9, 0), (0.3, 1), (0.91, 2)}
    spans = [line.get_xydata() for line in lines if line.get_marker() != "o"]
    np.testing.assert_array_equal(spans, [[[0.88, 0], [0.92, 0]], [[0.25, 1], [0.35, 1]]])
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the network is on top"
    (right,) = axes.child_axes
    said = [label.get_text() for label in right.get_yticklabels()]
    assert said == ["0.9000", "0.3000\nnetwork better by +0.6000 [+0.5000, +0.7000]", "0.9100\nnetwork better by -0.0100"]
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 > -0.02
    assert box.x1 < width + 0.02
    assert box.y1 < height + 0.02
    names = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in pairwise(names))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="for each of 3 names"):
        baselines.draw(**{**GIVEN, "values": [0.9]})
