"""Turn texts into numbers of words, or of parts of words, for embeddings."""

import os
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step
from trainbook.faults import Fault

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ["[PAD]", "[UNK]"]
"""The first words of every vocabulary: 0 fills up what is padded, 1 stands for what training has not seen, or too rarely."""
TAG = r"<[a-zA-Z/!][^>]*>"
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"


class Tokenize(Step):
    """Text (n,) -> int32, ragged: the place of each token of a text in a vocabulary learnt from the training rows alone.

    White space goes; a mark of punctuation is a token, and ``don't`` is one word. A text without a token has length 0.
    The library is Hugging Face's ``tokenizers``. Its WordPiece and Unigram are not offered: their vocabularies differ from one
    training to the next.

    Args:
        columns: of text; they share one vocabulary.
        model: ``word``: a token is a whole word, and rare ones are unknown; ``bpe``: frequent words are one token, and rare ones
            are spelled by frequent parts (Sennrich et al., "Neural machine translation of rare words with subword units", 2016).
        size: of the vocabulary at most, with the two special tokens; the most frequent ones stay.
        rarest: what stands in the training rows less often is no token; of ``bpe`` parts are joined no further.
        lowercase: capitals are no different.
        markup: HTML tags, such as ``<br />``, are taken for white space.
        longest: tokens of a text, from its beginning; null = all.

    Raises:
        ValueError: a number lies outside its range.
    """

    def __init__(
        self,
        columns: Sequence[str],
        model: Literal["word", "bpe"] = "word",
        size: int = 8000,
        rarest: int = 2,
        lowercase: bool = True,
        markup: bool = True,
        longest: int | None = 256,
    ) -> None:
        if size <= len(SPECIAL) or rarest < 1 or (longest is not None and longest < 1):
            raise ValueError(
                f"size above {len(SPECIAL)}, rarest and longest of at least 1 were expected; got {size}, {rarest} and {longest}"
            )
        self.columns, self.model, self.size, self.rarest = list(columns), model, size, rarest
        self.lowercase, self.markup, self.longest = lowercase, markup, longest
        self.tokenizer: Tokenizer | None = None

    def fit(self, columns: Columns) -> None:
        """Learn the vocabulary.

        Raises:
            Fault: there would be no word in it.
        """
        how = {"vocab_size": self.size, "min_frequency": self.rarest, "special_tokens": SPECIAL, "show_progress": False}
        tokenizer, trainer = self._blank(how)
        tokenizer.train_from_iterator(chain.from_iterable(columns[name].tolist() for name in self.columns), trainer)
        if tokenizer.get_vocab_size() <= len(SPECIAL):
            named = ", ".join(self.columns)
            raise Fault(f"Words that stand {self.rarest} times in {named} were expected; there is none. Lower rarest.")
        self.tokenizer = tokenizer

    def _blank(self, how: Mapping[str, Any]) -> "tuple[Tokenizer, Any]":
        """A tokenizer that has learnt nothing, and its trainer."""
        tokenizers = _library()
        from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

        spaced = self.model == "bpe"  # a part that begins a word is told by the space before it
        made = tokenizers.Tokenizer((models.BPE if spaced else models.WordLevel)(unk_token=SPECIAL[1]))
        made.normalizer = normalizers.Sequence(
            [normalizers.Replace(tokenizers.Regex(TAG), " ")] * self.markup
            + [normalizers.NFKC()]
            + [normalizers.Lowercase()] * self.lowercase
            + [normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Strip()]
            + [normalizers.Prepend(" ")] * spaced
        )
        pattern = tokenizers.Regex(" ?(?:" * spaced + WORD + ")" * spaced)
        made.pre_tokenizer = pre_tokenizers.Split(pattern, "removed", invert=True)
        if spaced:
            made.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        made.encode_special_tokens = True
        if self.longest is not None:
            made.enable_truncation(self.longest)
        return made, (trainers.BpeTrainer if spaced else trainers.WordLevelTrainer)(**how)

    def transform(self, columns: Columns) -> Columns:
        for name in self.columns:
            if name in columns:
                rows = [np.array(each.ids, np.int32) for each in self._encoded(columns[name], places=False)]
                columns = columns.ragged(name, rows, np.empty(0, np.int32))
        return columns

    def pieces(self, column: str, columns: Columns) -> list[list[str]] | None:
        """The tokens of each text as they stand in it."""
        if column not in self.columns:
            return None
        texts = columns[column].tolist()
        found = self._encoded(columns[column], places=True)
        return [[*map(_piece, repeat(text), each.tokens, each.offsets)] for text, each in zip(texts, found, strict=True)]

    def _encoded(self, texts: Array, places: bool) -> list[Any]:
        assert self.tokenizer is not None, "fit, or reopen, comes first"
        encode = self.tokenizer.encode_batch if places else self.tokenizer.encode_batch_fast
        return encode(texts.tolist())

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """The document says all."""

    def document(self) -> str | None:
        """The tokenizer as its library writes it: ``tokenizers.Tokenizer.from_file`` takes the file, too."""
        return None if self.tokenizer is None else self.tokenizer.to_str()

    def reopen(self, document: str) -> None:
        """Take a tokenizer back.

        Raises:
            Fault: the document is none.
        """
        try:
            self.tokenizer = _library().Tokenizer.from_str(document)
        except Exception as error:  # the library raises no other kind
            raise Fault(f"A tokenizer was expected ({' '.join(str(error).split())[:200]}). Prepare the data again.") from error
        self.tokenizer.encode_special_tokens = True

    def facts(self) -> dict[str, dict[str, Any]]:
        size = 0 if self.tokenizer is None else self.tokenizer.get_vocab_size()
        return {name: {"vocabulary": size} for name in self.columns}


def _piece(text: str, token: str, place: tuple[int, int]) -> str:
    """What stands there, without the space before it, which may have been a tag."""
    start, end = place
    return text[end - len(token) + 1 if token.startswith(" ") else start : end]


def _library() -> Any:
    """The library, on one thread unless the environment says otherwise; so it does not complain when processes are forked."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import tokenizers

    return tokenizers
