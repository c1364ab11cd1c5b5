"""Nothing is learnt from test series: change their values, and everything that was learnt stays byte for byte."""

import re
import shutil
from pathlib import Path

import pytest

from conftest import ROOT
from kinds.project import Project
from trainbook.files import read_yaml

SERIES = {
    file.stem: read_yaml(file)
    for file in sorted((ROOT / "conf/data").glob("*.yaml"))
    if read_yaml(file)["source"]["_target_"].endswith("ts.Ts")
}
EXPERIMENTS = {file.stem: file.read_text() for file in sorted((ROOT / "conf/experiment").glob("*.yaml"))}


def change(path: Path) -> int:
    """Make every value of a .ts file ten times as large, and every second series a step shorter; returns how many series."""
    head, data = path.read_text().split("@data\n")
    lines = data.split()
    changed = []
    for row, line in enumerate(lines):
        *dimensions, label = line.split(":")
        values = [re.sub(r"[^,]+", lambda each: f"{10 * float(each[0]):g}", each).split(",") for each in dimensions]
        changed.append(":".join([*(",".join(each[row % 2 :]) for each in values), label]))
    path.write_text(f"{head}@data\n" + "\n".join(changed) + "\n")
    return len(lines)


@pytest.mark.parametrize("name", SERIES)
def test_what_is_learnt_does_not_hang_on_test_series(name: str, tmp_path: Path) -> None:
    projects = [Project(tmp_path / each) for each in ("true", "changed")]
    experiment = next(title for title, text in EXPERIMENTS.items() if f"override /data: {name}" in text)
    for project in projects:
        for path in map(Path, SERIES[name]["source"]["paths"].values()):
            (project.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, project.folder / path)
    assert change(projects[1].folder / SERIES[name]["source"]["paths"]["test"]) > 100
    for project in projects:
        project.run("prepare", f"data={name}", "--output", f"build/prepared/{name}")
        project.train("one", f"experiment={experiment}", "trainer.max_epochs=2")
    one, other = (project.folder / "build/prepared" / name for project in projects)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file() and path.name != "facts.yaml")
    differing = [str(path) for path in files if (one / path).read_bytes() != (other / path).read_bytes()]
    assert differing == ["test/x.npy", "test/x.offsets.npy"]
    facts, others = (read_yaml(folder / "facts.yaml") for folder in (one, other))
    for each in (facts, others):
        del each["made_from"], each["prepared"]["test"]
    assert facts == others
    learnt, again = (project.folder / "runs/one/model/weights.safetensors" for project in projects)
    assert learnt.read_bytes() == again.read_bytes()
