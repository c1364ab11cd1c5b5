"""The model card: what a person should know of a model before relying on it, as Markdown.

Source of the sections: Mitchell et al., Model Cards for Model Reporting, 2019.
"""

import re
from pathlib import Path
from typing import Any

from trainbook.comparison import told
from trainbook.data.facts import Facts
from trainbook.recorded import Recorded

LONGEST = 5000
"""Characters that MLflow keeps of a description."""
CLASSES = 15
"""At most so many classes have a line."""


FIRST = re.compile(r"(\*\*.+?\*\*)?.+?[.:](?=\s|$)")
"""The first sentence after a heading in bold."""


def card(recorded: Recorded, facts: Facts, purpose: str, cards: Path) -> str:
    """Purpose, data and licence, training, metrics with intervals, each class, limits, and how to derive the model again.

    Args:
        recorded: the run; it was judged on the test split.
        facts: those of the model's data.
        purpose: what the experiment says it is.
        cards: folder of the data cards.
    """
    data = recorded.record["data"]["name"]
    known = _data_card(cards, data, recorded.record["data"]["raw"])
    parts = [
        f"# {recorded.settings['experiment'] or data}",
        purpose,
        f"**Data.** `{data}`: {known.get('about', 'no card of these data says more')}",
        f"**Licence of the data.** {known.get('licence', 'not stated in a card of these data.')}",
        _training(recorded, facts),
        _metrics(recorded),
        _baselines(recorded),
        _classes(recorded, facts),
        _limits(data, known),
        f"## Derive it again\n`trainbook reproduce {recorded.run.id}`\n\n{_digests(recorded)}",
    ]
    *above, last = (part for part in parts if part)
    text, room = "\n\n".join(above), LONGEST - len(last) - 4
    return f"{text if len(text) <= room else text[: room - 2] + ' …'}\n\n{last}"


def _data_card(folder: Path, data: str, raw: dict[str, str]) -> dict[str, str]:
    """What `docs/data/<raw>.md` says of the data: first paragraph, licence, the first sentence of each limit."""
    names = [data, *(Path(path).parent.name for path in raw)]
    path = next((path for name in names if (path := folder / f"{name}.md").is_file()), None)
    if path is None:
        return {}
    text = path.read_text(encoding="utf-8")
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    found = {}
    if about := next((each for each in paragraphs if each and not each.startswith(("#", "|", "-"))), None):
        found["about"] = about
    if licence := next((each for each in paragraphs if each.startswith("**Licence.**")), None):
        found["licence"] = licence.removeprefix("**Licence.**").strip()
    if limits := re.search(r"^## Limits.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        bullets = (" ".join(each.split()) for each in re.split(r"^- ", limits[1], flags=re.MULTILINE)[1:])
        found["limits"] = "\n".join(f"- {match[0] if (match := FIRST.match(each)) else each}" for each in bullets)
    return found


def _training(recorded: Recorded, facts: Facts) -> str:
    whole, record = recorded.settings, recorded.record
    rows = facts["counts"]["rows"]
    loss = recorded.curves.get("train/loss", {})
    parts = [f"{_named(whole['network'])} by {_named(whole['optimizer'])}, {_named(whole['task'])}"]
    parts.append(f"{len(loss)} epochs" if loss else f"at most {whole['trainer']['max_epochs']} epochs")
    parts.append(f"seed {record['seed']}, {record['threads']} threads")
    given = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    changed = " with uncommitted changes" if record["patch"] else ""
    return f"## Training\n{'; '.join(parts)}. Rows: {given}. Commit `{record['commit'][:12]}`{changed}."


def _named(section: dict[str, Any]) -> str:
    """A section of settings, in a line, without what is switched off."""
    plain = [f"{key}={value}" for key, value in section.items() if not key.startswith("_") and value not in (None, False)]
    return f"{str(section['_target_']).rpartition('.')[2]} ({', '.join(plain)})"


def _metrics(recorded: Recorded) -> str:
    assert recorded.judged is not None
    confidence, intervals = recorded.judged["confidence"], recorded.judged["intervals"]
    lines = [f"| metric | value | {confidence:.0%} interval |", "|---|---|---|"]
    for name, curve in recorded.curves.items():
        if name.startswith("test/"):
            bounds = intervals.get(name)
            said = "" if bounds is None else f"{bounds[0]:.4f} … {bounds[1]:.4f}"
            lines.append(f"| {name.removeprefix('test/')} | {curve[max(curve)]:.4f} | {said} |")
    return f"## On the test split, {recorded.judged['rows']:,} rows\n" + "\n".join(lines)


def _baselines(recorded: Recorded) -> str:
    """A line for each baseline that the model was held against."""
    assert recorded.judged is not None
    lines = [f"- {line}" for line in told(recorded.judged)] if "baselines" in recorded.judged else []
    return "\n".join(["## Beside baselines, on the same rows", *lines]) if lines else ""


def _classes(recorded: Recorded, facts: Facts) -> str:
    """One line a class; of many classes, the worst."""
    assert recorded.judged is not None
    for target in facts["targets"].values():
        classes = target.get("classes") or target.get("labels")
        wide = {
            name.removeprefix("test/").removesuffix("_per_class"): values
            for name, values in recorded.judged.items()
            if name.startswith("test/") and classes and len(values) == len(classes)
        }
        if not wide:
            continue
        first = next(iter(wide.values()))
        chosen = sorted(sorted(range(len(classes)), key=lambda at: first[at])[:CLASSES])
        lines = [f"| class | {' | '.join(wide)} |", "|---" * (len(wide) + 1) + "|"]
        for at in chosen:
            numbers = [f"{values[at]:.4f}" if isinstance(values[at], float) else str(values[at]) for values in wide.values()]
            lines.append(f"| {classes[at]} | {' | '.join(numbers)} |")
        of = "" if len(chosen) == len(classes) else f", the {CLASSES} lowest of {len(classes)} by {next(iter(wide))}"
        return f"## Each class{of}\n" + "\n".join(lines)
    return ""


def _limits(data: str, known: dict[str, str]) -> str:
    said = f"Judged on the test split of `{data}` alone; nothing is known of inputs from elsewhere."
    return f"## Limits\n{said}\n\n{known.get('limits', '')}".rstrip()


def _digests(recorded: Recorded) -> str:
    prepared = recorded.record["data"]["prepared"]
    return f"sha256 of the weights `{recorded.record['weights'][:16]}…`, of the test rows `{prepared['test'][:16]}…`."
