"""Pictures of a search, by Optuna: history, importances, parallel coordinates, slices, learning curves, Pareto front."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from optuna import Study, visualization
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(study: Study) -> "dict[str, Figure]":
    """What can be drawn of the trials that there are, by name."""
    import matplotlib as mpl

    mpl.use("Agg")
    drawing: Any = visualization.matplotlib
    complete = [each for each in study.get_trials(deepcopy=False) if each.state == TrialState.COMPLETE]
    names: list[str] = study.metric_names or ["value"]
    wanted: dict[str, Callable[[], Any]] = {}
    if len(names) == 2 and complete:
        wanted["pareto_front"] = partial(drawing.plot_pareto_front, study)
    for at, name in enumerate(names if complete else []):
        more: dict[str, Any] = {} if len(names) == 1 else {"target": partial(_value, at)}
        end = "" if len(names) == 1 else f"_{name.replace('/', '_')}"
        for title, draw in (
            ("history", drawing.plot_optimization_history),
            ("slices", drawing.plot_slice),
            ("parallel_coordinates", drawing.plot_parallel_coordinate),
            ("importances", drawing.plot_param_importances),
        ):
            if title != "importances" or len({each.values[at] for each in complete}) > 1:
                wanted[f"{title}{end}"] = partial(draw, study, target_name=name, **more)
    if len(names) == 1 and any(each.intermediate_values for each in study.get_trials(deepcopy=False)):
        wanted["intermediate_values"] = partial(drawing.plot_intermediate_values, study)
    return {name: figure for name, draw in wanted.items() if (figure := _drawn(draw)) is not None}


def _value(at: int, trial: FrozenTrial) -> float:
    return float(trial.values[at])


def _drawn(draw: Callable[[], Any]) -> "Figure | None":
    import matplotlib.pyplot as plt
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the functions are experimental, and that a legend is empty
        try:
            axes = draw()
        except (ValueError, RuntimeError):  # too few trials, or all of them alike
            return None
        figure: Figure = np.ravel(axes)[0].get_figure()
        legend = np.ravel(axes)[0].get_legend()
        if legend is not None and len(legend.get_texts()) > 12:
            legend.remove()
        figure.set_size_inches(max(9, 3 * np.size(axes)), 5)
        figure.tight_layout()
        plt.close(figure)
    return figure
