"""Which rows come when, how many steps are taken, and that a training is a function of its settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_post_hook

from kinds.project import Project, largest_difference, weights
from kinds.sequences.drawn import write
from kinds.sequences.network import Masked
from trainbook.columns import Columns
from trainbook.data.module import DataModule, TrainingOrder
from trainbook.data.samples.rows import Rows

SGD = ("experiment=sequences", "optimizer=sgd", "optimizer.lr=0.5", "task.monitor=train/loss", "task.mode=min")
"""With plain gradient descent the weights of the last epoch are the best ones here."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("order") / "project")
    write(made.folder / "data" / "sequences.json", 151)
    made.run("prepare", "data=sequences", "--output", "build/prepared/sequences")
    return made


@pytest.fixture
def steps() -> Iterator[list[torch.optim.Optimizer]]:
    """Every optimiser step that is really taken."""
    taken: list[torch.optim.Optimizer] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: taken.append(optimizer))
    yield taken
    hook.remove()


def module(folder: Path, seed: int = 0, several: int = 1, batch: int = 8, rows: int = 21) -> DataModule:
    if not (folder / "train").exists():
        Columns({"x": np.arange(rows, dtype=np.float32)}).save(folder / "train")
    return DataModule(folder, Rows(["x"], []), batch, 10, several, 0, seed)


def rows_of(made: DataModule, epoch: int) -> list[list[int]]:
    loader = made.train_dataloader()
    assert isinstance(loader.sampler, TrainingOrder)
    loader.sampler.set_epoch(epoch)
    return [batch.row.tolist() for block in loader for batch in block]


def test_every_row_comes_once_an_epoch(tmp_path: Path) -> None:
    batches = rows_of(module(tmp_path), 0)
    assert [len(batch) for batch in batches] == [8, 8, 5]
    assert sorted(row for batch in batches for row in batch) == list(range(21))


def test_order_is_a_function_of_seed_and_epoch(tmp_path: Path) -> None:
    first = rows_of(module(tmp_path), 0)
    assert rows_of(module(tmp_path), 0) == first
    assert rows_of(module(tmp_path), 1) != first
    assert rows_of(module(tmp_path, seed=1), 0) != first
    assert rows_of(module(tmp_path, several=2), 0) == first
    again = module(tmp_path)
    rows_of(again, 3)
    assert rows_of(again, 1) == rows_of(module(tmp_path), 1)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(tmp_path: Path, world: int) -> None:
    made = module(tmp_path, batch=10)
    whole = [sorted(batch) for batch in rows_of(made, 2)]
    assert len(whole[-1]) == 1
    shares = []
    for rank in range(world):
        order = TrainingOrder(made, rank, world)
        order.set_epoch(2)
        shares.append([indices for block in order for indices in block])
    for at, batch in enumerate(whole):
        dealt = [int(row) for share in shares for row in share[at]]
        assert sorted(row for row in dealt if row >= 0) == batch
        assert all(len(share[at]) for share in shares), "every process takes part in every step"


def ragged(folder: Path, bucket: int, rows: int = 101, **how: Any) -> DataModule:
    """Sequences of 1 to 40 steps, of two classes of which one is rare."""
    draw = np.random.default_rng(0)
    if not (folder / "train").exists():
        series = [np.zeros(draw.integers(1, 41), np.float32) for _ in range(rows)]
        columns = Columns({"label": (np.arange(rows) % 10 == 0).astype(np.uint8)}).ragged("x", series, np.zeros(1, np.float32))
        columns.save(folder / "train")
    return DataModule(folder, Rows(["x"], ["label"]), 8, 10, 3, 0, 0, bucket=bucket, **how)


def padding(made: DataModule, epoch: int) -> float:
    """The share of an epoch's steps that are none."""
    loader = made.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[union-attr]
    masks = [batch.inputs["x_mask"] for block in loader for batch in block]
    return 1 - sum(int(each.sum()) for each in masks) / sum(each.numel() for each in masks)


def test_batches_of_like_lengths_hold_each_row_once_and_little_padding(tmp_path: Path) -> None:
    plain, made = ragged(tmp_path, 1), ragged(tmp_path, 4)
    batches = rows_of(made, 0)
    assert [len(batch) for batch in batches] == [8] * 12 + [5]
    assert sorted(row for batch in batches for row in batch) == list(range(101))
    shares = [(padding(plain, epoch), padding(made, epoch)) for epoch in range(3)]
    assert all(bucketed < 0.5 * unbucketed for unbucketed, bucketed in shares), shares
    assert batches[-1] == rows_of(plain, 0)[-1], "the last batch, smaller than the others, is left as it was drawn"
    for start in (0, 4, 8):
        drawn = {row for batch in rows_of(plain, 0)[start : start + 4] for row in batch}
        assert sum(set(batch) <= drawn for batch in batches) == 4, "rows stay among those that were drawn with them"


def test_batches_of_like_lengths_are_a_function_of_seed_and_epoch(tmp_path: Path) -> None:
    first = rows_of(ragged(tmp_path, 4), 0)
    assert rows_of(ragged(tmp_path, 4), 0) == first
    assert rows_of(ragged(tmp_path, 4), 1) != first
    made = ragged(tmp_path, 4)
    rows_of(made, 3)
    assert rows_of(made, 0) == first
    lengths = np.diff(made.columns("train").offsets["x"])
    means = [lengths[batch].mean() for batch in first[:12]]
    assert means != sorted(means), "short ones do not always come first"


def test_batches_of_like_lengths_are_shared_and_gone_on_with(tmp_path: Path) -> None:
    whole = rows_of(ragged(tmp_path, 4), 2)
    shares = []
    for rank in range(2):
        order = TrainingOrder(ragged(tmp_path, 4), rank, 2)
        order.set_epoch(2)
        shares.append([indices.tolist() for block in order for indices in block])
    assert [one[at : at + 1] + other[at : at + 1] for one, other in zip(*shares, strict=True) for at in range(4)] == [
        batch[2 * at : 2 * at + 2] for batch in whole for at in range(4)
    ]
    again = ragged(tmp_path, 4)
    again.go_on(2, 2 * len(whole) + 5)
    assert rows_of(again, 2) == whole[5:]


def test_balanced_batches_of_like_lengths(tmp_path: Path) -> None:
    plain, made = (ragged(tmp_path, bucket, balance="label") for bucket in (1, 4))
    assert sorted(map(len, rows_of(made, 0))) == sorted(map(len, rows_of(plain, 0)))
    drawn, bucketed = (sorted(row for batch in rows_of(each, 0) for row in batch) for each in (plain, made))
    assert bucketed == drawn, "the same rows, in other batches"
    assert 0.3 < made.columns("train")["label"][bucketed].mean() < 0.7
    assert padding(made, 0) < 0.5 * padding(plain, 0)


def test_rows_without_a_length_and_those_of_an_overfitted_batch_stay_in_their_order(tmp_path: Path) -> None:
    made = module(tmp_path / "dense")
    plain = rows_of(made, 0)
    made.bucket = 4
    assert rows_of(made, 0) == plain
    still = ragged(tmp_path / "ragged", 4, shuffle=False)
    assert [row for batch in rows_of(still, 0) for row in batch] == list(range(101))


def test_a_process_without_a_row_to_judge_takes_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = module(tmp_path, rows=5)
    Columns({"x": np.arange(1, dtype=np.float32)}).save(tmp_path / "validation")
    monkeypatch.setattr(made, "_world", lambda: 2)
    shares = []
    for rank in (0, 1):
        monkeypatch.setattr(made, "_rank", lambda rank=rank: rank)
        shares.append([batch.row.tolist() for block in made.val_dataloader() for batch in block])
    assert shares == [[[0]], [[-1]]]


@pytest.mark.parametrize(("most", "accumulate", "several"), [(1, 1, 4), (7, 1, 4), (7, 2, 4), (3, 4, 1), (12, 1, 8), (5, 4, 8)])
def test_max_steps_is_the_number_of_optimiser_steps(
    project: Project, steps: list[torch.optim.Optimizer], most: int, accumulate: int, several: int
) -> None:
    limits = [f"trainer.max_steps={most}", f"trainer.accumulate_grad_batches={accumulate}", "trainer.max_epochs=20"]
    project.train("limited", "experiment=sequences", *limits, f"data.steps_per_execution={several}")
    assert len(steps) == most
    (parameter, *_) = steps[0].param_groups[0]["params"]
    assert int(steps[0].state[parameter]["step"]) == most


def test_every_epoch_takes_all_of_its_steps(project: Project, steps: list[torch.optim.Optimizer]) -> None:
    rows = project.prepared("sequences", "train").rows
    project.train("whole", "experiment=sequences", "trainer.max_epochs=3", "trainer.accumulate_grad_batches=4")
    assert len(steps) == 3 * -(-rows // (4 * 16))


def test_a_share_of_the_batches_is_a_limit(project: Project, steps: list[torch.optim.Optimizer]) -> None:
    project.train("share", "experiment=sequences", "trainer.max_epochs=2", "trainer.limit_train_batches=0.5")
    assert len(steps) == 2 * 3


def plain(project: Project, epochs: int, batch: int, clip_norm: float | None, clip_value: float | None) -> dict[str, np.ndarray]:
    """The same training in plain torch."""
    columns = project.prepared("sequences", "train")
    torch.manual_seed(0)
    network = Masked([2], 3)
    optimizer = torch.optim.SGD(network.parameters(), 0.5)
    for epoch in range(epochs):
        order = np.random.default_rng([0, epoch]).permutation(columns.rows)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            sequences = [columns["x"][columns.offsets["x"][row] : columns.offsets["x"][row + 1]] for row in rows]
            x = torch.nn.utils.rnn.pad_sequence([torch.tensor(each) for each in sequences], batch_first=True)
            lengths = torch.tensor([len(each) for each in sequences])
            loss = F.cross_entropy(
                network(x, torch.arange(x.shape[1]) < lengths.unsqueeze(1)), torch.tensor(columns["label"][rows])
            )
            optimizer.zero_grad()
            loss.backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
            if clip_value is not None:
                torch.nn.utils.clip_grad_value_(network.parameters(), clip_value)
            optimizer.step()
    return {name: value.numpy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("norm", "value"), [(None, None), (0.1, None), (None, 0.01)])
def test_a_training_is_that_of_a_plain_loop(project: Project, norm: float | None, value: float | None) -> None:
    clip = (
        f"trainer.gradient_clip_val={norm or value or 'null'}",
        f"trainer.gradient_clip_algorithm={'value' if value else 'norm'}",
    )
    model = project.train("plain", *SGD, *clip, "trainer.max_epochs=3")
    for name, expected in plain(project, 3, 16, norm, value).items():
        np.testing.assert_allclose(weights(model)[f"network.{name}"], expected, atol=1e-6)


@pytest.mark.parametrize("norm", ["null", "0.1"])
def test_accumulated_batches_are_one_large_batch(project: Project, norm: str) -> None:
    clip = f"trainer.gradient_clip_val={norm}"
    one = project.train("large", *SGD, clip, "trainer.max_epochs=3", "data.batch_size=64")
    four = project.train("small", *SGD, clip, "trainer.max_epochs=3", "trainer.accumulate_grad_batches=4")
    assert largest_difference(one, four) < 1e-6
    assert largest_difference(one, project.train("other", *SGD, clip, "trainer.max_epochs=3")) > 1e-3


def test_the_same_settings_give_the_same_bytes(project: Project) -> None:
    def bytes_of(name: str, *words: str, tracked: bool = False) -> bytes:
        how = "local" if tracked else "none"
        more = (f"tracking={how}", "tracking.system_metrics=false", f"tracking.run_name={name}")
        project.run("train", "experiment=sequences", "trainer.max_epochs=3", *more, *words, terminal=tracked)
        return (project.folder / "runs" / name / "model" / "weights.safetensors").read_bytes()

    first = bytes_of("one")
    assert bytes_of("two") == first
    assert bytes_of("watched", tracked=True) == first
    assert bytes_of("blocks", "data.steps_per_execution=1") == first
    histories = [(project.folder / "runs" / name / "model" / "history.json").read_bytes() for name in ("one", "blocks")]
    assert histories[0] == histories[1], "gradient norms, too, do not depend on how an epoch is cut into blocks"
    assert bytes_of("seeded", "seed=1") != first


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_processes_that_fetch_batches_change_nothing(project: Project) -> None:
    one = project.train("alone", "experiment=sequences", "trainer.max_epochs=2")
    two = project.train("fetched", "experiment=sequences", "trainer.max_epochs=2", "data.workers=2")
    assert largest_difference(one, two) == 0
