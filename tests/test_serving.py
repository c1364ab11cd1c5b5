"""Models that answer over HTTP, and the same answers in files."""

import csv
import json
import socket
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mlflow import MlflowClient

from conftest import Command, draw_digits, make_project
from mortal import lives
from served import Ask, free_port, served
from trainbook.requirements import own

ROWS = 1003


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose only model is champion, and raw pictures."""
    folder = make_project(tmp_path_factory.mktemp("served") / "project")
    for words in (
        ("train", "experiment=tiny_mlp", "tracking.run_name=first", "optimizer.lr=0.003", "trainer.max_epochs=9"),
        ("evaluate", "model=runs/first/model"),
        ("register", "run=first", "--alias", "champion"),
    ):
        done = lives(folder, *words)
        assert done.returncode == 0, done.stderr
    np.save(folder / "many.npy", draw_digits(ROWS, seed=8)[0].astype(np.uint8))
    return folder


@pytest.fixture(scope="module", params=["mlflow", "trainbook"])
def ask(request: pytest.FixtureRequest, project: Path) -> Iterator[Ask]:
    """Posts a body to a served champion; both ways to serve it."""
    port = free_port()
    uri = "models:/tiny_mlp@champion"
    words = {
        "mlflow": ["mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "--port", port],
        "trainbook": ["trainbook", "serve", f"model={uri}", "--port", port],
    }[request.param]
    with served(words, project, port, MLFLOW_TRACKING_URI=f"sqlite:///{project}/mlflow.db") as ask:
        yield ask


def predicted(project: Path, output: Path) -> Path:
    done = lives(project, "predict", "model=models:/tiny_mlp@champion", "input=many.npy", "--output", str(output))
    assert done.returncode == 0, done.stderr
    return output


def test_a_server_answers_as_predict_does(ask: Ask, project: Path, tmp_path: Path) -> None:
    pictures = np.load(project / "many.npy")[:1000]
    lines = predicted(project, tmp_path / "answers.jsonl").read_text().splitlines()
    written = [{name: value for name, value in json.loads(line).items() if name != "input"} for line in lines]
    status, answer = ask({"inputs": pictures.tolist()})
    assert status == 200
    assert answer["predictions"] == written[:1000]
    assert len({each["class"] for each in written}) > 1
    for body in (
        {"inputs": {"x": pictures[:9].tolist()}},
        {"instances": [{"x": each} for each in pictures[:9].tolist()]},
        {"dataframe_split": {"columns": ["x"], "data": [[each] for each in pictures[:9].tolist()]}},
    ):
        status, answer = ask(body)
        assert status == 200
        assert [each["class"] for each in answer["predictions"]] == [each["class"] for each in written[:9]]


def broken(**what: float) -> list[Any]:
    pictures = draw_digits(2, seed=1)[0].astype(float)
    pictures[1, 5, 5] = what["pixel"]
    return list(pictures.tolist())


WHOLE = draw_digits(2, seed=1)[0].tolist()
BAD = {
    "fraction": ({"inputs": broken(pixel=0.5)}, "whole numbers from 0 to 255 were expected; row 1 has 0.5"),
    "too great": ({"inputs": broken(pixel=256)}, "whole numbers from 0 to 255 were expected; row 1 has 256"),
    "negative": ({"inputs": broken(pixel=-1)}, "whole numbers from 0 to 255 were expected; row 1 has -1"),
    "shape": ({"inputs": [picture[:5] for picture in WHOLE]}, "x of shape 1x12x12 was expected, as in training; got 1x5x12"),
    "ragged": ({"inputs": [WHOLE[0], WHOLE[1][:5]]}, "inhomogeneous"),
    "missing field": ({"inputs": {"y": WHOLE}}, "One input named x was expected; got ['y']"),
    "extra field": ({"inputs": {"x": WHOLE, "y": [1, 2]}}, "One input named x was expected; got ['x', 'y']"),
    "text": ({"inputs": [["a"]]}, "numbers of type uint8 were expected; got text"),
    "nothing": ({"inputs": [None]}, "numbers of type uint8 were expected; got a mixture, or something missing"),
    "no rows": ({"inputs": []}, "x of shape 1x12x12 was expected"),
    "no inputs": ({}, "dataframe_split"),
    "no JSON": (b"{", "JSON"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_request_gets_400_and_the_reason(ask: Ask, kind: str) -> None:
    body, reason = BAD[kind]
    status, said = ask(body)
    assert status == 400
    assert reason in json.loads(said)["message"]
    assert "Traceback" not in said


def test_csv_jsonl_and_parquet_say_the_same(project: Path, tmp_path: Path) -> None:
    """More rows than are read at once."""
    as_csv = list(csv.DictReader(predicted(project, tmp_path / "a.csv").read_text().splitlines()))
    as_json = [json.loads(line) for line in predicted(project, tmp_path / "a.jsonl").read_text().splitlines()]
    as_parquet = pandas.read_parquet(predicted(project, tmp_path / "a.parquet"))
    assert [row["input"] for row in as_csv] == [f"many.npy[{row}]" for row in range(ROWS)]
    for column in ("input", "class"):
        assert [row[column] for row in as_csv] == [row[column] for row in as_json] == as_parquet[column].tolist()
    for column in ("probability", *"abcd"):
        numbers = np.array([row[column] for row in as_json])
        assert (as_parquet[column].to_numpy().astype(np.float64) == numbers).all(), "to the last digit"
        assert np.allclose([float(row[column]) for row in as_csv], numbers, atol=5.1e-7)
    shown = lives(project, "predict", "model=runs/first/model", "input=many.npy").stdout
    assert shown == (tmp_path / "a.csv").read_text()


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_nothing_half_written(project: Path, trainbook: Command, tmp_path: Path, name: str) -> None:
    """The last of many pictures is broken: the old answers stay as they were."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    from PIL import Image

    for row, picture in enumerate(np.load(project / "many.npy")):
        Image.fromarray(picture).save(folder / f"{row:05}.png")
    (folder / "99999.png").write_bytes(b"no picture")
    (tmp_path / name).write_text("older")
    words = ("predict", f"model={project}/runs/first/model", f"input={folder}", "--output", str(tmp_path / name))
    assert "99999.png" in trainbook(*words, code=1, cwd=project).stderr
    assert (tmp_path / name).read_text() == "older"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (folder / "99999.png").unlink()
    trainbook(*words, cwd=project)
    assert (tmp_path / name).stat().st_size > ROWS


def test_wrong_words(project: Path, trainbook: Command) -> None:
    answers = trainbook("predict", "model=m", "input=many.npy", "--output", "a.xlsx", code=2, cwd=project)
    assert ".csv, .jsonl, .parquet" in answers.stderr
    (project / "parts.parquet").mkdir()
    folder = trainbook("predict", "model=runs/first/model", "input=many.npy", "--output", "parts.parquet", code=1, cwd=project)
    assert "a file was expected; this is a folder" in folder.stderr
    (project / "parts.parquet").rmdir()
    assert "model=FOLDER" in trainbook("serve", "models:/a", code=2, cwd=project).stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "a port that is free" in trainbook("serve", "model=runs/first/model", "--port", port, code=1, cwd=project).stderr


def test_requirements_name_where_trainbook_came_from(project: Path) -> None:
    """A bare name could be anybody's package."""
    client = MlflowClient(tracking_uri=f"sqlite:///{project}/mlflow.db")
    version = client.get_model_version_by_alias("tiny_mlp", "champion")
    kept = client.get_logged_model(version.source.removeprefix("models:/"))
    lines = (Path(kept.artifact_location) / "requirements.txt").read_text().splitlines()
    assert not [line for line in lines if line.startswith("trainbook") and " @ " not in line]
    origin = json.loads(distribution("trainbook").read_text("direct_url.json") or "{}")
    assert f"trainbook @ {origin['url']}" in lines


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, []),
        ({"url": "file:///a/b", "dir_info": {"editable": True}}, ["trainbook @ file:///a/b"]),
        ({"url": "https://a/t.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}}, ["trainbook @ git+https://a/t.git@12ab"]),
        ({"url": "file:///a/t.whl", "archive_info": {"hashes": {"sha256": "0f"}}}, ["trainbook @ file:///a/t.whl#sha256=0f"]),
    ],
)
def test_each_kind_of_origin(monkeypatch: pytest.MonkeyPatch, origin: Any, line: list[str]) -> None:
    class Installed:
        def read_text(self, _: str) -> str | None:
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr("trainbook.requirements.distribution", lambda _: Installed())
    assert own() == line
