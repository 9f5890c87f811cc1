"""A model's vocabulary: text to token ids and back.

All of it may be called from any thread while the engine decodes: the C functions only read.
Valid as long as its :class:`Model` is open.
"""

import ctypes
from collections.abc import Collection
from functools import cached_property, partial

import llama_cpp
import llama_cpp.llama_cpp as raw

from dmr_desktop.engine.llama.long_text import TextCutter, parts_between_words
from dmr_desktop.engine.llama.plain_tokenizer import PlainTokenizer

_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
_USER_DEFINED = llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
_SPECIAL = _CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN | _USER_DEFINED
_STRIPS_LEFT = llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP
_STRIPS = _STRIPS_LEFT | llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP
_SENTENCE_PIECE = llama_cpp.LLAMA_VOCAB_TYPE_SPM
_PIECE_ROOM = 256


class Vocabulary:
    """``size`` tokens with ids 0 … size-1; built by :class:`Model`, which owns the memory behind it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.size: int = llama_cpp.llama_vocab_n_tokens(handle)
        self.add_bos: bool = llama_cpp.llama_vocab_get_add_bos(handle)
        self.bos: int | None = self._known(llama_cpp.llama_vocab_bos(handle))
        self.eos: int | None = self._known(llama_cpp.llama_vocab_eos(handle))
        self.sep: int | None = self._known(llama_cpp.llama_vocab_sep(handle))
        self.add_eos: bool = llama_cpp.llama_vocab_get_add_eos(handle)
        self.add_sep: bool = llama_cpp.llama_vocab_get_add_sep(handle)
        self.fim = self._known_fim()
        self._pieces: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._tokenizers: list[PlainTokenizer] = []

    @property
    def bos_text(self) -> str:
        """Text of the token that begins a sequence, or empty."""
        return self._text(self.bos)

    @property
    def eos_text(self) -> str:
        """Text of the token that ends a sequence, or empty."""
        return self._text(self.eos)

    @cached_property
    def eog(self) -> frozenset[int]:
        """All tokens that end a generation (end of sequence, of turn, of message …)."""
        is_eog = llama_cpp.llama_vocab_is_eog
        return frozenset(token for token in range(self.size) if is_eog(self._handle, token))

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        """Token ids of ``text``; about 3 µs a token.

        ``add_special`` adds what the model wants around a text (BOS …); ``parse_special`` reads the text of a
        control token as that token. User-defined tokens are read in either case. Lone surrogates become U+FFFD.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        if add_special:
            return self._tokens(data, add_special, parse_special)
        cutter = self._cutter if parse_special else self._user_defined_cutter
        tokens: list[int] = []
        for piece in cutter.pieces(data):
            tokens += self._tokens_in_parts(piece, parse_special)
        return tokens

    def piece(self, token: int, *, special: bool) -> bytes:
        """The bytes a token stands for, not always whole characters.

        Without ``special`` control and unknown tokens are empty. An id outside the vocabulary is empty.
        """
        known = self._pieces[special]
        found = known.get(token)
        if found is None:
            found = known[token] = self._look_up_piece(token, special)
        return found

    def control_texts(self) -> dict[str, int]:
        """Texts of all control, unknown and user-defined tokens, with their ids."""
        return self._control_texts

    def token_id(self, text: str) -> int | None:
        """The one control, unknown or user-defined token spelled exactly so."""
        return self._control_texts.get(text)

    def is_control(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_get_attr(self._handle, token) & _CONTROL)

    @property
    def address(self) -> int:
        """Of the C object, for libraries that work on it directly."""
        return self._handle

    def tokenizer_without(self, avoided: Collection[int]) -> int:
        """The address of a C function ``llama_tokenize`` that reads special tokens in no text, and none ``avoided``.

        Valid as long as this vocabulary.
        """
        if avoided:
            texts = {token: self.piece(token, special=True) for token in avoided}
            tokenizer = PlainTokenizer(
                partial(self._tokens, add_special=False, parse_special=False), self._behind, texts
            )
            self._tokenizers.append(tokenizer)
            return tokenizer.address
        address = ctypes.cast(raw._lib.llama_tokenize, ctypes.c_void_p).value
        assert address is not None
        return address

    @cached_property
    def _control_texts(self) -> dict[str, int]:
        texts = {self._text(token): token for token in self._special_tokens}
        texts.pop("", None)
        return texts

    @cached_property
    def _cutter(self) -> TextCutter:
        return self._cutter_for(_SPECIAL)

    @cached_property
    def _user_defined_cutter(self) -> TextCutter:
        return self._cutter_for(_USER_DEFINED)

    def _cutter_for(self, kinds: int) -> TextCutter:
        attributes = {token: llama_cpp.llama_vocab_get_attr(self._handle, token) for token in self._special_tokens}
        wanted = {token: found for token, found in attributes.items() if found & kinds}
        texts = {llama_cpp.llama_vocab_get_text(self._handle, token): token for token in wanted}
        texts.pop(b"", None)
        return TextCutter(
            {text: bool(wanted[token] & _STRIPS_LEFT) for text, token in texts.items()},
            strips=any(found & _STRIPS for found in wanted.values()),
        )

    @cached_property
    def _special_tokens(self) -> list[int]:
        attributes, handle = llama_cpp.llama_vocab_get_attr, self._handle
        return [token for token in range(self.size) if attributes(handle, token) & _SPECIAL]

    @cached_property
    def _is_sentence_piece(self) -> bool:
        return bool(llama_cpp.llama_vocab_type(self._handle) == _SENTENCE_PIECE)

    def _tokens_in_parts(self, data: bytes, parse_special: bool) -> list[int]:
        """SentencePiece's time grows with the square of the bytes that are tokens of their own: long texts in parts."""
        if not self._is_sentence_piece:
            return self._tokens(data, False, parse_special)
        first, *others = parts_between_words(data)
        tokens = self._tokens(first, False, parse_special)
        for part in others:
            tokens += self._behind(part, parse_special)
        return tokens

    def _behind(self, data: bytes, parse_special: bool = False) -> list[int]:
        """The tokens of a text behind another. SentencePiece puts a blank before every text; behind a line end not."""
        if self._is_sentence_piece:
            line_end = self._tokens(b"\n", False, False)
            tokens = self._tokens(b"\n" + data, False, parse_special)
            if tokens[: len(line_end)] == line_end:
                return tokens[len(line_end) :]
        return self._tokens(data, False, parse_special)

    def _tokens(self, data: bytes, add_special: bool, parse_special: bool) -> list[int]:
        room = len(data) + 8
        while True:
            tokens = (raw.llama_token * room)()
            count = llama_cpp.llama_tokenize(self._handle, data, len(data), tokens, room, add_special, parse_special)
            if count >= 0:
                return tokens[:count]
            room = -count

    def _known_fim(self) -> tuple[int, int, int] | None:
        """The tokens of a text with a gap, as :class:`..formats.vocabulary.Vocabulary` has them."""
        before = self._known(llama_cpp.llama_vocab_fim_pre(self._handle))
        behind = self._known(llama_cpp.llama_vocab_fim_suf(self._handle))
        middle = self._known(llama_cpp.llama_vocab_fim_mid(self._handle))
        return None if before is None or behind is None or middle is None else (before, behind, middle)

    def _known(self, token: int) -> int | None:
        return token if 0 <= token < self.size else None

    def _text(self, token: int | None) -> str:
        return "" if token is None else self.piece(token, special=True).decode("utf-8", "replace")

    def _look_up_piece(self, token: int, special: bool) -> bytes:
        if not 0 <= token < self.size:
            return b""
        room = _PIECE_ROOM
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = llama_cpp.llama_token_to_piece(self._handle, token, buffer, room, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            room = -length
