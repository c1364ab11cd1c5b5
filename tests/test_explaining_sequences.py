"""`trainbook explain` of texts, series and forecasts: closed formulas, sums, padding, and what is written."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from kinds.project import Project
from kinds.sequences.drawn import CLASSES as SLOPES
from kinds.sequences.drawn import made_up
from kinds.sequences.drawn import write as write_sequences
from trainbook.batch import Batch
from trainbook.columns import Array, Columns
from trainbook.data.facts import type_of
from trainbook.data.preparation import Preparation
from trainbook.data.samples.rows import Rows
from trainbook.data.samples.sample import Sample
from trainbook.data.sources.source import Inputs, Source
from trainbook.data.splits.holdout import Holdout
from trainbook.data.steps.step import Step
from trainbook.explanations import integrated_gradients, local
from trainbook.explanations.attribution import Attributor
from trainbook.explanations.continuous import Continuous
from trainbook.explanations.explained import Explained
from trainbook.explanations.scores import Scores
from trainbook.faults import Fault
from trainbook.model import Model
from trainbook.networks.recurrent import Recurrent
from trainbook.networks.temporal import Temporal
from trainbook.networks.text_convolutional import TextConvolutional
from trainbook.networks.transformer import Transformer
from trainbook.tasks.classification import Classification
from trainbook.tasks.collection import Named
from trainbook.tasks.task import Task

CLASSES = ["good", "bad", "neither"]
VOCABULARY = ["", "the", "food", "was", "fine", "awful", "and", "not"]
TEXTS = ["the food was not fine", "fine", "awful awful and the food was awful", "not", ""]
HISTORY, HORIZON = 6, 2


class Spaces(Step):
    """A word is what stands between spaces."""

    def __init__(self) -> None:
        self.columns = ["x"]

    def fit(self, columns: Columns) -> None: ...

    def transform(self, columns: Columns) -> Columns:
        rows: list[Array] = [np.array([*map(VOCABULARY.index, each)], np.int32) for each in self.pieces("x", columns) or []]
        return columns.ragged("x", rows, np.empty(0, np.int32))

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None: ...

    def pieces(self, column: str, columns: Columns) -> list[list[str]] | None:
        return [text.split() for text in columns[column].tolist()]


class Twice(Spaces):
    """Before it, each text is said twice: the words are those that the step itself is given."""

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(x=np.array([f"{text} {text}" for text in columns["x"].tolist()], object))

    def pieces(self, column: str, columns: Columns) -> list[list[str]] | None:
        return None


class Windows(Sample):
    """Examples of so many hours, and what is known of them and of the next ones."""

    def offers(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def count(self, columns: Columns) -> int:
        return columns.rows - HISTORY - HORIZON + 1

    def gather(self, columns: Columns, names: Any) -> dict[str, Array]:
        lengths = {"x": HISTORY, "known": HISTORY + HORIZON}
        begins = np.arange(self.count(columns))[:, np.newaxis]
        return {name: columns[name][begins + np.arange(lengths[name])] for name in names}

    def fetch(self, columns: Columns, shared: Columns, indices: Any) -> Batch:
        given = self.gather(columns, ["x", "known"])
        return Batch({name: torch.tensor(each[indices]) for name, each in given.items()}, {}, torch.tensor(indices))

    def finish(self, batch: Batch, draws: Any) -> Batch:
        return batch


class Tenth(Step):
    """Brings the past to scale."""

    def __init__(self) -> None:
        self.columns = ["x"]

    def fit(self, columns: Columns) -> None: ...

    def transform(self, columns: Columns) -> Columns:
        return columns.replace(x=columns["x"] / np.float32(10))

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None: ...


class Hours(Task):
    """The next hours, as three quantiles; their medians' mean is what is explained."""

    def learn(self, batch: Batch) -> Any: ...

    def measure(self, predictions: Named, targets: Named) -> Any: ...

    def present(self, predictions: Named) -> Any: ...

    def predict(self, batch: Batch) -> Named:
        return {"quantiles": self.network(**batch.inputs)}

    def explained(self, predictions: Named) -> Named:
        return {"mean of hires": predictions["quantiles"][..., 1].mean(1)}


class Told(Source):
    """Raw inputs that a test has at hand."""

    def __init__(self, raw: Columns, names: list[str]) -> None:
        self.raw, self.names = raw, names

    def read(self, path: Path) -> Inputs:
        return Inputs(None, iter([(self.names, self.raw)]))


Told.__abstractmethods__ = frozenset()


class Bag(nn.Module):
    """A vector a word, and their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.layer = nn.Embedding(len(VOCABULARY), 4), nn.Linear(4, 3)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        logits: Tensor = self.layer((self.words(x) * x_mask.unsqueeze(2)).sum(1))
        return logits


class Mean(nn.Module):
    """The mean of real steps, and a weight a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(channels, 3)

    def forward(self, x: Tensor, x_mask: Tensor) -> Tensor:
        logits: Tensor = self.layer((x * x_mask.unsqueeze(2)).sum(1) / x_mask.sum(1, keepdim=True))
        return logits


class Weights(nn.Module):
    """A weight for each hour and channel, for each hour ahead and quantile."""

    def __init__(self) -> None:
        super().__init__()
        self.past = nn.Parameter(torch.randn(HORIZON, 3, HISTORY, 2))
        self.known = nn.Parameter(torch.randn(HORIZON, 3, HISTORY + HORIZON, 1))

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        return torch.einsum("ntc,hqtc->nhq", x, self.past) + torch.einsum("ntc,hqtc->nhq", known, self.known)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """For such small networks a second one only gets in the way."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def model(task: Task, raw: Columns, names: list[str], steps: Mapping[str, Step], sample: Sample, **inputs: Any) -> Model:
    """As if it had been opened from its folder."""
    known = {name: {"shape": list(each.shape[1:]), "dtype": type_of(each)} for name, each in raw.items()}
    for name, names_of in inputs.items():
        known[name]["names"] = names_of
    facts = {"inputs": known, "raw": known, "targets": {"label": {"classes": CLASSES}}, "deferred": []}
    prepared = Preparation(Told(raw, names), cast(Any, None), steps, sample, list(raw), [])
    return Model(Path(), {}, facts, task.eval(), prepared, sample)


def classified(network: nn.Module) -> Classification:
    torch.manual_seed(0)
    return Classification(network, CLASSES, [1, 1, 1])


def texts(network: nn.Module, listed: list[str], **more: Step) -> Model:
    raw = Columns({"x": np.array(listed, object)})
    return model(classified(network), raw, [f"text[{at}]" for at in range(len(listed))], {**more, "s": Spaces()}, Rows(["x"], []))


def series(network: nn.Module, lengths: list[int], channels: int = 2) -> Model:
    draw = np.random.default_rng(0)
    rows: list[Array] = [draw.normal(size=(length, channels)).astype(np.float32) for length in lengths]
    raw = Columns({}).ragged("x", rows, np.empty((0, channels), np.float32))
    names = [f"series[{at}]" for at in range(len(lengths))]
    return model(classified(network), raw, names, {}, Rows(["x"], []), x=[f"c{at}" for at in range(channels)])


def explained(made: Model, train: Columns | None = None) -> Explained:
    told = cast(Told, made.preparation.source)
    (found,) = Attributor(made, train)(told.names, told.raw)
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_word_gets_its_weight_times_its_vector() -> None:
    network = Bag()
    found = explained(texts(network, TEXTS))
    words, parts = found.words["x"]
    assert words == [text.split() for text in TEXTS]
    for row, text in enumerate(TEXTS):
        ids = torch.tensor([*map(VOCABULARY.index, text.split())], dtype=torch.int64)
        weight = network.layer.weight[CLASSES.index(found.answers[row])]
        np.testing.assert_allclose(parts[row], (network.words(ids) @ weight).detach(), atol=1e-5)
    assert max(found.errors) < 1e-4
    assert found.names == []
    assert found.series is None


def test_words_are_those_that_the_step_is_given() -> None:
    words, parts = explained(texts(Bag(), ["not fine"], twice=Twice())).words["x"]
    assert words == [["not", "fine", "not", "fine"]]
    np.testing.assert_allclose(parts[0][:2], parts[0][2:], atol=1e-6)


def test_a_step_gets_its_weight_times_the_distance_from_the_mean_of_the_real_training_steps() -> None:
    network = Mean(2)
    made, train = series(network, [5, 1, 9]), series(network, [4, 30, 2]).preparation.source
    found = explained(made, cast(Told, train).raw)
    mean = cast(Told, train).raw["x"].mean(0)
    assert found.series is not None
    assert found.series.channels == ["c0", "c1"]
    for values, parts, answer in zip(found.series.values, found.series.attributions, found.answers, strict=True):
        weight = network.layer.weight[CLASSES.index(answer)].detach().numpy()
        np.testing.assert_allclose(parts, weight * (values - mean) / len(values), atol=1e-5)


SEQUENCES: dict[str, Callable[..., nn.Module]] = {
    "rnn": lambda **how: Recurrent(3, width=12, embedding=6, cell="rnn", pooling="attention", **how),
    "gru": lambda **how: Recurrent(3, width=12, embedding=6, cell="gru", bidirectional=True, **how),
    "lstm": lambda **how: Recurrent(3, width=12, embedding=6, layers=2, dropout=0.5, **how),
    "temporal": lambda **how: Temporal(3, width=8, blocks=2, **how),
    "transformer": lambda **how: Transformer(3, width=8, heads=2, hidden=16, **how),
}


def words_alone(x_vocabulary: int, x_shape: list[int]) -> nn.Module:
    return TextConvolutional(3, x_vocabulary, embedding=6, filters=8)


def embedding_of(network: nn.Module) -> nn.Embedding:
    (found,) = (layer for layer in network.modules() if isinstance(layer, nn.Embedding))
    return found


@pytest.mark.parametrize("make", [*SEQUENCES.values(), words_alone], ids=[*SEQUENCES, "text_convolutional"])
def test_texts_sum_to_the_difference_from_no_words_however_they_are_padded(make: Callable[..., nn.Module]) -> None:
    network = make(x_shape=[], x_vocabulary=len(VOCABULARY))
    made = texts(network, TEXTS[:4])
    found, among_long_ones = explained(made), explained(texts(network, ["the " * 20, *TEXTS[:4]]))
    for one, other in zip(found.words["x"].attributions, among_long_ones.words["x"].attributions[1:], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    scores, inputs = Scores(made.task, made.facts), made.sample.finish(prepared(made), None).inputs
    with torch.no_grad():
        whole = scores(inputs)
        embedding_of(network).weight.zero_()
        difference = whole - scores(inputs)
    for row, parts in enumerate(found.words["x"].attributions):
        assert parts.sum() == pytest.approx(float(difference[row, CLASSES.index(found.answers[row])]), abs=2e-2)


def prepared(made: Model) -> Batch:
    told = cast(Told, made.preparation.source)
    stored = made.preparation.transform(told.raw)
    return made.sample.fetch(stored, Columns({}), np.arange(len(told.names)))


@pytest.mark.parametrize("name", SEQUENCES)
def test_series_sum_to_the_difference_from_zeros_and_padding_gets_nothing(name: str) -> None:
    made = series(SEQUENCES[name](x_shape=[2]), [7, 1, 20])
    inputs = made.sample.finish(prepared(made), None).inputs
    scores, target = Scores(made.task, made.facts), torch.tensor([0, 1, 2])
    function = Continuous(scores, made.task.network, inputs)
    found, error = integrated_gradients.integrated_gradients(function, inputs, (torch.zeros(1, 1, 2),), target)
    assert (found["x"][~inputs["x_mask"]] == 0).all()
    with torch.no_grad():
        difference = (scores(inputs) - scores({**inputs, "x": 0 * inputs["x"]})).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(found["x"].sum((1, 2)), difference, atol=5e-3, rtol=0)
    assert error.max() < 5e-3


def test_few_numbers_at_once_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = texts(SEQUENCES["gru"](x_shape=[], x_vocabulary=len(VOCABULARY)), TEXTS)
    whole = explained(made).words["x"].attributions
    sizes: list[int] = []
    made.task.network.register_forward_pre_hook(lambda _, __, given: sizes.append(given["x"].numel()), with_kwargs=True)
    monkeypatch.setattr(integrated_gradients, "AT_ONCE", 2000)
    for one, other in zip(whole, explained(made).words["x"].attributions, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert max(sizes) * integrated_gradients.WIDTH <= 2 * 2000, "long texts do not fill the memory"


class Pairs(nn.Module):
    """Looks two neighbours up at once."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.pairs = nn.Embedding(9, 3), nn.Embedding(99, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.words(x).sum(1) + self.pairs(x[:, :-1] * 9 + x[:, 1:]).sum(1)


def test_an_embedding_of_two_words_at_once_is_refused() -> None:
    network = Pairs()
    with pytest.raises(Fault, match="asked for one of x at a time"):
        Continuous(Scores(classified(network).eval(), {"targets": {}}), network, {"x": torch.tensor([[1, 2, 3]])})


def test_what_is_written_of_texts(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    made = texts(Bag(), TEXTS)
    how = local.explain(made, Path("reviews.csv"), None, tmp_path, quiet=True)
    assert {path.name for path in tmp_path.rglob("*.*")} == {"answers.csv", "attributions.csv", "words.png"}
    found = rows_of(tmp_path / "attributions.csv")
    assert list(found[0]) == ["row", "place", "word", "attribution", "answer"]
    said = [(f"text[{row}]", str(place), word) for row, text in enumerate(TEXTS) for place, word in enumerate(text.split())]
    assert [(line["row"], line["place"], line["word"]) for line in found] == said
    assert [line["answer"] for line in rows_of(tmp_path / "answers.csv")] == explained(made).answers
    assert how["baseline"] == {"x": "no words"}
    assert how["largest_error"] < 1e-4


def forecast() -> tuple[Model, Weights]:
    draw, network = np.random.default_rng(1), Weights()
    raw = Columns({"x": draw.normal(size=(60, 2)).astype(np.float32), "known": draw.random((60, 1)).astype(np.float32)})
    names = [f"hour {at}" for at in range(60 - HISTORY - HORIZON + 1)]
    task = Hours(network, "val/loss", "min")
    return model(task, raw, names, {"tenth": Tenth()}, Windows(), x=["hires", "rain"], known=["noon"]), network


def test_a_forecast_is_explained_by_hour_and_channel(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    made, network = forecast()
    how = local.explain(made, Path("hours.csv"), None, tmp_path, quiet=True)
    assert how["rows"] == 53
    assert {path.name for path in tmp_path.rglob("*.*")} == {"answers.csv", "attributions.csv", "series.png"}
    raw = cast(Told, made.preparation.source).raw
    found = rows_of(tmp_path / "attributions.csv")
    assert len(found) == 53 * (HISTORY * 2 + HISTORY + HORIZON)
    weights = {"hires": network.past[..., 0], "rain": network.past[..., 1], "noon": network.known[..., 0]}
    values = {"hires": raw["x"][:, 0], "rain": raw["x"][:, 1], "noon": raw["known"][:, 0]}
    for line in found[:: len(found) // 50]:
        step, begins, channel = int(line["step"]), int(line["row"].split()[1]), line["channel"]
        value = float(values[channel][begins + HISTORY + step])
        assert float(line["value"]) == pytest.approx(value, rel=1e-5), "as the raw data have it"
        weight = float(weights[channel][:, 1, HISTORY + step].mean().detach())
        scale = 1.0 if channel == "noon" else 0.1
        assert float(line["attribution"]) == pytest.approx(weight * value * scale, abs=1e-5)
        assert line["answer"] == "mean of hires"
    assert {int(line["step"]) for line in found if line["channel"] == "hires"} == set(range(-HISTORY, 0))
    assert {int(line["step"]) for line in found if line["channel"] == "noon"} == set(range(-HISTORY, HORIZON))
    answers = rows_of(tmp_path / "answers.csv")
    expected = Hours.explained(made.task, made.task.predict(prepared(made)))["mean of hires"].tolist()  # type: ignore[arg-type]
    assert [float(line["value"]) for line in answers] == pytest.approx(expected, rel=1e-5)


def test_a_forecast_is_held_against_the_mean_window_of_the_training() -> None:
    made, network = forecast()
    stored = made.preparation.transform(cast(Told, made.preparation.source).raw)
    mean = made.sample.gather(stored, ["x"])["x"].mean(0)
    told = cast(Told, made.preparation.source)
    found = next(Attributor(made, stored)(told.names, told.raw))
    assert found.series is not None
    expected = network.past[:, 1].mean(0).detach().numpy() * (stored["x"][:HISTORY] - mean)
    np.testing.assert_allclose(found.series.attributions[0][:HISTORY, :2], expected, atol=1e-5)


def test_a_task_that_names_several_numbers_is_refused() -> None:
    made, _ = forecast()
    made.task.explained = lambda predictions: predictions  # type: ignore[method-assign]
    with pytest.raises(Fault, match=r"this one predicts quantiles \(53, 2, 3\), and its `explained` names no number"):
        Scores(made.task, made.facts)(prepared(made).inputs)


def test_series_from_raw_file_to_explanation(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    write_sequences(project.folder / "data/sequences.json", 80)
    folder = project.train("first", "experiment=sequences", "trainer.max_epochs=4")
    said = project.run("explain", "model=runs/first/model", "input=data/sequences.json")
    made = project.folder / "runs/first/explanation"
    assert said == "figures: runs/first/explanation/figures\n"
    assert {path.name for path in made.rglob("*.*")} == {"answers.csv", "attributions.csv", "explanation.json", "series.png"}
    found, listed = rows_of(made / "attributions.csv"), made_up(80, 0)
    lengths = [len(each["values"]) for each in listed]
    assert len(found) == 2 * sum(lengths)
    assert [float(line["value"]) for line in found] == pytest.approx(
        [value for each in listed for moment in each["values"] for value in moment], rel=1e-4, abs=1e-4
    )
    weights, steps = load_file(folder / "weights.safetensors"), project.open("first").preparation.steps
    raw = Columns({}).ragged("x", [np.array(each["values"]) for each in listed], np.empty((0, 2), np.float32))
    ready = next(iter(steps.values())).transform(raw)
    order = np.arange(80)
    kept = Holdout(0.2, 0.2, stratify="label")({"train": Columns({"label": order % 3, "row": order})})["train"]["row"]
    baseline = ready.take(kept)["x"].mean(0)

    def scores(row: Any) -> Any:
        hidden = np.tanh(row @ weights["network.moment.weight"].T + weights["network.moment.bias"]).mean(0)
        return hidden @ weights["network.output.weight"].T + weights["network.output.bias"]

    parts: dict[str, float] = {}
    for line in found:
        parts[line["row"]] = parts.get(line["row"], 0) + float(line["attribution"])
    for row, (name, answer) in enumerate(zip(parts, rows_of(made / "answers.csv"), strict=True)):
        known, nothing = (scores(each) for each in (ready.entries("x")[row], baseline[np.newaxis]))
        at = int(known.argmax())
        assert (answer["row"], answer["answer"]) == (name, SLOPES[at])
        assert parts[name] == pytest.approx(known[at] - nothing[at], abs=2e-3)
    about = json.loads((made / "explanation.json").read_text())
    assert about["baseline"] == {"x": "mean of the training rows"}
    (project.folder / "data/sequences.json").rename(project.folder / "elsewhere.json")
    project.run("explain", "model=runs/first/model", "input=elsewhere.json", "--output", "alone")
    assert json.loads((project.folder / "alone/explanation.json").read_text())["baseline"] == {"x": "zeros"}
