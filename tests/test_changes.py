"""Uncommitted changes as a patch, whatever the user's git is set to."""

import subprocess
from pathlib import Path

import pytest

from trainbook.changes import patch


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys.txt").write_text("key = AKIAIOSFODNN7EXAMPLQ\nother = 1\n")
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "picture.bin").write_bytes(bytes(range(256)))
    (tmp_path / ".gitignore").write_text("ignored\n")
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@b.c commit -qm first"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status() -> bytes:
    return subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout


def test_nothing_changed(repository: Path) -> None:
    assert patch() == (b"", {})


@pytest.mark.parametrize("setting", ["color.ui=always", "diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.relative=true"])
def test_it_applies_elsewhere(repository: Path, tmp_path_factory: pytest.TempPathFactory, setting: str) -> None:
    (repository / "code.py").write_text("x = 2\n")
    (repository / "picture.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "sub").mkdir()
    (repository / "sub/new file.py").write_text("y = 3\n")
    (repository / "ignored").write_text("z\n")
    subprocess.run(["git", "config", *setting.split("=")], check=True)
    before = status()
    made, left_out = patch()
    assert left_out == {}
    assert status() == before, "the index is left alone"
    other = tmp_path_factory.mktemp("other") / "clone"
    subprocess.run(["git", "clone", "-q", str(repository), str(other)], check=True)
    subprocess.run(["git", "apply", "--binary", "-"], input=made, cwd=other, check=True)
    for name in ("code.py", "picture.bin", "sub/new file.py"):
        assert (other / name).read_bytes() == (repository / name).read_bytes()
    assert not (other / "ignored").exists()


@pytest.mark.parametrize("removed", ["line", "file"])
def test_a_secret_that_is_taken_out_does_not_enter_either(repository: Path, removed: str) -> None:
    if removed == "line":
        (repository / "keys.txt").write_text("other = 1\n")
    else:
        (repository / "keys.txt").unlink()
    (repository / "code.py").write_text("x = 2\n")
    made, left_out = patch()
    assert left_out == {"keys.txt": "it seems to hold a secret (aws access key, line 1)"}
    assert b"AKIA" not in made
    assert b"x = 2" in made
