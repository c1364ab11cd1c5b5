"""Suggestions: the name that somebody may have meant."""

import difflib

SYNONYMS = {
    "learning_rate": "lr",
    "epochs": "max_epochs",
    "steps": "max_steps",
    "batch": "batch_size",
    "bs": "batch_size",
    "momentum_factor": "momentum",
    "hidden": "widths",
    "hidden_sizes": "widths",
    "layers": "widths",
    "dropout_rate": "dropout",
    "gpus": "devices",
    "clip": "gradient_clip_val",
}


def unknown(key: str, known: list[str]) -> str:
    """That a key does not exist, and which one may have been meant."""
    return f"{key}: unknown; {nearest(key, known)}"


def nearest(name: str, known: list[str]) -> str:
    """A hint: names with the same last part, or a synonym of it, in the same section first; else similar ones."""
    section, _, last = name.rpartition(".")
    wanted = SYNONYMS.get(last, last)
    alike = sorted(
        (each for each in known if each.rpartition(".")[2] == wanted),
        key=lambda each: each.rpartition(".")[0] != section,
    )
    siblings = [each for each in known if each.rpartition(".")[0] == section] if section else []
    close = alike or difflib.get_close_matches(name, siblings, 1) or difflib.get_close_matches(name, known, 1)
    listed = siblings or [each for each in known if "." not in each]
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(listed)}."
