"""The header of a .ts file: what it says of the series below it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trainbook.faults import Fault
from trainbook.suggestions import unknown

TAGS = [
    "problemname",
    "timestamps",
    "missing",
    "univariate",
    "dimensions",
    "equallength",
    "serieslength",
    "classlabel",
    "targetlabel",
]
ALIASES = {"dimension": "dimensions"}
Said = Mapping[str, tuple[str, list[str]]]
"""By tag, where it stands, and the words behind it."""


class Header(NamedTuple):
    """What stands before the data; None where nothing is said."""

    times: bool
    """Whether each value stands in a pair with its time."""
    missing: bool | None
    dimensions: int | None
    equal: bool
    """Whether all series have one length."""
    length: int | None
    labelled: bool
    """Whether a class, or a number to be learnt, stands at the end of each line."""
    classes: list[str]
    regression: bool


def header(path: str, lines: Iterator[tuple[str, str]]) -> Header:
    """Take the lines of the header, up to ``@data``; each comes with file and line, for complaints.

    Raises:
        Fault: a tag is unknown, stands there twice, or says nothing that makes sense.
    """
    said: dict[str, tuple[str, list[str]]] = {}
    for where, text in lines:
        first, *words = text[1:].split() or [""]
        if not text.startswith("@"):
            raise Fault(f"{where}: a line of the header, such as @data, was expected; got {text[:40]!r}.")
        tag = first.lower().replace("_", "")
        tag = ALIASES.get(tag, tag)
        if tag == "data":
            return _told(said)
        if tag not in TAGS:
            raise Fault(f"{where}: @{unknown(tag, TAGS)}")
        if tag in said:
            raise Fault(f"{where}: each tag once was expected; @{first} stands there twice.")
        said[tag] = where, words
    raise Fault(f"{path}: a line @data, and the data below it, were expected; there is none.")


def _told(said: Said) -> Header:
    dimensions, alone = _count(said, "dimensions"), _flag(said, "univariate")
    labels, targets = _flag(said, "classlabel"), _flag(said, "targetlabel")
    if alone and dimensions not in (None, 1):
        raise Fault(f"{said['dimensions'][0]}: 1 dimension was expected, as @univariate true says; got {dimensions}.")
    if labels and targets:
        raise Fault(f"{said['targetlabel'][0]}: a class or a number to be learnt was expected; the header says both.")
    return Header(
        times=_flag(said, "timestamps") or False,
        missing=_flag(said, "missing"),
        dimensions=1 if alone else dimensions,
        equal=_flag(said, "equallength") or False,
        length=None if _flag(said, "equallength") is False else _count(said, "serieslength"),
        labelled=bool(labels or targets),
        classes=said["classlabel"][1][1:] if labels else [],
        regression=bool(targets),
    )


def _flag(said: Said, tag: str) -> bool | None:
    if tag not in said:
        return None
    where, words = said[tag]
    if not words or words[0].lower() not in ("true", "false"):
        raise Fault(f"{where}: @{tag}: true or false was expected; got {' '.join(words)[:40] or 'nothing'}.")
    return words[0].lower() == "true"


def _count(said: Said, tag: str) -> int | None:
    if tag not in said:
        return None
    where, words = said[tag]
    if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
        raise Fault(f"{where}: @{tag}: a number of 1 or more was expected; got {' '.join(words)[:40] or 'nothing'}.")
    return int(words[0])
