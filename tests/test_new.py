"""`trainbook new` in a copy of the checkout: what it writes passes the fast test, and nothing that stood is touched."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from trainbook.faults import Fault
from trainbook.stages import new

PARTS = ("src", "conf", "tests", "docs/data", "dvc.yaml", "params.yaml", "data.dvc", "pyproject.toml")
NAMES = ("b", "n" * 40)
"""The shortest and the longest: lines must be neither too long nor broken without need."""
GROUPS = ("data", "network", "task")
Files = dict[str, bytes]


def copy(folder: Path) -> Path:
    """The checkout, with an empty folder of raw data."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / part, folder / part)
    (folder / "data").mkdir()
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``python -m WORDS`` in a process that imports the copy."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**outer, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def standing(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "cache" not in path.as_posix()
    }


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Files, Files, list[str]]:
    """The copy after an addition of each kind under one name, and an experiment with each alone: folder, before, after, said."""
    folder = copy(tmp_path_factory.mktemp("checkout"))
    before, said = standing(folder), []
    for name in NAMES:
        for words in (
            *((group, name) for group in GROUPS),
            ("experiment", name, *(f"{group}={name}" for group in GROUPS), "optimizer=sgd"),
        ):
            done = python(folder, "trainbook", "new", *words)
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
    for group in GROUPS:
        assert python(folder, "trainbook", "new", "experiment", f"only_{group}", f"{group}=b").returncode == 0
    return folder, before, standing(folder), said


def test_only_new_files_and_each_is_named(added: tuple[Path, Files, Files, list[str]]) -> None:
    folder, before, after, said = added
    assert {path: after[path] for path in before} == before
    assert {path for path in after if path not in before and "only_" not in path} == {
        file.format(name)
        for name in NAMES
        for file in (
            *("src/trainbook/networks/{}.py", "conf/network/{}.yaml", "tests/networks/test_{}_network.py"),
            *("src/trainbook/tasks/{}.py", "conf/task/{}.yaml", "tests/tasks/test_{}_task.py"),
            *("data/{0}/{0}.csv", "conf/data/{}.yaml", "docs/data/{}.md", "conf/experiment/{}.yaml"),
        )
    }
    told = [line for text in said for line in text.splitlines() if (folder / line).is_file()]
    assert set(told) == {path for path in after if path not in before and "only_" not in path}
    assert not [path for path in told if "$" in after[path].decode()], "a place was not filled in"


def test_the_card_tells_the_file(added: tuple[Path, Files, Files, list[str]]) -> None:
    files = added[2]
    digest = hashlib.md5(files["data/b/b.csv"], usedforsecurity=False).hexdigest()
    assert digest in files["docs/data/b.md"].decode()


@pytest.mark.slow
def test_additions_pass_the_fast_test(added: tuple[Path, Files, Files, list[str]]) -> None:
    folder = added[0]
    step = "tests/test_experiments.py::test_an_experiment_takes_a_step"
    own = [f"tests/{group}s/test_{name}_{group}.py" for name in NAMES for group in ("network", "task")]
    experiments = [f"{step}[{name}]" for name in (*NAMES, *(f"only_{group}" for group in GROUPS))]
    words = ["-p", "no:cacheprovider", "-q", f"--basetemp={folder.with_name('fast')}"]
    done = python(folder, "pytest", *words, "tests/test_conf.py", "tests/test_layers.py", *own, *experiments)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_additions_are_in_the_house_style(added: tuple[Path, Files, Files, list[str]]) -> None:
    folder = added[0]
    for words in (["check"], ["format", "--check"]):
        done = python(folder, "ruff", *words, "--no-cache")
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_additions_are_typed(added: tuple[Path, Files, Files, list[str]]) -> None:
    folder = added[0]
    files = [f"src/trainbook/{group}s/{NAMES[0]}.py" for group in ("network", "task")]
    # what is imported stays unread: torch alone would take a minute
    done = python(folder, "mypy", "--follow-imports=skip", "--cache-dir", os.devnull, *files)
    assert done.returncode == 0, done.stdout


def test_the_catalogue_says_what_an_experiment_is(added: tuple[Path, Files, Files, list[str]]) -> None:
    said = python(added[0], "trainbook", "list").stdout
    assert f"{NAMES[0]} on {NAMES[0]} by {NAMES[0]}" in said


def test_what_stands_is_never_written_over(added: tuple[Path, Files, Files, list[str]]) -> None:
    folder, _, after, _ = added
    for kind in new.PLACES:
        done = python(folder, "trainbook", "new", kind, NAMES[0])
        assert done.returncode == 1
        assert f"{NAMES[0]}.yaml" in done.stderr
    assert standing(folder) == after


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that only uses trainbook."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_file_that_stands_keeps_the_others_from_being_written(project: Path) -> None:
    (project / "docs/data").mkdir(parents=True)
    (project / "docs/data/plants.md").write_text("mine")
    before = standing(project)
    with pytest.raises(Fault, match=r"docs/data/plants\.md"):
        new.main(["data", "plants"])
    assert standing(project) == before


def test_all_files_or_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, text: str) -> None:
        if path.suffix == ".md":
            raise OSError("disk is full")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    before = sorted(project.rglob("*"))
    monkeypatch.setattr(new, "write_text", fail)
    with pytest.raises(OSError, match="full"):
        new.main(["data", "plants"])
    assert [path for path in sorted(project.rglob("*")) if path not in before and path.name != "data"] == []


def test_a_project_without_the_source_adds_data_and_experiments_only(project: Path) -> None:
    new.main(["data", "plants"])
    new.main(["experiment", "plants", "data=plants"])
    for kind in ("network", "task"):
        with pytest.raises(Fault, match="a checkout of trainbook was expected"):
            new.main([kind, "plants"])
    assert not (project / "src").exists()


def test_raw_data_that_were_not_pulled_are_not_forgotten(project: Path) -> None:
    (project / "data.dvc").touch()
    with pytest.raises(Fault, match="dvc pull"):
        new.main(["data", "plants"])


@pytest.mark.parametrize(
    ("name", "better"),
    [
        *(("WideNet", "wide_net"), ("wide-net 2", "wide_net_2"), ("_wide", "wide"), ("a__b", "a_b"), ("../wide", "wide")),
        *(("2d", "experiment_2d"), ("ä", "experiment"), ("wide\n", "wide"), ("x" * 41, "x" * 40)),
        *(("on", "on_experiment"), ("null", "null_experiment"), ("class", "class_experiment"), ("none", "none_experiment")),
    ],
)
def test_a_bad_name_is_refused_with_a_better_one(project: Path, name: str, better: str) -> None:
    before = standing(project)
    with pytest.raises(Fault, match=f" {better} would do") as caught:
        new.main(["experiment", name])
    assert caught.value.code == 2
    assert standing(project) == before
    new.main(["experiment", better])


@pytest.mark.parametrize(
    ("kind", "name"), [("network", "sequence"), ("task", "known"), ("task", "batch"), ("network", "exception")]
)
def test_a_class_is_not_called_like_another_in_its_file(project: Path, kind: str, name: str) -> None:
    (project / f"src/trainbook/{kind}s").mkdir(parents=True)
    with pytest.raises(Fault, match=f"{name}_{kind} would do"):
        new.main([kind, name])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["netwrok", "wide"], "netwrok: unknown; did you mean network?"),
        (["experiment", "wide", "data=mnst"], "data=mnst: unknown; did you mean mnist?"),
        (["experiment", "wide", "dta=mnist"], "dta: unknown; did you mean data?"),
        (["experiment", "wide", "network=mpl", "task="], "network=mpl: unknown; did you mean mlp?\ntask=: unknown"),
        (["experiment", "wide", "experiment=mnist_mlp"], "experiment: unknown"),
        (["network", "wide", "data=mnist"], "a name alone was expected"),
    ],
)
def test_unknown_words_are_refused_with_the_nearest(project: Path, words: list[str], said: str) -> None:
    with pytest.raises(Fault) as caught:
        new.main(words)
    assert said in str(caught.value)
    assert caught.value.code == 2
    assert not (project / "conf/experiment/wide.yaml").exists()
