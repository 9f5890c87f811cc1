"""A query and a document as the tokens that a ranking model was trained to read."""

import re
from collections.abc import Callable
from math import ceil
from typing import Protocol, TypeAlias

from dmr_desktop.engine.formats.control_text import MARK, ControlText
from dmr_desktop.engine.formats.vocabulary import Vocabulary

_PLACES = re.compile(r"\{query\}|\{document\}")


class PairVocabulary(Vocabulary, Protocol):
    """The tokens around the texts of a pair, and whether the model wants them."""

    bos: int | None
    eos: int | None
    sep: int | None
    add_eos: bool
    add_sep: bool


Join: TypeAlias = Callable[[str], list[int]]
"""A document's text to the tokens of its pair."""


class PairFormat:
    """``template`` is the GGUF's template named ``rerank``: text in which ``{query}`` and ``{document}`` are replaced.

    Models without one read ``[BOS] query [EOS] [SEP] document [EOS]``, of which each takes what its vocabulary asks
    for. Nothing in the two texts becomes a control token.
    """

    def __init__(self, vocabulary: PairVocabulary, template: str | None) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._control = ControlText(vocabulary, template or "")

    def describe(self) -> str:
        return "the model's own template for pairs" if self._template else "query and document with separators"

    def joiner(self, query: str) -> Join:
        """What turns a document into the tokens of its pair with ``query``."""
        if self._template is not None:
            return self._templated(self._template, self._control.mark(query))
        vocabulary = self._vocabulary
        end = vocabulary.eos if vocabulary.eos is not None else vocabulary.sep
        begin = [vocabulary.bos] if vocabulary.add_bos else []
        closing = [end] if vocabulary.add_eos else []
        middle = [*closing, *([vocabulary.sep] if vocabulary.add_sep else [])]
        front = [token for token in (*begin, *self._plain(query), *middle) if token is not None]
        back = [token for token in closing if token is not None]
        return lambda document: [*front, *self._plain(document), *back]

    def _templated(self, template: str, query: str) -> Join:
        def join(document: str) -> list[int]:
            texts = {"{query}": query, "{document}": self._control.mark(document)}
            # In one pass: a query may well hold the text "{document}".
            return self._control.tokenize(_PLACES.sub(lambda place: texts[place[0]], template), adds_bos=False)

        return join

    def _plain(self, text: str) -> list[int]:
        return self._vocabulary.tokenize(text.replace(MARK, ""), False, False)


def shortened(join: Join, most: int) -> Join:
    """``join``, leaving out so much of a document's end that its pair has at most ``most`` tokens, if that can be."""
    around = len(join(""))

    def join_what_fits(document: str) -> list[int]:
        tokens = join(document)
        while (excess := len(tokens) - most) > 0 and document:
            # By its share of the text; where tokens are shorter towards the end, once more.
            document = document[: len(document) - ceil(len(document) * excess / max(excess, len(tokens) - around))]
            tokens = join(document)
        return tokens

    return join_what_fits
