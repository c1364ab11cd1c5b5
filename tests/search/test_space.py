"""A space is what Hydra's words say, and every word of it composes."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from trainbook import settings
from trainbook.faults import Fault
from trainbook.search.grammar import split
from trainbook.search.space import Space

WORDS = [
    "experiment=tiny_mlp",
    "trainer.max_epochs=1",
    "network=choice(mlp,convolutional)",
    "optimizer=adam,sgd",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "optimizer.momentum=interval(0.0,0.9)",
    "optimizer.betas=choice([0.9,0.999],[0.8,0.99])",
    "network.widths=choice([16,8],[32])",
    "network.channels=choice([4],[4,8])",
    "network.kernel=choice(3,5)",
    "network.activation=relu,tanh",
    "data.batch_size=range(10,31,10)",
    "seed=int(interval(0,5))",
]


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = (project / "conf/experiment/tiny_mlp.yaml").read_text()
    (project / "conf/experiment/tiny_mlp.yaml").write_text(experiment.replace("network:\n  widths: [16, 8]\n", ""))
    monkeypatch.chdir(project)


@pytest.mark.parametrize(
    ("word", "distribution"),
    [
        ("a=tag(log,interval(1e-4,1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("a=interval(0,1)", FloatDistribution(0.0, 1.0)),
        ("a=int(interval(1,8))", IntDistribution(1, 8)),
        ("a=tag(log,int(interval(1,8)))", IntDistribution(1, 8, log=True)),
        ("a=range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("a=range(3)", IntDistribution(0, 2)),
        ("a=range(0.0,0.5,0.25)", FloatDistribution(0.0, 0.25, step=0.25)),
        ("a=1,2", CategoricalDistribution((1, 2))),
        ("a=choice([1,2],[3])", CategoricalDistribution(("[1,2]", "[3]"))),
        ("a=choice(true,'b c')", CategoricalDistribution((True, "b c"))),
    ],
)
def test_words_are_distributions(word: str, distribution: optuna.distributions.BaseDistribution) -> None:
    fixed, (dimension,) = split([word, "b=1"])
    assert fixed == ["b=1"]
    assert dimension.distribution == distribution


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("a=interval(2,1)", "from a smaller to a greater number"),
        ("a=interval(1,1)", "from a smaller to a greater number"),
        ("a=range(5,1)", "not empty"),
        ("a=tag(log,interval(0,1))", "above 0"),
        ("a=choice()", "empty"),
        ("a=1,1", "twice"),
        ("a=tag(log,range(1,5))", "logarithmic"),
        ("a=glob(*)", "one of"),
    ],
)
def test_a_space_that_is_none_is_refused(word: str, complaint: str) -> None:
    with pytest.raises(Fault, match=complaint):
        split([word])


def test_what_is_composed_quickly_is_what_hydra_composes() -> None:
    space = Space.read(WORDS, {})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    seen = set()
    for _ in range(6):
        values = space.suggest(study.ask())
        seen.add((values["network"], values["optimizer"]))
        assert space.composed(values) == settings.compose([*space.fixed, *space.words(values)])
        assert ("network.channels" in values) == (values["network"] == "convolutional")
        assert ("optimizer.momentum" in values) == (values["optimizer"] == "sgd")
        assert ("optimizer.betas" in values) == (values["optimizer"] == "adam")
    assert len(seen) > 2


def test_a_grid_has_every_combination_once() -> None:
    space = Space.read(
        ["experiment=tiny_mlp", "optimizer=adam,sgd", "optimizer.betas=choice([0.9,0.9],[0.8,0.8])", "seed=range(3)"], {}
    )
    grid = [tuple(sorted((key, str(value)) for key, value in each.items())) for each in space.grid()]
    assert len(grid) == len(set(grid)) == 2 * 3 + 1 * 3
    with pytest.raises(Fault, match=r"ranges were expected; got optimizer\.lr=interval"):
        Space.read(["experiment=tiny_mlp", "optimizer.lr=interval(0,1)"], {}).grid()


def test_unknown_settings_are_named_all_at_once() -> None:
    with pytest.raises(Fault) as caught:
        Space.read(["experiment=tiny_mlp", "optimizer.learning_rate=1,2", "network.width=1,2", "optimizer=adam,sgd"], {})
    assert str(caught.value).splitlines() == [
        "optimizer.learning_rate: unknown; did you mean optimizer.lr?",
        "network.width: unknown; did you mean network.widths?",
    ]


def test_the_command_line_goes_before_the_file() -> None:
    listed = {"optimizer.lr": "interval(0.1,0.2)", "seed": "range(3)", "network.widths": "choice([1],[2])"}
    space = Space.read(["experiment=tiny_mlp", "optimizer.lr=interval(0.3,0.4)", "seed=7"], listed)
    assert {each.word for each in space.dimensions} == {"optimizer.lr=interval(0.3,0.4)", "network.widths=choice([1],[2])"}


def test_what_is_told_must_lie_within() -> None:
    space = Space.read(WORDS, {})
    assert space.told({"network.widths": [32], "optimizer.lr": 0.01, "data.batch_size": 20}) == {
        "network.widths": "[32]",
        "optimizer.lr": 0.01,
        "data.batch_size": 20,
    }
    for wrong in ({"optimizer.lr": 1.0}, {"network.widths": [64]}, {"optimizer.rate": 1}, {"data.batch_size": 15}):
        with pytest.raises(Fault, match=r"search.enqueue"):
            space.told(wrong)


def test_a_command_line_narrows_what_a_file_spans() -> None:
    span = "interval(0.001,0.1)"
    listed = {"scheduler": "choice(none,one_cycle)", "scheduler.max_lr": span, "optimizer.lr": span}
    cycle = {"scheduler": "one_cycle", "scheduler.max_lr": 0.01}
    known = [{**cycle, "optimizer.lr": 0.002}, {"scheduler": "none", "optimizer.lr": 0.05}]
    space = Space.read(["experiment=tiny_mlp", "scheduler=none"], listed)
    assert [each.key for each in space.dimensions] == ["optimizer.lr"]
    assert space.fitted(known) == [{"optimizer.lr": 0.002}, {"optimizer.lr": 0.05}]
    space = Space.read(["experiment=tiny_mlp", "optimizer.lr=interval(0.01,0.1)"], listed)
    assert space.fitted(known) == known[1:]
    space = Space.read(["experiment=tiny_mlp", "optimizer.lr=0.01"], listed)
    assert space.fitted(known) == [cycle, {"scheduler": "none"}]
    with pytest.raises(Fault, match=r"optimizer\.lr"):
        space.told(known[0])


def test_what_does_not_exist_beside_what_was_given_is_refused() -> None:
    space = Space.read(["experiment=tiny_mlp", "optimizer=adam,sgd", "optimizer.momentum=interval(0,1)"], {})
    assert space.told({"optimizer": "sgd", "optimizer.momentum": 0.5}) == {"optimizer": "sgd", "optimizer.momentum": 0.5}
    with pytest.raises(Fault, match=r"optimizer\.momentum does not exist under the options"):
        space.told({"optimizer": "adam", "optimizer.momentum": 0.5})


def test_a_range_has_the_values_that_hydra_gives_it() -> None:
    (dimension,) = Space.read(["experiment=tiny_mlp", "network.dropout=range(0,1,0.3)"], {}).dimensions
    assert [dimension.plain(each) for each in dimension.everything() or []] == [0, 0.3, 0.6, 0.9]


def test_a_tag_that_means_nothing_is_refused() -> None:
    with pytest.raises(Fault, match="the tag log was expected, or none; got lgo"):
        Space.read(["experiment=tiny_mlp", "optimizer.lr=tag(lgo,interval(1e-4,1))"], {})
