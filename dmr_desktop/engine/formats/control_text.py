"""Keeping text that came from a client from becoming control tokens, and turning prompt text into tokens.

A rendered prompt is one flat text in which the template's own ``<|im_end|>`` must become a control token
and a user's must not. So a mark is put inside every control text that a client sends; the prompt is cut
at the marks before it is tokenized.
"""

import re
from collections.abc import Iterable

from dmr_desktop.engine.formats.vocabulary import Vocabulary

MARK = "\ufdd0"
"""A Unicode noncharacter: it means nothing in any text and is taken out of what comes in."""


class ControlText:
    """The control texts of one vocabulary. ``markers``: further texts that only the model may write."""

    def __init__(self, vocabulary: Vocabulary, template_source: str, markers: Iterable[str] = ()) -> None:
        self._vocabulary = vocabulary
        self._ids = {text: token for text, token in vocabulary.control_texts().items() if text.strip()}
        guarded = {text for text, token in self._ids.items() if self._is_dangerous(text, token, template_source)}
        guarded |= {marker for marker in markers if marker.strip()}
        self._guarded = _Finder(guarded)
        self._known = _Finder(self._ids)
        self._bos = vocabulary.token_id(vocabulary.bos_text) if vocabulary.bos_text else None
        newline = vocabulary.tokenize("\n", False, False)
        joined = vocabulary.tokenize("\n|x", False, False)
        # SentencePiece puts a blank before every text; behind a newline it does not.
        adds_blank = joined[: len(newline)] == newline and joined[len(newline) :] != vocabulary.tokenize(
            "|x", False, False
        )
        self._newline = newline if adds_blank else []

    def mark(self, text: str, exempt: Iterable[str] = ()) -> str:
        """``text`` with a mark inside each control text, so that tokenizing cannot find it whole."""
        if MARK in text:
            text = text.replace(MARK, "")
        spans = [span for span in self._guarded.find(text) if text[span[0] : span[1]] not in exempt]
        if not spans:
            return text
        pieces = []
        last = 0
        for start, _ in spans:
            pieces.append(text[last : start + 1])
            last = start + 1
        return MARK.join([*pieces, text[last:]])

    def tokenize(self, prompt: str, *, adds_bos: bool = True) -> list[int]:
        """The tokens of a marked prompt, with exactly one BOS in front if the model wants one and ``adds_bos``."""
        first, *others = prompt.split(MARK)
        tokens = self._vocabulary.tokenize(first, False, True)
        for piece in others:
            if self._newline:
                tokens += self._vocabulary.tokenize("\n" + piece, False, True)[len(self._newline) :]
            else:
                tokens += self._vocabulary.tokenize(piece, False, True)
        return self.with_bos(tokens) if adds_bos else tokens

    def plain(self, text: str, *, is_first: bool = True) -> list[int]:
        """The tokens of a text in which no control token is read; ``is_first``: no other text stands before it."""
        text = text.replace(MARK, "")
        if is_first or not self._newline:
            return self._vocabulary.tokenize(text, False, False)
        return self._vocabulary.tokenize("\n" + text, False, False)[len(self._newline) :]

    def with_bos(self, tokens: list[int]) -> list[int]:
        """With exactly one BOS in front if the model wants one."""
        if self._vocabulary.add_bos and self._bos is not None and tokens[:1] != [self._bos]:
            return [self._bos, *tokens]
        return tokens

    def split(self, text: str) -> list[str | int]:
        """``text`` as the model's vocabulary spells it: ids of control tokens, and plain text between them."""
        pieces: list[str | int] = []
        last = 0
        for start, end in self._known.find(text):
            pieces += [text[last:start], self._ids[text[start:end]]]
            last = end
        pieces.append(text[last:])
        return [piece for piece in pieces if piece != ""]

    def _is_dangerous(self, text: str, token: int, template_source: str) -> bool:
        # User-defined tokens are found in any text, special parsing or not. Most of them are words like
        # others (runs of blanks, HTML tags) and must stay whole; those that the template uses are markers.
        if text in template_source:
            return True
        return token not in self._vocabulary.tokenize(text, False, False)


class _Finder:
    """Finds any of many texts; fast where none of their first characters occurs."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = frozenset(texts)
        self._lengths: dict[str, list[int]] = {}
        for text in self._texts:
            lengths = self._lengths.setdefault(text[0], [])
            if len(text) not in lengths:
                lengths.append(len(text))
        for lengths in self._lengths.values():
            lengths.sort(reverse=True)
        starts = "".join(map(re.escape, sorted(self._lengths)))
        self._starts = re.compile(f"[{starts}]") if starts else None

    def find(self, text: str) -> list[tuple[int, int]]:
        """The spans of the texts, left to right, the longest at each place, none overlapping."""
        spans: list[tuple[int, int]] = []
        match = self._starts.search(text) if self._starts else None
        while match and self._starts:
            start = match.start()
            following = start + 1
            for length in self._lengths[text[start]]:
                if text[start : start + length] in self._texts:
                    following = start + length
                    spans.append((start, following))
                    break
            match = self._starts.search(text, following)
        return spans
