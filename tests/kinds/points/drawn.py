"""Made-up points of the plane, from one normal distribution."""

from pathlib import Path

import numpy as np


def write(path: Path, rows: int) -> None:
    """Write points as a raw file."""
    points = np.random.default_rng(1).multivariate_normal([2, -1], [[0.5, 0.3], [0.3, 0.4]], rows)
    path.parent.mkdir(exist_ok=True)
    np.savetxt(path, points.astype(np.float32), delimiter=",")
