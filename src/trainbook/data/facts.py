"""Facts: what preparation found out about a data set; they lie beside its arrays, and in every model trained on it."""

from pathlib import Path
from typing import Any

from trainbook.columns import Array
from trainbook.faults import Fault
from trainbook.files import read_yaml

FORMAT = 1
FACTS = "facts.yaml"
Facts = dict[str, Any]


def read_facts(folder: Path) -> Facts:
    """The facts of a prepared data set or a model folder.

    Raises:
        Fault: missing, unreadable, or of a later format.
    """
    facts = read_yaml(folder / FACTS)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Fault(f"{folder / FACTS}: facts of format {FORMAT} were expected. Prepare the data with this version.")
    return facts


def type_of(values: Array) -> str:
    """The name of a column's type; text is text, however long the longest is."""
    return "text" if values.dtype.kind in "UO" else values.dtype.name
