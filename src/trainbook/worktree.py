"""A worktree: the project as it was at a commit, with changes that no commit has, in an empty folder of its own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainbook.changes import git
from trainbook.faults import Fault


@contextmanager
def worktree(commit: str, patch: Path | None) -> Iterator[Path]:
    """Check out a commit and apply a patch for the time of a block; gives the project's folder in it.

    Raises:
        Fault: no repository, no such commit, or the patch does not fit.
    """
    where = _repository()
    if where is None or commit == "unknown":
        side = "The run records no commit" if commit == "unknown" else "This project is in no git repository"
        raise Fault(f"{side}: the code that it was trained with cannot be brought back. Train within a git repository.")
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}")
    except subprocess.CalledProcessError:
        raise Fault(
            f"Commit {commit} is not in this repository; looked in {where}. `git fetch --all` brings what others have pushed; "
            "`git reflog` may show one that was left behind."
        ) from None
    scratch = Path(tempfile.mkdtemp(prefix="trainbook-"))
    inside = git("rev-parse", "--show-prefix").decode().strip()
    try:
        git("worktree", "prune")  # what a killed process left
        git("-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet", str(scratch / "work"), commit)
        if patch is not None:
            _apply(patch, scratch / "work", commit)
        yield scratch / "work" / inside
    finally:
        with suppress(subprocess.CalledProcessError):
            git("worktree", "remove", "--force", str(scratch / "work"))
        shutil.rmtree(scratch, ignore_errors=True)


def _repository() -> str | None:
    try:
        git("rev-parse", "--verify", "HEAD")
        return git("rev-parse", "--path-format=absolute", "--git-common-dir").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _apply(patch: Path, top: Path, commit: str) -> None:
    try:
        git("-C", str(top), "apply", "--binary", "--whitespace=nowarn", str(patch.absolute()))
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise Fault(f"The recorded changes cannot be applied to commit {commit}: {said}") from error
