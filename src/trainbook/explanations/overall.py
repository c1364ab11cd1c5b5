"""Explanations of a whole model: which features it needs, and how its answers hang on them; of validation rows."""

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from trainbook.columns import Columns
from trainbook.data.samples.finished import finished
from trainbook.explanations.dependence import FEATURES, Dependence, answering, dependence
from trainbook.explanations.dependence import ROWS as FEW
from trainbook.explanations.feature import Feature, raw_features, text
from trainbook.explanations.importance import ROWS, Watched, losses, orders, some_rows
from trainbook.explanations.scores import Scores
from trainbook.explanations.tables import write
from trainbook.figures import dependence as curves
from trainbook.figures import importance as bars
from trainbook.model import Model

PRINTED = 10


def explain(model: Model, validation: Columns, folder: Path, quiet: bool) -> tuple[dict[str, Any], list[str]]:
    """Write ``importance.csv``, ``dependence.csv`` and figures; returns how it was done, and lines for a person.

    Dependence is of chances, so that a number has none.
    """
    features, watched = raw_features(model.facts, validation), Watched(model)
    table = some_rows(validation, ROWS)
    order = orders(table.rows, len(features))
    lost = losses(table, features, order, watched, quiet)
    ranked = np.argsort(-lost.mean(1), kind="stable")
    features, lost = [features[at] for at in ranked], lost[ranked]
    names, metric = [feature.name for feature in features], f"val/{watched.name}"
    means, deviations = lost.mean(1).tolist(), lost.std(1).tolist()
    write(folder / "importance.csv", ["feature", "importance", "deviation"], zip(names, means, deviations, strict=True))
    bars.draw(names=names, losses=lost, metric=metric).savefig(folder / "figures/importance.png", dpi=120)
    if _has_chances(model, table):
        _dependences(model, some_rows(validation, FEW), features[:FEATURES], folder, quiet)
    value = watched.sign * watched(table, 1)[0]
    lines = [f"{metric} {value:.4f} of {table.rows} rows loses, each feature shuffled {len(order)} times:"]
    width = max(map(len, names[:PRINTED]))
    shown = list(zip(names, means, deviations, strict=True))[:PRINTED]
    lines += [f"  {name:{width}}  {mean:7.4f} ± {deviation:.4f}" for name, mean, deviation in shown]
    return {"metric": metric, "value": value, "validation_rows": table.rows, "repeats": len(order)}, lines


def _has_chances(model: Model, table: Columns) -> bool:
    scores = Scores(model.task, model.facts)
    scores(finished(model.sample, model.preparation.transform(table.part(0, 1))).inputs)
    return scores.number is None


def _dependences(model: Model, table: Columns, features: list[Feature], folder: Path, quiet: bool) -> None:
    answer = answering(model)
    bar = tqdm(features, desc="Dependence", unit="feature", leave=False, disable=True if quiet else None)
    found = [dependence(table, feature, answer) for feature in bar]
    answers = Scores(model.task, model.facts).names(found[0].chances.shape[1])
    lines = [line for each in found for line in _lines(each, answers)]
    write(folder / "dependence.csv", ["feature", "value", "answer", "chance"], lines)
    names, grids, chances = zip(*found, strict=True)
    drawn = curves.draw(names=names, grids=grids, chances=chances, answers=answers)
    drawn.savefig(folder / "figures/dependence.png", dpi=120)


def _lines(found: Dependence, answers: list[str]) -> list[tuple[str, str, str, float]]:
    return [
        (found.name, text(value), answer, chance)
        for value, chances in zip(found.grid, found.chances.tolist(), strict=True)
        for answer, chance in zip(answers, chances, strict=True)
    ]
