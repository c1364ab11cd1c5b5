"""Page: a portrait as one HTML file, with the figures that lie beside it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from trainbook.portrait.portrait import Portrait
from trainbook.portrait.summary import QUANTILES

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 2em auto; max-width: 1100px; padding: 0 1em; }}
h2 {{ margin-top: 2em; font-weight: 600; }}
.wide {{ overflow: auto; max-height: 75vh; border: 1px solid #ddd; }}
table {{ border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 3px 10px; text-align: left; white-space: nowrap; border-bottom: 1px solid #eee; }}
th {{ position: sticky; top: 0; background: #f5f5f5; }}
td.number, th.number {{ text-align: right; }}
.doubts li {{ margin: 2px 0; }}
img {{ max-width: 100%; display: block; }}
</style>
</head>
<body>
<h1>{title}</h1>
{rows}
{times}
<h2>What to look at</h2>
{doubts}
<h2>Columns</h2>
<p>Missing values in each split; difference of train and test from 0 (none) to 1; all else of the training rows.</p>
<div class="wide">
{features}
</div>
{channels}
{words}
{figures}
</body>
</html>
"""
TIMES = """<p>The test lies later in time than what is learnt from: that it differs is expected, and chances (p) are greater than
they look, for rows that follow one another are not independent.</p>"""


def page(title: str, portrait: Portrait, figures: Iterable[str]) -> str:
    """HTML; ``figures`` are names of files in `figures/` beside it, without `.png`."""
    doubts = "\n".join(f"<li>{escape(each)}</li>" for each in portrait.doubts)
    return TEMPLATE.format(
        title=escape(title),
        rows=_table(["split", "rows"], [[split, count] for split, count in portrait.contents.rows.items()]),
        doubts=f'<ul class="doubts">\n{doubts}\n</ul>' if doubts else "<p>Nothing.</p>",
        times=TIMES if portrait.in_time else "",
        features=_features(portrait),
        channels=_channels(portrait),
        words="\n".join(_words(name, words, portrait.contents.rows["train"]) for name, words in portrait.words.items()),
        figures="\n".join(_figure(name) for name in figures),
    )


def _features(portrait: Portrait) -> str:
    splits = list(portrait.contents.rows)
    differences = {each.name: each.value for each in portrait.differences}
    head = ["column", "role", "type", *(f"missing {split}" for split in splits), "distinct", "mean", "std", *QUANTILES]
    rows = []
    for each in portrait.features:
        numbers = [each.get(name, "") for name in ("mean", "std", *QUANTILES)]
        counted = [*(each["missing"][split] for split in splits), each["distinct"]]
        frequent = ", ".join(
            f"{text or '(missing)'} {count:,}" for text, count in list(each.get("most_frequent", {}).items())[:5]
        )
        about = [each["name"], each["role"], each["type"], *counted, *numbers]
        rows.append([*about, differences.get(each["name"], ""), frequent])
    return _table([*head, "test differs", "most frequent"], rows)


def _channels(portrait: Portrait) -> str:
    """All values of series, whatever row they are in."""
    if not portrait.channels:
        return ""
    splits = list(portrait.contents.rows)
    head = ["channel", "values", *(f"missing {split}" for split in splits), "mean", "std", "min", "max"]
    rows = [
        [each["name"], each["values"]["train"], *(each["missing"][split] for split in splits)]
        + [each.get(name, "") for name in head[-4:]]
        for each in portrait.channels
    ]
    said = "<h2>Channels</h2>\n<p>All values of the training rows, those of long series more often than those of short ones.</p>"
    return f'{said}\n<div class="wide">\n{_table(head, rows)}\n</div>'


def _words(name: str, words: Mapping[str, int], texts: int) -> str:
    rows = [[word, count, f"{count / max(texts, 1):.1%}"] for word, count in words.items()]
    head = ["word", "training rows", "share"]
    return f'<h2>Words of {escape(name)}</h2>\n<div class="wide">\n{_table(head, rows)}\n</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    first: Sequence[Any] = rows[0] if rows else []
    numeric = [any(not isinstance(row[at], str) for row in rows) for at in range(len(first))] or [False] * len(head)
    kinds = [' class="number"' if each else "" for each in numeric]
    titles = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, head, strict=True))
    lines = ["".join(f"<td{kind}>{_cell(value)}</td>" for kind, value in zip(kinds, row, strict=True)) for row in rows]
    return "\n".join(["<table>", f"<tr>{titles}</tr>", *(f"<tr>{line}</tr>" for line in lines), "</table>"])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _figure(name: str) -> str:
    words = escape(name.replace("_", " "))
    return f'<h2>{words.capitalize()}</h2>\n<img src="figures/{escape(name)}.png" alt="{words}">'
