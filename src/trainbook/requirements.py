"""What must be installed to load a saved model, each package named so that only one thing can be meant."""

import json
from importlib.metadata import distribution, version

NEEDED = ("torch", "pytorch-lightning", "torchmetrics", "numpy", "safetensors", "pandas", "tokenizers", "holidays")


def requirements() -> list[str]:
    """Lines for pip: libraries with their versions, and trainbook by where it was installed from.

    A bare ``trainbook`` could be anybody's package in an index; where this one came from no address, none is named.
    """
    return [*(f"{name}=={version(name)}" for name in NEEDED), *own()]


def own() -> list[str]:
    """Trainbook, by path, archive or commit. Source: the packaging standard "Recording the Direct URL Origin" (PEP 610)."""
    text = distribution("trainbook").read_text("direct_url.json")
    if text is None:
        return []
    origin = json.loads(text)
    url = origin["url"]
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if digests := origin.get("archive_info", {}).get("hashes"):
        url += "#" + "&".join(f"{name}={value}" for name, value in digests.items())
    return [f"trainbook @ {url}"]
