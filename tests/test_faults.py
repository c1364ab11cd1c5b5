"""Bad input ends early, with one clear sentence and nothing half-written."""

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Command, draw_digits, write_idx
from mortal import lives
from trainbook.faults import Fault

Inside = Callable[..., None]
TRAIN = ("train", "experiment=tiny_mlp")


def said(run: Inside, *words: str) -> tuple[str, int]:
    with pytest.raises(Fault) as caught:
        run(*words)
    return str(caught.value), caught.value.code


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["experiment=tiny_mpl"], "did you mean tiny_mlp?"),
        (["experiment=tiny_mlp", "network=mpl"], "did you mean mlp?"),
        ([*TRAIN[1:], "optimizer.learning_rate=1"], "optimizer.learning_rate: unknown; did you mean optimizer.lr?"),
        ([*TRAIN[1:], "epochs=3"], "did you mean trainer.max_epochs?"),
        ([*TRAIN[1:], "netwrk.widths=[3]"], "did you mean network.widths?"),
        ([*TRAIN[1:], "+network.depth=3"], "takes no depth"),
        ([*TRAIN[1:], "optimizer.lr=fast"], "optimizer.lr: a number was expected; got 'fast'"),
        ([*TRAIN[1:], "optimizer.lr=-1"], "optimizer: Invalid learning rate: -1"),
        ([*TRAIN[1:], "scheduler=one_cycle", "scheduler.max_lr=-1"], "scheduler.max_lr: a learning rate of at least 0"),
        ([*TRAIN[1:], "network.widths=[]"], "widths: at least one hidden layer"),
        ([*TRAIN[1:], "network.widths=[8,-2]"], "widths: at least one hidden layer"),
        ([*TRAIN[1:], "network.activation=swish"], "relu or leaky_relu or tanh or sigmoid or gelu was expected; got 'swish'"),
        ([*TRAIN[1:], "data.batch_size=0"], "data.batch_size: a whole number of at least 1 was expected; got 0"),
        ([*TRAIN[1:], "data.store=dense"], "ready or compact was expected; got 'dense'"),
        ([*TRAIN[1:], "seed=1.5"], "seed: a whole number"),
        ([*TRAIN[1:], "optimizer._target_=torch.optim.lr_scheduler.warnings.warn"], "is not trusted"),
        ([*TRAIN[1:], "optimizer._target_=torch.optim.adam.torch.hub.load"], "is not trusted"),
        ([*TRAIN[1:], "optimizer._target_=os.system"], "is not trusted"),
        ([*TRAIN[1:], "network._target_=trainbook.networks.mlp.torch.hub.load"], "is not trusted"),
        ([*TRAIN[1:], "network._target_=trainbook.networks.mlp.nn.Linear"], "is not trusted"),
        ([*TRAIN[1:], "network._target_=trainbook.data.writer.Writer"], "is not trusted"),
        ([*TRAIN[1:], "network._target_=trainbook.search.storage.Storage"], "is not trusted"),
        ([*TRAIN[1:], "+trainer.fast_dev_run=true"], "take trainer=one_batch"),
        ([*TRAIN[1:], "trainer.precision=16-mixed"], "32-true or bf16-mixed was expected"),
        ([*TRAIN[1:], "trainer.strategy=fsdp"], "auto or ddp was expected"),
        ([*TRAIN[1:], "freeze=[head]"], "got 'head'"),
        ([*TRAIN[1:], "freeze=head"], "a list of names was expected"),
        ([*TRAIN[1:], "trainer.limit_train_batches=2.0"], "a share above 0 and at most 1.0, was expected; got 2.0"),
        ([*TRAIN[1:], "trainer.limit_train_batches=0"], "a whole number of batches"),
        ([*TRAIN[1:], "trainer.limit_val_batches=0"], "a whole number of batches"),
        ([*TRAIN[1:], "trainer.overfit_batches=-1"], "a whole number of batches"),
        ([*TRAIN[1:], "trainer.max_steps=0"], "trainer.max_steps: a whole number of at least 1"),
        ([*TRAIN[1:], "trainer.precision=64-true"], "32-true or bf16-mixed was expected"),
        ([*TRAIN[1:], "trainer.strategy=ddp_spawn"], "auto or ddp was expected"),
        ([*TRAIN[1:], "evaluation.resamples=fast"], "evaluation.resamples: a whole number of at least 0"),
        ([*TRAIN[1:], "evaluation.confidence=2"], "a share between 0 and 1 was expected"),
        ([*TRAIN[1:], "data.augment=3"], "data.augment: a mapping was expected"),
        ([*TRAIN[1:], "--output", "conf"], "this one holds something else"),
        ([*TRAIN[1:], "optimizer.learning_rate=1", "--cfg", "job"], "did you mean optimizer.lr?"),
        ([*TRAIN[1:], "trainer.check_val_every_n_epoch=9"], "at most max_epochs (2) was expected; got 9"),
        ([*TRAIN[1:], "task.monitor=val/acuracy"], "val/accuracy, val/precision"),
        ([*TRAIN[1:], "trainer.max_time=soon"], "trainer: "),
        ([*TRAIN[1:], "init_from=conf"], "a model folder"),
        ([*TRAIN[1:], "tracking=server"], "Set MLFLOW_TRACKING_URI or tracking.uri"),
        ([*TRAIN[1:], "tracking.run_name=../out"], "a name without slashes"),
        ([*TRAIN[1:], "task.class_weights=[1,2]"], "4 positive numbers were expected"),
        ([*TRAIN[1:], "task.label_smoothing=2"], "label_smoothing from 0 to below 1"),
        ([*TRAIN[1:], "data.source.classes=[a,b,c]"], "labels among [0, 1, 2] were expected; row 3 has 3 (50 such rows)"),
        ([*TRAIN[1:], "data.split.validation=900"], "split.validation=900 cannot be cut from 200 rows"),
    ],
)
def test_settings_that_cannot_be(inside: Inside, project: Path, words: list[str], sentence: str) -> None:
    text, code = said(inside, "train", *words, *([] if any("tracking" in word for word in words) else ["tracking=none"]))
    assert sentence in text
    assert code == 1
    assert not list((project / "runs").glob("tiny*/model")), "nothing half-written"


def test_all_mistakes_at_once(inside: Inside) -> None:
    text, _ = said(inside, *TRAIN, "optimizer.learning_rate=1", "network=mpl", "epochs=3")
    assert len(text.splitlines()) == 3
    text, _ = said(inside, *TRAIN, "optimizer.lr=fast", "network.widths=3", "seed=-1")
    assert len(text.splitlines()) == 3


def test_a_mistake_in_a_file_names_the_file(inside: Inside, project: Path) -> None:
    path = project / "conf/experiment/tiny_mlp.yaml"
    path.write_text(path.read_text() + "optimizer:\n  learning_rate: 3\n")
    text, _ = said(inside, "show", "experiment=tiny_mlp")
    assert text == f"{path.relative_to(project)}: optimizer.learning_rate: unknown; did you mean optimizer.lr?"


def test_every_combination_is_checked_before_the_first_runs(inside: Inside, project: Path) -> None:
    text, _ = said(inside, *TRAIN, "optimizer.lr=0.1,0.01", "network.activation=relu,swish", "-m", "tracking=none")
    assert "got 'swish'" in text
    assert not list((project / "runs").glob("tiny*"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "did you mean train?"),
        (["train", "experiment==x"], "no setting of the form key=value"),
        (["predict", "model=x"], "model=FOLDER and input=PATH were expected"),
        (["evaluate"], "model=FOLDER was expected"),
        (["train", "--settings", "x.yaml"], "--settings goes with --output"),
        (["train", "experiment=tiny_mlp", "trainer=smoke,limited", "-m"], "one trainer was expected"),
        (["train", "experiment=tiny_mlp", "--output", "build/model/x"], "build/ holds what `dvc repro` makes"),
    ],
)
def test_a_wrong_command_line_is_code_2(inside: Inside, words: list[str], sentence: str) -> None:
    text, code = said(inside, *words)
    assert sentence in text
    assert code == 2


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["list"], ["show", "experiment=tiny_mlp"], ["prepare", "data=tiny"]]
)
def test_what_needs_no_torch_imports_none(project: Path, words: list[str]) -> None:
    code = f"import sys; sys.argv = ['trainbook', *{words!r}]\nfrom trainbook.__main__ import main\nmain()\n"
    code += "print([name for name in ('torch', 'mlflow', 'pytorch_lightning') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_mistyped_key_imports_no_torch(project: Path) -> None:
    code = "import sys; sys.argv = ['trainbook', 'train', 'experiment=tiny_mlp', 'optimizer.learning_rate=1']\n"
    code += "from trainbook.__main__ import main\ntry:\n    main()\nexcept SystemExit as leaving:\n"
    code += "    print(leaving.code, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
    assert done.stderr == "trainbook: optimizer.learning_rate: unknown; did you mean optimizer.lr?\n"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def other_count(path: Path) -> None:
    write_idx(path, draw_digits(100, 0)[0])


def text_file(path: Path) -> None:
    path.write_text("hello")


def cut_inside(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5]))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (Path.unlink, "does not exist. `dvc pull data.dvc` brings"),
        (cut, "is damaged or cut short"),
        (cut_inside, "28816 bytes were expected; got 28811"),
        (other_count, "has 100 inputs"),
        (text_file, "an idx file was expected"),
        (lambda path: path.write_bytes((path.parent / "train-y.gz").read_bytes()), "Are the files swapped?"),
        (lambda path: path.write_bytes((path.parent / "test-x.gz").read_bytes()), "has 60 inputs"),
    ],
)
def test_raw_files_that_are_not_what_they_should_be(
    inside: Inside, project: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(project / "data/tiny/train-x.gz")
    text, _ = said(inside, "prepare", "data=tiny", "--output", "build/prepared/tiny")
    assert sentence in text
    assert "train-x.gz" in text
    assert not list((project / "build/prepared").glob("*")), "nothing half-written"


def test_prepared_data_that_does_not_match(inside: Inside, project: Path) -> None:
    inside("compose")
    inside("prepare", "data=tiny", "--output", "build/prepared/tiny")
    facts = project / "build/prepared/tiny/facts.yaml"
    facts.write_text(facts.read_text().replace("validation: 40", "validation: 39"))
    text, _ = said(inside, "train", "--settings", "build/settings/tiny_mlp.yaml", "--output", "build/model/tiny_mlp")
    assert "build/prepared/tiny was expected to be prepared as the settings say" in text
    assert not (project / "build/model").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained tiny model's folder."""
    from conftest import make_project

    folder = make_project(tmp_path_factory.mktemp("trained") / "project")
    lives(folder, *TRAIN, "tracking=none", "--output", "trained")
    return folder / "trained"


def picture(path: Path, array: np.ndarray) -> None:
    Image.fromarray(array.astype(np.uint8)).save(path)


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("a.png", lambda path: picture(path, np.zeros((13, 12))), "of shape 1x12x12 was expected, as in training; got 1x13x12"),
        ("a.png", text_file, "got a text file"),
        ("a.png", lambda path: path.write_bytes(b""), "got an empty file"),
        ("a.npy", lambda path: np.save(path, np.full((2, 12, 12), 0.5)), "of type uint8 was expected"),
        ("a.npy", text_file, "is not a whole npy array"),
        ("x-idx3-ubyte", text_file, "an idx file was expected"),
        ("empty", Path.mkdir, "it holds no file"),
        ("missing.png", lambda path: None, "does not exist"),
    ],
)
def test_inputs_that_cannot_be_answered(
    inside: Inside, model: Path, tmp_path: Path, name: str, write: Callable[[Path], object], sentence: str
) -> None:
    write(tmp_path / name)
    text, code = said(inside, "predict", f"model={model}", f"input={tmp_path / name}", "--output", str(tmp_path / "out.csv"))
    assert sentence in text
    assert code == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_damaged_model_is_refused(inside: Inside, model: Path, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", np.zeros((12, 12)))
    for name in ("weights.safetensors", "settings.yaml", "facts.yaml", "steps.safetensors"):
        copy = tmp_path / name
        shutil.copytree(model, copy)
        (copy / name).write_bytes((copy / name).read_bytes()[:30])
        text, _ = said(inside, "predict", f"model={copy}", f"input={tmp_path / 'a.png'}")
        assert f"{name} is damaged" in text


def test_weights_that_do_not_fit_are_named(inside: Inside, model: Path) -> None:
    text, _ = said(inside, *TRAIN, f"init_from={model}", "network.widths=[16,9]", "tracking=none")
    assert "layers.3.weight (8x16 there, 9x16 here)" in text


def test_a_full_disk_is_said_and_leaves_nothing(trainbook: Command, project: Path) -> None:
    done = trainbook("prepare", "data=tiny", "--output", "build/prepared/tiny", code=1, LARGEST_FILE="10000")
    assert done.stderr.startswith("trainbook: ")
    assert not list((project / "build").rglob("tiny*"))


def test_a_disk_that_fills_up_in_a_training(trainbook: Command, project: Path) -> None:
    trainbook("prepare", "data=tiny")
    words = (*TRAIN, "tracking=none", "network.widths=[100,50]", "--output", "model")
    done = trainbook(*words, code=1, LARGEST_FILE="20000")
    assert done.stderr.splitlines()[-1].startswith("trainbook: ")
    assert not (project / "model").exists()


def test_a_folder_that_cannot_be_written(trainbook: Command, project: Path) -> None:
    (project / "build").write_text("a file where a folder should be")
    done = trainbook("prepare", "data=tiny", "--output", "build/prepared/tiny", code=1)
    assert "build" in done.stderr
    if os.geteuid() == 0:
        return  # root may write anywhere
    (project / "build").unlink()
    (project / "build").mkdir(mode=0o500)
    done = trainbook("prepare", "data=tiny", "--output", "build/prepared/tiny", code=1)
    assert "Permission denied" in done.stderr


def test_outside_of_a_project(trainbook: Command, tmp_path: Path) -> None:
    done = trainbook("show", "experiment=x", cwd=tmp_path, code=1)
    assert "A trainbook project was expected" in done.stderr


def test_a_newer_database(trainbook: Command, project: Path) -> None:
    trainbook(*TRAIN, "trainer=one_batch")
    with sqlite3.connect(project / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    done = trainbook(*TRAIN, "trainer=one_batch", code=1)
    assert "another version of MLflow" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_that_does_not_answer(trainbook: Command) -> None:
    done = trainbook(*TRAIN, "tracking=server", "tracking.uri=http://me:secret@127.0.0.1:9", code=1)
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr
    assert "secret" not in done.stderr


def test_a_traceback_only_when_asked_for(project: Path) -> None:
    words = [sys.executable, "-m", "trainbook", "show", "experiment=nope", "--traceback"]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
