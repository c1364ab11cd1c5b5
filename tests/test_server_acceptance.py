"""From trained models to one that answers over HTTP, with a real MLflow server and the real digits; `make acceptance`."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from conftest import ROOT, Command, make_digits, write_idx
from mlflow_server import Server
from served import free_port, served
from trainbook.data.sources.idx import read_idx

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1200)]
CHAMPION = "models:/mnist_mlp@champion"
RUNS = {
    "middle": ("trainer.max_epochs=2",),
    "worse": ("trainer.max_epochs=1", "optimizer.lr=0.0001"),
    "better": (),
    "elsewhere": ("trainer.max_epochs=1",),
}


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    return make_digits(tmp_path / "digits")


def bad_requests(picture: list[list[int]]) -> dict[str, tuple[Any, str]]:
    """Bodies, and the reason that each one must be given."""

    def with_pixel(value: float) -> dict[str, Any]:
        return {"inputs": [[[value, *picture[0][1:]], *picture[1:]]]}

    return {
        "wrong shape": ({"inputs": [picture[:20]]}, "x of shape 1x28x28 was expected, as in training; got 1x20x28"),
        "fraction": (with_pixel(0.5), "whole numbers from 0 to 255 were expected; row 0 has 0.5"),
        "out of range": (with_pixel(256), "whole numbers from 0 to 255 were expected; row 0 has 256"),
        "missing field": ({"inputs": {"y": [picture]}}, "One input named x was expected; got ['y']"),
        "extra field": ({"inputs": {"x": [picture], "y": [1]}}, "One input named x was expected; got ['x', 'y']"),
        "text": ({"inputs": [["a"]]}, "numbers of type uint8 were expected; got text"),
    }


def test_from_runs_to_a_champion_that_answers(
    server: Server, digits: Path, tmp_path: Path, trainbook: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"MLFLOW_TRACKING_URI": server.uri}
    (digits / "data").unlink()
    shutil.copytree(ROOT / "data", digits / "data")
    pictures = read_idx(digits / "data/mnist/t10k-images-idx3-ubyte.gz")
    said = []

    def go(*words: str, code: int = 0) -> str:
        done = trainbook(*words, code=code, cwd=digits, **where)
        return done.stdout if code == 0 else done.stderr

    for name, words in RUNS.items():
        if name == "elsewhere":  # the same pictures in another order
            order = np.random.default_rng(0).permutation(len(pictures))
            labels = digits / "data/mnist/t10k-labels-idx1-ubyte.gz"
            write_idx(digits / "data/mnist/t10k-images-idx3-ubyte.gz", pictures[order])
            write_idx(labels, read_idx(labels)[order])
        go("train", "experiment=mnist_mlp", "tracking=server", f"tracking.run_name={name}", *words)
        go("evaluate", f"model=runs/{name}/model", "tracking=server")
    said.append(go("register", "run=middle", "--alias", "champion"))
    said.append(go("register", "run=worse", "--alias", "champion", code=1))
    assert "is not better than mnist_mlp@champion (version 1) by more than chance" in said[-1]
    said.append(go("register", "run=better", "--alias", "champion"))
    assert "models:/mnist_mlp/2 is models:/mnist_mlp@champion (passed: accuracy" in said[-1]
    said.append(go("register", "run=elsewhere", "--alias", "champion", code=1))
    assert "The same test data were expected" in said[-1]
    client = MlflowClient(tracking_uri=server.uri)
    assert client.get_run(client.get_model_version_by_alias("mnist_mlp", "champion").run_id).info.run_name == "better"
    assert len(client.search_model_versions("name = 'mnist_mlp'")) == 2

    np.save(digits / "thousand.npy", pictures[:1000])
    go("predict", f"model={CHAMPION}", "input=thousand.npy", "--output", "thousand.jsonl")
    lines = (digits / "thousand.jsonl").read_text().splitlines()
    written = [{key: value for key, value in json.loads(line).items() if key != "input"} for line in lines]
    port = free_port()
    words = ["mlflow", "models", "serve", "-m", CHAMPION, "--env-manager", "local", "--port", port]
    with served(words, digits, port, **where) as ask:
        status, answer = ask({"inputs": pictures[:1000].tolist()})
        assert status == 200
        equal = sum(left == right for left, right in zip(answer["predictions"], written, strict=True))
        said.append(f"1,000 test digits over HTTP: {equal} answers equal those of predict, to the last digit")
        for kind, (body, reason) in bad_requests(pictures[0].tolist()).items():
            status, text = ask(body)
            said.append(f"{kind}: {status} {json.loads(text)['message'][:150]}")
            assert status == 400
            assert reason in text
    with capsys.disabled():
        print("", *(each.strip() for each in said), sep="\n")
    assert equal == 1000
