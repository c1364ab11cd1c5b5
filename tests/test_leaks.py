"""Nothing is learnt from the test rows: scramble them, and everything that was learnt stays byte for byte."""

import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest

from conftest import ROOT
from kinds.project import Project
from trainbook import assembly
from trainbook.files import read_yaml
from trainbook.settings import Settings

TABLES = {
    file.stem: read_yaml(file)
    for file in sorted((ROOT / "conf/data").glob("*.yaml"))
    if read_yaml(file)["source"]["_target_"].endswith("table.Table")
}
EXPERIMENTS = {file.stem: file.read_text() for file in sorted((ROOT / "conf/experiment").glob("*.yaml"))}


def rows_of_the_test(project: Project, data: Settings) -> np.ndarray:
    """Positions of the test rows in the raw file."""
    with project.entered():
        made = assembly.preparation(data)
        whole = made.source.load()
    if data["source"]["part"]:
        parts = pandas.read_csv(project.folder / made_of(data)[-1])
        return np.flatnonzero(parts[data["source"]["part"]] == "test")
    numbered = whole["train"].replace(position=np.arange(whole["train"].rows))
    for step in made.steps.values():
        kept = step.keep(numbered)
        numbered = numbered if kept is None else numbered.take(kept)
    return made.split({"train": numbered})["test"]["position"]


def made_of(data: Settings) -> list[str]:
    """The raw files of a table without an official file for the test."""
    paths = data["source"]["paths"]["train"]
    return [paths] if isinstance(paths, str) else paths


def scramble(project: Project, data: Settings) -> int:
    """Shuffle every feature among the test rows, each on its own; rows that stand twice stay, for they are left out by it."""
    path = project.folder / made_of(data)[0]
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    rows = rows_of_the_test(project, data)
    rows = rows[~frame.duplicated(keep=False).to_numpy()[rows]]
    draw = np.random.default_rng(1)
    answers = [data["source"]["target"], *(name for name in frame if str(name).startswith("Class"))]
    for name in frame.columns.difference(answers):
        column = frame[name].to_numpy(copy=True)
        column[rows] = draw.permutation(column[rows])
        frame[name] = column
    frame.to_csv(path, index=False)
    return len(rows)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_learnt_does_not_hang_on_test_rows(name: str, tmp_path: Path) -> None:
    projects = [Project(tmp_path / each) for each in ("true", "scrambled")]
    experiment = next(title for title, text in EXPERIMENTS.items() if f"override /data: {name}" in text)
    for project in projects:
        for folder in {Path(path).parent for path in made_of(TABLES[name])}:
            shutil.copytree(ROOT / folder, project.folder / folder)
    assert scramble(projects[1], TABLES[name]) > 100
    for project in projects:
        project.run("prepare", f"data={name}", "--output", f"build/prepared/{name}")
        project.train("one", f"experiment={experiment}", "trainer.max_epochs=2")
    one, other = (project.folder / "build/prepared" / name for project in projects)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file() and path.name != "facts.yaml")
    differing = [path for path in files if (one / path).read_bytes() != (other / path).read_bytes()]
    assert differing
    assert {path.parts[0] for path in differing} == {"test"}
    facts, others = (read_yaml(folder / "facts.yaml") for folder in (one, other))
    for each in (facts, others):
        del each["made_from"], each["prepared"]["test"]
    assert facts == others
    learnt, again = (project.folder / "runs/one/model/weights.safetensors" for project in projects)
    assert learnt.read_bytes() == again.read_bytes()
