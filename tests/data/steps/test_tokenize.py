"""Tokens are those of the training rows, say back what they were made of, and are the same in every process."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
import tokenizers

from trainbook.columns import Columns
from trainbook.data.samples.rows import Rows
from trainbook.data.steps.tokenize import Tokenize
from trainbook.faults import Fault

TEXTS = [
    "The tea is good, the cup is good too.",
    "Don't buy the tea!<br />It isn't GOOD.",
    "A cup of tea – what a  cup!\n<p class='x'>Über alles</p>",
    "good tea is good tea",
]
MODELS = ["word", "bpe"]


def columns(texts: list[str]) -> Columns:
    return Columns({"x": np.array(texts, object)})


def fitted(texts: list[str] = TEXTS, **how: Any) -> Tokenize:
    step = Tokenize(["x"], **{"rarest": 1, **how})
    step.fit(columns(texts))
    return step


def plain(text: str) -> str:
    """By hand: without tags, small, one space between words."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).lower().split())


def words(text: str) -> list[str]:
    """By hand: letters and digits with what an apostrophe joins to them, and marks one by one."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]", plain(text))


def ids(step: Tokenize, texts: list[str]) -> list[list[int]]:
    return [each.tolist() for each in step.transform(columns(texts)).entries("x")]


def test_the_vocabulary_of_words_is_that_of_a_count_by_hand() -> None:
    step = fitted(rarest=2, size=8)
    counted = Counter(word for text in TEXTS for word in words(text))
    order = sorted((word for word, count in counted.items() if count >= 2), key=lambda word: (-counted[word], word))
    known = {word: place for place, word in enumerate(order[:6], 2)}
    assert step.tokenizer is not None
    assert step.tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, **known}
    assert ids(step, TEXTS) == [[known.get(word, 1) for word in words(text)] for text in TEXTS]
    assert step.facts() == {"x": {"vocabulary": 8}}


@pytest.mark.parametrize("model", MODELS)
def test_decoding_gives_the_words_back(model: str) -> None:
    step = fitted(model=model)
    assert step.tokenizer is not None
    for text, found in zip(TEXTS, ids(step, TEXTS), strict=True):
        said = step.tokenizer.decode(found)
        assert said == (plain(text) if model == "bpe" else " ".join(words(text)))


@pytest.mark.parametrize("model", MODELS)
def test_pieces_are_what_stands_in_the_text_and_as_many_as_ids(model: str) -> None:
    step, new = fitted(model=model), [*TEXTS, "Xylophone tea ☂ GOOD"]
    pieces = step.pieces("x", columns(new))
    assert pieces is not None
    assert [len(each) for each in pieces] == [len(each) for each in ids(step, new)]
    for text, found in zip(new, pieces, strict=True):
        assert "".join(found) == re.sub(r"<[^>]*>|\s", "", text)
        assert not re.search(r"[#Ġ▁\s]", "".join(found))
    if model == "word":
        assert pieces[-1] == ["Xylophone", "tea", "☂", "GOOD"]
        assert ids(step, new)[-1][0] == 1, "what training has not seen"
    assert step.pieces("other", columns(new)) is None


def test_bpe_spells_a_new_word_by_known_parts_and_word_does_not() -> None:
    spelled = fitted(["lower lowest low new newer newest"] * 3, model="bpe")
    assert spelled.tokenizer is not None
    found = ids(spelled, ["slowest"])[0]
    assert 1 not in found
    assert len(found) < len("slowest")
    assert spelled.tokenizer.decode(found) == "slowest"
    assert ids(fitted(["lower lowest low new newer newest"] * 3), ["slowest"]) == [[1]]


@pytest.mark.parametrize("model", MODELS)
def test_long_texts_keep_their_beginning(model: str) -> None:
    whole, cut = fitted(model=model, longest=None), fitted(model=model, longest=5)
    assert [found[:5] for found in ids(whole, TEXTS)] == ids(cut, TEXTS)
    assert max(map(len, ids(whole, TEXTS))) > 5


def test_settings_do_what_they_say() -> None:
    assert ids(fitted(), ["GOOD"]) == ids(fitted(), ["good"])
    assert ids(fitted(lowercase=False), ["GOOD"]) != ids(fitted(lowercase=False), ["good"])
    assert len(ids(fitted(), ["tea<br />tea"])[0]) == 2
    assert len(ids(fitted(markup=False), ["tea<br />tea"])[0]) > 2
    assert len(ids(fitted(), ["I paid < 5 and > 3"])[0]) == 7, "no tag"
    with pytest.raises(ValueError, match="size above 2"):
        Tokenize(["x"], size=2)
    with pytest.raises(Fault, match="Words that stand 9 times in x were expected; there is none"):
        fitted(rarest=9)


@pytest.mark.parametrize("model", MODELS)
def test_texts_without_a_token_and_special_words_are_texts_like_others(model: str) -> None:
    step = fitted(model=model)
    made = step.transform(columns(["", " <br /> \n", "tea"]))
    assert made.offsets["x"].tolist()[:3] == [0, 0, 0]
    assert made["x"].dtype == np.int32
    assert 0 not in ids(step, ["[PAD] [UNK] tea"])[0], "padding cannot be written"
    assert step.pieces("x", columns([""])) == [[]]
    batch = Rows(["x"], []).fetch(made, Columns({}), np.array([0, 2]))
    lengths = [0, len(ids(step, ["tea"])[0])]
    assert batch.inputs["x_mask"].sum(1).tolist() == lengths
    assert not batch.inputs["x"][~batch.inputs["x_mask"]].any()
    only = Rows(["x"], []).fetch(made, Columns({}), np.array([0]))
    assert only.inputs["x"].shape == (1, 1)
    assert not only.inputs["x_mask"].any()


@pytest.mark.parametrize("model", MODELS)
def test_a_reopened_one_is_the_same_and_its_library_reads_the_file(model: str) -> None:
    step = fitted(model=model, longest=7)
    again = Tokenize(["x"], model=model, longest=7)
    again.restore(step.state())
    again.reopen(step.document() or "")
    new = [*TEXTS, "[UNK] something else"]
    assert ids(again, new) == ids(step, new)
    assert again.document() == step.document()
    assert again.facts() == step.facts()
    plain = tokenizers.Tokenizer.from_str(step.document() or "")
    assert [each.ids for each in plain.encode_batch(TEXTS)] == ids(step, TEXTS)
    assert step.transform(Columns({"label": np.arange(3)}))["label"].tolist() == [0, 1, 2], "absent columns are tolerated"
    with pytest.raises(Fault, match="A tokenizer was expected"):
        again.reopen("{}")


def test_several_columns_share_one_vocabulary() -> None:
    both = Columns({"title": np.array(["good tea"], object), "body": np.array(["bad tea"], object)})
    step = Tokenize(["title", "body"], rarest=1)
    step.fit(both)
    made = step.transform(both)
    assert made["title"][1] == made["body"][1]
    assert step.facts() == {"title": {"vocabulary": 5}, "body": {"vocabulary": 5}}


LEARN = """
import numpy, hashlib, sys
from trainbook.columns import Columns
from trainbook.data.steps.tokenize import Tokenize
draw = numpy.random.default_rng(0)
letters = numpy.array(list("abcdefgh "))
texts = numpy.array(["".join(draw.choice(letters, 80)) for _ in range(300)], object)
for model in ("word", "bpe"):
    step = Tokenize(["x"], model=model, size=200)
    step.fit(Columns({"x": texts}))
    ids = step.transform(Columns({"x": texts}))["x"]
    print(hashlib.sha256(step.document().encode() + ids.tobytes()).hexdigest())
assert not {"torch", "requests", "httpx", "huggingface_hub"} & set(sys.modules)
"""


def test_every_process_learns_the_same_bytes() -> None:
    """Ties among rare words are many here; how a process hashes, and on how many threads it counts, must not decide them."""
    said = set()
    for parallel in ("true", "true", "false", ""):
        environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
        environment |= {"TOKENIZERS_PARALLELISM": parallel} if parallel else {}
        done = subprocess.run([sys.executable, "-c", LEARN], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
    assert len(next(iter(said)).split()) == 2


FORK = """
import os, numpy
from trainbook.columns import Columns
from trainbook.data.steps.tokenize import Tokenize
texts = Columns({"x": numpy.array(["good tea", "bad tea"] * 50, object)})
step = Tokenize(["x"])
step.fit(texts)
step.transform(texts)
child = os.fork()
if not child:
    step.transform(texts)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_processes_may_be_forked_afterwards() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    done = subprocess.run([sys.executable, "-c", FORK], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_needs_no_texts_does_not_pay_for_the_library() -> None:
    code = "import sys, trainbook.data.steps.tokenize, trainbook.data.sources.text; assert 'tokenizers' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_the_order_of_the_rows_does_not_matter_for_bytes(model: str) -> None:
    one, other = fitted(model=model), fitted(list(reversed(TEXTS)), model=model)
    assert hashlib.sha256((one.document() or "").encode()).digest() == hashlib.sha256((other.document() or "").encode()).digest()
