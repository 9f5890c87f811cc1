"""llama.cpp's tokenizer for those who must not get certain tokens, as a C function of the same form.

llama.cpp finds user-defined tokens in any text. A grammar that forces such a text as plain letters needs the letters.
"""

import ctypes
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import llama_cpp.llama_cpp as raw

Tokenize = Callable[[bytes], list[int]]

_FUNCTION = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,  # vocabulary
    ctypes.POINTER(ctypes.c_char),
    ctypes.c_int32,  # bytes of text
    ctypes.POINTER(raw.llama_token),
    ctypes.c_int32,  # room for tokens
    ctypes.c_bool,  # add special tokens
    ctypes.c_bool,  # read special tokens
)


class PlainTokenizer:
    """``avoided``: the tokens that nobody wants, with their texts. Alive as long as :attr:`address` is in use.

    ``first`` gives the tokens of a text, ``following`` those of a text that follows another.
    """

    def __init__(self, first: Tokenize, following: Tokenize, avoided: Mapping[int, bytes]) -> None:
        self._first = first
        self._following = following
        self._avoided = frozenset(avoided)
        self._texts = re.compile(b"|".join(map(re.escape, sorted(avoided.values(), key=len, reverse=True))))
        self._function = _FUNCTION(self._call)

    @property
    def address(self) -> int:
        """Of the C function."""
        address = ctypes.cast(self._function, ctypes.c_void_p).value
        assert address is not None
        return address

    def tokens(self, data: bytes) -> list[int]:
        """None of them avoided."""
        tokens = self._first(data)
        if self._is_plain(tokens):
            return tokens
        first, *others = self._pieces(data)
        tokens = self._first(first)
        for piece in others:
            tokens += self._following(piece)
        return tokens

    def _is_plain(self, tokens: Collection[int]) -> bool:
        return self._avoided.isdisjoint(tokens)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Cut behind the first byte of each avoided text, so that none of them is whole."""
        start = 0
        while match := self._texts.search(data, start):
            yield data[start : match.start() + 1]
            start = match.start() + 1
        yield data[start:]

    def _call(self, _vocabulary: int, text: Any, size: int, found: Any, room: int, *_: bool) -> int:
        tokens = self.tokens(text[:size])
        if len(tokens) > room:
            return -len(tokens)
        for place, token in enumerate(tokens):
            found[place] = token
        return len(tokens)
