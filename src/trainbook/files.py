"""Files that appear whole or not at all."""

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from trainbook.faults import Fault

LARGEST = 2**26
"""Bytes of a YAML file, and values in it, that are read."""
ALIAS = re.compile(r"\*\w")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` for a file or folder; put it in place when the block ends well.

    Whatever stood at ``path`` is there until that moment, and still there after an error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    new, old = scratch / "new", scratch / "old"
    try:
        yield new
        _open_up(new)
        if path.is_dir():
            path.rename(old)
        new.replace(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open_up(path: Path) -> None:
    """Rights as new files have them: temporary folders, and files that some libraries write, are closed to others."""
    mask = os.umask(0)
    os.umask(mask)
    for each in (path, *path.rglob("*")):
        each.chmod((0o777 if each.is_dir() else 0o666) & ~mask)


def refuse_others(path: Path, mark: str) -> None:
    """Raise a Fault if a folder that is to be replaced was not made here: it holds something, but not the file ``mark``."""
    if path.is_dir() and any(path.iterdir()) and not (path / mark).is_file():
        raise Fault(f"{path}: a new folder, or one with an older {mark}, was expected; this one holds something else.")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")


def write_yaml(path: Path, value: Any) -> None:
    """Write plain data as YAML, keys in the order given."""
    write_text(path, to_yaml(value))


def to_yaml(value: Any) -> str:
    """Plain data as YAML, every value written out where it stands."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def write_json(path: Path, value: Any) -> None:
    """Write plain data as indented JSON; NaN is refused (``ValueError``), for no reader agrees on it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_yaml(path: Path) -> Any:
    """Read plain YAML: no tags that build objects, no resolvers.

    Raises:
        Fault: the file is missing or is no YAML.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise Fault(f"{path}: a file of at most {LARGEST // 2**20} MiB was expected.")
        text = path.read_text(encoding="utf-8")
        value = yaml.load(text, Loader=_Loader)
        if ALIAS.search(text) and _written_out(value, {}) > LARGEST:
            raise Fault(f"{path}: its aliases, written out, would fill the memory.")
        return value
    except FileNotFoundError:
        raise Fault(f"{path} does not exist.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise Fault(f"{path} is not a YAML file that can be read: {reason}") from error


def _written_out(value: Any, known: dict[int, float]) -> float:
    """How many values there are, each counted wherever an alias repeats it; one that holds itself is endless."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf
        known[id(value)] = 1 + sum(_written_out(each, known) for each in (value.values() if isinstance(value, dict) else value))
    return known[id(value)]


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        Fault: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault(f"{path} does not exist.") from None
    except ValueError as error:
        raise Fault(f"{path} is not a JSON file that can be read: {error}") from error


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml reads ten times as fast
    """YAML 1.1 takes ``1e-3`` for text; people who write learning rates do not (Hydra reads a number, too)."""


_Loader.yaml_implicit_resolvers = {key: list(value) for key, value in _Loader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)


def file_digest(path: Path) -> str:
    """sha256 of one file's contents, as ``sha256sum`` prints it (hexadecimal)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(paths: Iterable[Path]) -> str:
    """Digest of the contents of some files, in the order given (hexadecimal)."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def digest(value: Any) -> str:
    """Digest of plain data (hexadecimal): equal for equal data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
