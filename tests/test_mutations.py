"""What comes from elsewhere and is damaged, or made to do harm, ends in a sentence: soon, and in little memory."""

import resource
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import make_project, write_idx
from mortal import lives
from trainbook import assembly, checkpoints
from trainbook.data.facts import read_facts
from trainbook.data.sources.idx import read_idx
from trainbook.faults import Fault
from trainbook.files import file_digest, read_yaml, write_yaml
from trainbook.model import Model, load_weights
from trainbook.settings import load

SECONDS, MEBIBYTES = 5.0, 600
"""What one file may take, and by how much memory may grow in all."""
Mutation = tuple[str, float, bytes]
HARMFUL = (
    *(b"\xff" * 4, b"\x00" * 8, b"99999999999", b"-1", b"null", b"*a", b"&a ["),
    *(b"!!python/object:os.system ", b"../", b"/etc/passwd"),
)
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "cut", "repeat", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from(HARMFUL),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, mutations: list[Mutation]) -> bytes:
    for how, where, what in mutations:
        at = int(where * len(data))
        if how == "set":
            data = data[:at] + what + data[at + len(what) :]
        elif how == "insert":
            data = data[:at] + what + data[at:]
        elif how == "cut":
            data = data[:at]
        elif how == "repeat":
            data = data[:at] + data[at // 2 : at] + data[at:]
        else:
            data = data[at:] + data[:at]
    return data


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a trained model and its checkpoints."""
    folder = make_project(tmp_path_factory.mktemp("mutated") / "project")
    done = lives(folder, "train", "experiment=tiny_mlp", "tracking=none", "tracking.run_name=first")
    assert done.returncode == 0, done.stderr
    return folder


def survives(read: Callable[[], Any]) -> None:
    """Reading ends well or in a Fault, within its limits."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with suppress(Fault):
        read()
    assert time.monotonic() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEBIBYTES * 1024


def search(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    unhurried = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=unhurried)


def formats(made: Path, scratch: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """For each format a valid file, and what reads it."""
    model, last = made / "runs/first/model", max((made / "runs/first/checkpoints").glob("*.ckpt"))
    raw = scratch / "raw-idx"
    write_idx(raw, np.arange(3 * 4 * 4).reshape(3, 4, 4))

    task, noted = Model.open(model).task, read_yaml(model / "run.yaml")

    def changed(path: Path, name: str) -> Path:
        """A model folder with another file, as somebody would write it who wants that to be believed."""
        folder = Path(shutil.copytree(model, path.parent / "changed", dirs_exist_ok=True))
        shutil.copy(path, folder / name)
        write_yaml(folder / "run.yaml", {**noted, "files": {**noted["files"], name: file_digest(path)}})
        return folder

    def opens(name: str) -> Callable[[Path], None]:
        def read(path: Path) -> None:
            Model.open(changed(path, name))

        return read

    def reads_weights(path: Path) -> None:
        load_weights(task, changed(path, "weights.safetensors"))

    def reads_checkpoint(path: Path) -> None:
        folder = path.parent / "checkpoints"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(path, folder / last.name)
        whole, _ = checkpoints.latest(folder)
        assert whole is None or path.read_bytes() == last.read_bytes()
        checkpoints.read(path)  # as if its name were believed

    return {
        "settings": (model / "settings.yaml", opens("settings.yaml")),
        "facts": (model / "facts.yaml", opens("facts.yaml")),
        "weights": (model / "weights.safetensors", reads_weights),
        "idx": (raw, read_idx),
        "idx.gz": (made / "data/tiny/train-y.gz", read_idx),
        "checkpoint": (last, reads_checkpoint),
    }


def go(kind: str, examples: int, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    valid, read = formats(made, tmp_path)[kind]
    whole, path = valid.read_bytes(), tmp_path / f"mutated{valid.suffix}"
    path.write_bytes(whole)
    read(path)

    @search(examples)
    @given(MUTATIONS)
    def holds(mutations: list[Mutation]) -> None:
        path.write_bytes(mutated(whole, mutations))
        survives(lambda: read(path))

    holds()


WRITING = ("trainbook.data.writer.Writer", "trainbook.search.storage.Storage", "trainbook.outbox.Outbox")
KINDS = ("settings", "facts", "weights", "idx", "idx.gz", "checkpoint")


@pytest.mark.parametrize("kind", KINDS)
def test_mutations_end_in_a_sentence(kind: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(kind, 100, made, tmp_path, monkeypatch)


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_mutations(kind: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(kind, 2000, made, tmp_path, monkeypatch)


def test_a_planted_bug_is_caught(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of idx files that believes the header."""

    def careless(path: Path) -> Any:
        data = path.read_bytes()
        shape = np.frombuffer(data, ">u4", data[3], 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)

    monkeypatch.setattr("test_mutations.read_idx", careless)
    with pytest.raises((ExceptionGroup, ValueError, IndexError, TypeError)):
        go("idx", 100, made, tmp_path, monkeypatch)


def test_a_bomb_of_aliases_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 30))]
    (tmp_path / "settings.yaml").write_text("\n".join(["format: 1", "data: {}", *lines]))
    with pytest.raises(Fault, match="written out"):
        load(tmp_path / "settings.yaml")
    (tmp_path / "settings.yaml").write_text("data: &a {name: *a}\n")
    with pytest.raises(Fault, match="written out"):
        load(tmp_path / "settings.yaml")


def test_a_network_larger_than_its_weights_is_never_built(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    folder = Path(shutil.copytree("runs/first/model", tmp_path / "model"))
    text = (folder / "settings.yaml").read_text()
    (folder / "settings.yaml").write_text(text.replace("- 16\n", "- 4000000000\n", 1))
    noted = read_yaml(folder / "run.yaml")
    noted["files"]["settings.yaml"] = file_digest(folder / "settings.yaml")
    write_yaml(folder / "run.yaml", noted)
    with pytest.raises(Fault, match="at most"):
        Model.open(folder)


def test_a_compressed_bomb_is_not_unpacked(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "bomb-idx.gz").write_bytes(gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x02" + bytes(2**28)))
    start = time.monotonic()
    with pytest.raises(Fault, match=r"10 bytes were expected; got 1[0-9]{0,3}\."):
        read_idx(tmp_path / "bomb-idx.gz")
    assert time.monotonic() - start < SECONDS


def test_weights_of_another_model_are_noticed(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    folder = Path(shutil.copytree("runs/first/model", tmp_path / "model"))
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(Fault, match="damaged, missing, or another model's"):
        Model.open(folder)


def test_a_model_folder_leads_nowhere_else(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    folder = Path(shutil.copytree("runs/first/model", tmp_path / "model"))
    (folder / "facts.yaml").unlink()
    (folder / "facts.yaml").symlink_to("/dev/zero")
    with pytest.raises(Fault, match=r"facts.yaml is a link"):
        Model.open(folder)
    (folder / "facts.yaml").unlink()
    shutil.copy("runs/first/model/facts.yaml", folder)
    for name in ("../../elsewhere", "/elsewhere", "..", "."):
        write_yaml(folder / "run.yaml", {**read_yaml(made / "runs/first/model/run.yaml"), "name": name})
        with pytest.raises(Fault, match="the name of a folder under runs/"):
            Model.open(folder)


def test_settings_name_no_foreign_code(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    for target in ("os.system", "trainbook.networks.mlp.os.system", "torch.optim.adam.torch.hub.load", "builtins.eval", *WRITING):
        whole = load(Path("runs/first/model/settings.yaml"))
        whole["network"] = {"_target_": target, "command": "touch ran"}
        with pytest.raises(Fault, match="is not trusted"):
            assembly.task(whole, read_facts(Path("runs/first/model")))
    assert not Path("ran").exists()
