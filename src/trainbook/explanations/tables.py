"""Tables of an explanation, as csv."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write(path: Path, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write lines below a header; six digits of a number are enough."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in line] for line in lines)
