"""Made-up sequences of three kinds, the same for the same seed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ["falling", "level", "rising"]


def made_up(rows: int, seed: int) -> list[dict[str, Any]]:
    """Noisy lines of 1 to 12 moments; the second channel says how steep the first one is meant to be."""
    draw = np.random.default_rng(seed)
    listed = []
    for row in range(rows):
        kind, length = row % 3, int(draw.integers(1, 13))
        slope = kind - 1 + 0.6 * draw.standard_normal(length)
        values = np.stack([5 + np.cumsum(slope), 100 * slope], axis=1).round(3)
        listed.append({"values": values.tolist(), "label": CLASSES[kind]})
    return listed


def write(path: Path, rows: int, seed: int = 0) -> None:
    """Write made-up sequences as a raw file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made_up(rows, seed)), encoding="utf-8")
