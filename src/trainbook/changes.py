"""Uncommitted changes of the project's repository, as a patch that git can apply elsewhere."""

import contextlib
import fnmatch
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

LARGEST = 2**20
"""Bytes of the largest changed file that a patch takes in."""
SECRET_NAMES = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "id_*sa",
    "id_ed25519",
    ".netrc",
    ".pypirc",
    "*credential*",
    "*secret*",
)
"""Files whose names say that they are nobody else's business."""
PLAIN = ("--full-index", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--no-relative", "--submodule=short")
"""What a user's own settings of git must not change in a patch."""
UNTELLING = ("Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector")
"""Detectors that take every digest or address for a secret."""


def patch() -> tuple[bytes, dict[str, str]]:
    """The difference between the checked-out commit and the files as they are, new ones included but those that git ignores.

    Returns:
        The patch, empty where nothing has changed, and what was left out of it: paths with the reason.

    Raises:
        OSError, subprocess.CalledProcessError: no git, or no repository with a commit.
    """
    top = Path(git("rev-parse", "--show-toplevel").decode().strip())
    listed = git("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", ".").decode(
        errors="surrogateescape"
    )
    changed = [entry[3:] for entry in listed.split("\0") if entry]
    left_out = {path: why for path in changed if (why := _private(top, path))}
    kept = [path for path in changed if path not in left_out]
    if not kept:
        return b"", left_out
    with tempfile.TemporaryDirectory() as scratch:  # an index and a store of objects of its own: the repository stays as it is
        known = git("rev-parse", "--path-format=absolute", "--git-path", "objects").decode().strip()
        own = {"GIT_INDEX_FILE": f"{scratch}/index", "GIT_OBJECT_DIRECTORY": scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES": known}
        git("read-tree", "HEAD", more=own)
        paths = "\0".join(kept).encode(errors="surrogateescape")
        literal = {**own, "GIT_LITERAL_PATHSPECS": "1"}
        git("-C", str(top), "add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul", more=literal, stdin=paths)
        plain = ("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false")
        made = git(*plain, "diff", "--cached", "--binary", *PLAIN, "HEAD", more=own)
    return made, left_out


def git(*arguments: str, more: Mapping[str, str] | None = None, stdin: bytes | None = None) -> bytes:
    """What git prints."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(more or {})}
    return subprocess.run(["git", *arguments], capture_output=True, check=True, env=environment, input=stdin).stdout


def _private(top: Path, name: str) -> str | None:
    """Why a changed file is not passed on."""
    path = top / name
    if any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in SECRET_NAMES) or name.endswith(".dvc/config.local"):
        return "its name says that it is secret"
    with tempfile.TemporaryDirectory() as scratch:  # what a line or a file was before is in the patch, too
        before = Path(scratch) / path.name
        with contextlib.suppress(subprocess.CalledProcessError):
            before.write_bytes(git("-C", str(top), "cat-file", "blob", f"HEAD:{name}"))
        for each in (path, before):
            if each.is_file() and each.stat().st_size > LARGEST:
                return f"larger than {LARGEST // 2**20} MB"
            if each.is_file() and not each.is_symlink() and (found := _secrets(each)):
                return f"it seems to hold a secret ({found})"
    return None


def _secrets(path: Path) -> str | None:
    """What kind of secret a file seems to hold, and in which line."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import transient_settings

    known: dict[str, type] = get_mapping_from_secret_type_to_class()
    detectors = {each.__name__ for each in known.values()} - set(UNTELLING)
    with transient_settings({"plugins_used": [{"name": name} for name in sorted(detectors)]}):
        found = SecretsCollection(root=str(path.parent))
        found.scan_file(path.name)
        return next((f"{secret.type.lower()}, line {secret.line_number}" for _, secret in found), None)
