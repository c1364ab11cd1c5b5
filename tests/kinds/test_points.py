"""Two networks with an optimiser each, on data without inputs, go through every verb by new files only."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_post_hook

from kinds.points.drawn import write
from kinds.points.network import Pair
from kinds.project import Project, weights
from trainbook.data.augmentations.draws import Draws
from trainbook.data.facts import read_facts
from trainbook.files import read_json


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("points") / "project")
    write(made.folder / "data" / "points.csv", 501)
    made.run("prepare", "data=points", "--output", "build/prepared/points")
    made.run("train", "experiment=points", "tracking.run_name=first", "tracking.system_metrics=false")
    made.run("evaluate", "model=runs/first/model", "evaluation.resamples=50")
    return made


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """By the matrix root itself, in double precision."""
    from scipy.linalg import sqrtm

    first, second = np.cov(a.astype(float).T), np.cov(b.astype(float).T)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real))


def test_the_data_have_targets_only(project: Project) -> None:
    facts = read_facts(project.folder / "build/prepared/points")
    assert facts["inputs"] == {}
    assert facts["offers"]["shape"] == [2]
    assert list(project.prepared("points", "train")) == ["point"]


def test_it_learns(project: Project) -> None:
    history = read_json(project.folder / "runs/first/model/history.json")
    assert project.metrics("first")["test/distance"] < 0.5 < history[0]["val/distance"]
    assert {"train/loss", "train/discriminator_loss", "train/learning_rate_generator"} <= set(history[0])


def test_the_measure_is_that_of_the_formula(project: Project) -> None:
    judged = project.judged("first")
    expected = frechet(judged["made"].astype(float), judged["target_point"].astype(float))
    assert project.metrics("first")["test/distance"] == pytest.approx(expected, abs=1e-5)


def test_predict_makes_as_many_points_as_there_are_lines(project: Project, tmp_path: Path) -> None:
    (tmp_path / "wanted.txt").write_text("one\ntwo\nthree\n")
    said = project.run("predict", "model=runs/first/model", f"input={tmp_path / 'wanted.txt'}")
    answers = list(csv.DictReader(io.StringIO(said)))
    assert [answer["input"] for answer in answers] == ["one", "two", "three"]
    made = [[float(answer["value_0"]), float(answer["value_1"])] for answer in answers]
    np.testing.assert_allclose(made, project.judged("first")["made"][:3], atol=2e-6)


def test_the_served_model_makes_points(project: Project) -> None:
    answered = project.served({"wanted": np.arange(4)})
    np.testing.assert_allclose(answered, project.judged("first")["made"][:4], atol=1e-6)


def test_max_steps_counts_the_steps_of_each_part(project: Project) -> None:
    taken: list[int] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: taken.append(id(optimizer)))
    project.train("limited", "experiment=points", "trainer.max_steps=5", "trainer.accumulate_grad_batches=2")
    hook.remove()
    assert [taken.count(each) for each in set(taken)] == [5, 5]


def test_a_network_without_the_parts_is_refused(project: Project) -> None:
    with pytest.raises(AssertionError, match="Adversarial needs one with latent, generator, discriminator; Masked has none"):
        project.run("train", "experiment=points", "network=masked", "+network.outputs=2", "tracking=none")


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_turns_are_those_of_a_plain_loop(project: Project, accumulate: int) -> None:
    """Adam for one part and plain gradient descent for the other, in plain torch; the last batch of an epoch is smaller."""
    epochs, rows = 2, project.prepared("points", "train")["point"]
    model = project.train(
        f"plain_{accumulate}",
        "experiment=points",
        f"trainer.max_epochs={epochs}",
        f"trainer.accumulate_grad_batches={accumulate}",
        "task.monitor=train/loss",
        "data.steps_per_execution=4",
        "trainer.gradient_clip_val=0.5",
    )
    torch.manual_seed(0)
    pair = Pair([2])
    adam = torch.optim.Adam(pair.generator.parameters(), 0.005, (0.5, 0.999))
    sgd = torch.optim.SGD(pair.discriminator.parameters(), 0.1)
    told: Any = lambda scores, real: F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, real))  # noqa: E731
    states, losses = [], []
    for epoch in range(epochs):
        order = np.random.default_rng([0, epoch]).permutation(len(rows))
        batches = [order[start : start + 32] for start in range(0, len(rows), 32)]
        total = 0.0
        for first in range(0, len(batches), accumulate):
            group = batches[first : first + accumulate]
            together = sum(len(batch) for batch in group)
            sums: dict[str, list[torch.Tensor]] = {}
            for batch in group:
                real = torch.tensor(rows[batch])
                made = pair.generator(Draws(0, epoch).normal(torch.from_numpy(batch), 2))
                ours = told(pair.discriminator(real), 1) + told(pair.discriminator(made.detach()), 0)
                if accumulate == 1:  # the generator meets the discriminator that has just learnt
                    sgd.zero_grad()
                    ours.backward()
                    torch.nn.utils.clip_grad_norm_(pair.discriminator.parameters(), 0.5)
                    sgd.step()
                    theirs = told(pair.discriminator(made), 1)
                    adam.zero_grad()
                    theirs.backward()
                    torch.nn.utils.clip_grad_norm_(pair.generator.parameters(), 0.5)
                    adam.step()
                    total += theirs.item() * len(batch)
                    continue
                last = batch is group[-1]
                for part, loss in (("discriminator", ours), ("generator", None)):
                    module = getattr(pair, part)
                    loss = told(pair.discriminator(made), 1) if loss is None else loss
                    found = torch.autograd.grad(loss * len(batch) / together, list(module.parameters()), retain_graph=True)
                    before = sums.get(part)
                    sums[part] = list(found) if before is None else [a + b for a, b in zip(before, found, strict=True)]
                    if last:
                        for parameter, gradient in zip(module.parameters(), sums[part], strict=True):
                            parameter.grad = gradient
                        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
                        (sgd if part == "discriminator" else adam).step()
                    if part == "generator":
                        total += loss.item() * len(batch)
        states.append({name: value.clone() for name, value in pair.state_dict().items()})
        losses.append(total / len(rows))
    history = read_json(project.folder / "runs" / f"plain_{accumulate}" / "model" / "history.json")
    np.testing.assert_allclose([row["train/loss"] for row in history], losses, rtol=1e-5)
    best = states[int(np.argmin(losses))]
    for name, value in weights(model).items():
        np.testing.assert_allclose(value, best[name.removeprefix("network.")], atol=2e-6)
