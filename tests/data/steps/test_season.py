"""The scale of MASE against its formula."""

import numpy as np
import pytest

from trainbook.columns import Columns
from trainbook.data.steps.season import Season
from trainbook.faults import Fault


def test_the_scale_is_the_mean_difference_to_one_season_before_and_nothing_changes() -> None:
    y = np.random.default_rng(0).normal(size=50).astype(np.float32)
    y[[5, 33]] = np.nan
    step, columns = Season(["y"], 7), Columns({"y": y, "x": y})
    step.fit(columns)
    known = [abs(float(y[at]) - float(y[at - 7])) for at in range(7, 50) if not np.isnan(y[at] + y[at - 7])]
    assert len(known) == 43 - 3
    assert step.facts() == {"y": {"season": 7, "scale": pytest.approx(np.mean(known))}}
    assert step.transform(columns) is columns
    again = Season(["y"], 7)
    again.restore(step.state())
    assert again.facts() == step.facts()


def test_too_short_a_training_part_is_refused() -> None:
    with pytest.raises(Fault, match="more than 9 training steps"):
        Season(["y"], 9).fit(Columns({"y": np.zeros(9, np.float32)}))
    with pytest.raises(ValueError, match="season of at least 1"):
        Season(["y"], 0)
