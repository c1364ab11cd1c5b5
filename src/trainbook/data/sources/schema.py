"""What a table's columns must hold, checked by pandera: ranges, categories, gaps, uniqueness."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from trainbook.data.sources.frames import shown
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def matched(where: str, there: Sequence[str], named: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Which columns each kind's names mean; a pattern such as ``Att*`` means all that nobody names and no earlier pattern means.

    Args:
        where: how the table is called in complaints.
        there: its columns.
        named: names and patterns by kind.

    Raises:
        Fault: a name means nothing, or a column has none.
    """
    exact = {each for names in named.values() for each in names if each in there}
    rest = [each for each in there if each not in exact]
    found: dict[str, list[str]] = {}
    missing = []
    for kind, names in named.items():
        found[kind] = []
        for name in names:
            matching = [name] if name in exact else [each for each in rest if meant(each, name)]
            rest = [each for each in rest if each not in matching]
            found[kind] += matching
            missing += [] if matching else [name]
    if missing or rest:
        lacking, extra = (", ".join(map(repr, names[:6])) + " …" * (len(names) > 6) or "none" for names in (missing, rest))
        raise Fault(
            f"{where}: other columns were expected (missing: {lacking}; extra: {extra}). "
            "Name each column in the data set's YAML (left_out: those that are not used), or mend the file."
        )
    return found


def meant(name: str, pattern: str) -> bool:
    """Whether a name or pattern of the settings means a column."""
    return name == pattern or fnmatchcase(name, pattern)


def setting(name: str, named: Mapping[str, Any]) -> Any:
    """What is said of a column: by its own name, else by the first pattern that means it."""
    return named[name] if name in named else next(value for pattern, value in named.items() if meant(name, pattern))


def completed(where: str, there: Sequence[str], complete: Sequence[str]) -> list[str]:
    """The columns that ``complete`` means.

    Raises:
        Fault: a name or pattern means none.
    """
    if idle := [each for each in complete if not any(meant(name, each) for name in there)]:
        raise Fault(f"{where}: complete: columns of numbers or categories were expected; {', '.join(idle)} is none.")
    return [name for name in there if any(meant(name, each) for each in complete)]


def check(
    where: str,
    frame: "DataFrame",
    ranges: Mapping[str, Sequence[float | None] | None],
    values: Mapping[str, Sequence[str] | None],
    complete: Sequence[str],
    unique: Sequence[str],
) -> None:
    """Look at every cell.

    Args:
        where: how the table is called in complaints.
        frame: numbers as floats (NaN = missing), text as text (empty = missing).
        ranges: smallest and largest value of each column of numbers, null where there is no limit.
        values: what each column of text may hold; null = anything.
        complete: columns in which nothing may be missing.
        unique: columns that together tell a row from all others.

    Raises:
        Fault: a line for each column that is otherwise, with the count and three example rows.
    """
    from pandera.errors import SchemaErrors
    from pandera.pandas import Column, DataFrameSchema

    if strange := [name for name in unique if name not in frame]:
        raise Fault(f"{where}: unique: columns of the table were expected; {', '.join(strange)} is none.")
    columns = {name: Column(checks=_limits(limits), nullable=True) for name, limits in ranges.items()}
    columns |= {name: Column(checks=_words(words), nullable=True) for name, words in values.items()}
    blank = frame.assign(**{name: frame[name].mask(frame[name] == "", None) for name in values if frame[name].dtype == object})
    for name in complete:
        columns[name].nullable = False
    try:
        DataFrameSchema(columns, unique=list(unique) or None).validate(blank, lazy=True)
    except SchemaErrors as error:
        raise Fault("\n".join(_told(where, blank, error.failure_cases, unique))) from error


def equal(where: str, cells: "Series", values: Any, what: str) -> None:
    """Compare the known cells of a column of numbers with ``values`` (n,), which they must equal.

    Raises:
        Fault: says ``what`` was expected, with the count and three example rows.
    """
    if len(wrong := cells[cells.notna() & (cells != values)]):
        raise Fault(f"{where}: {cells.name}: {what} was expected; {shown(wrong)}.")


def _limits(limits: Sequence[float | None] | None) -> list[Any]:
    from pandera.pandas import Check

    low, high = limits or (None, None)
    checks = [] if low is None else [Check.ge(low, error=f"at least {low:g}")]
    return checks + ([] if high is None else [Check.le(high, error=f"at most {high:g}")])


def _words(words: Sequence[str] | None) -> list[Any]:
    from pandera.pandas import Check

    return [] if words is None else [Check.isin(list(words), error=f"one of {', '.join(map(repr, words))}")]


def _told(where: str, frame: "DataFrame", cases: "DataFrame", unique: Sequence[str]) -> list[str]:
    """A sentence for each column and check that failed."""
    told = []
    for (column, check), found in cases.groupby(["column", "check"], sort=False):
        expected = {"not_nullable": "a value in every row", "multiple_fields_uniqueness": "no row twice"}.get(
            str(check), str(check)
        )
        rows = sorted({int(row) for row in found["index"]})
        if str(check) == "multiple_fields_uniqueness":
            if column != unique[0]:
                continue
            column = ", ".join(unique)
            cells = frame.loc[rows, list(unique)].apply(lambda row: ", ".join(map(str, row)), axis=1)
        else:
            cells = frame[str(column)].loc[rows]
        told.append(
            f"{where}: {column}: {expected} was expected; {shown(cells)}. Mend the file, or what the data set's YAML says."
        )
    return told
