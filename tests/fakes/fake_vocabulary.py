"""A vocabulary of bytes and a few control tokens, with the manners of llama.cpp's tokenizer."""

import re
from collections.abc import Sequence

FIRST_CONTROL = 256


class FakeVocabulary:
    """Byte ``b`` is token ``b``; control token ``i`` is ``256 + i``. ``words`` are user-defined: always found."""

    def __init__(
        self,
        control: Sequence[str] = ("<|im_start|>", "<|im_end|>"),
        *,
        words: Sequence[str] = (),
        bos: str = "",
        eos: str = "<|im_end|>",
        add_bos: bool = False,
        adds_blank: bool = False,
        fim: tuple[str, str, str] | None = None,
    ) -> None:
        texts = [*control, *words]
        self._ids = {text: FIRST_CONTROL + index for index, text in enumerate(texts)}
        self._texts = {token: text for text, token in self._ids.items()}
        self._words = list(words)
        self._adds_blank = adds_blank
        self.bos_text = bos
        self.eos_text = eos
        self.add_bos = add_bos
        self.fim = None if fim is None else (self._ids[fim[0]], self._ids[fim[1]], self._ids[fim[2]])

    def control_texts(self) -> dict[str, int]:
        return dict(self._ids)

    def token_id(self, text: str) -> int | None:
        return self._ids.get(text)

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        assert not add_special, "the formats layer puts BOS in front itself"
        found = sorted(self._ids if parse_special else self._words, key=len, reverse=True)
        pieces = re.split(f"({'|'.join(map(re.escape, found))})", text) if found else [text]
        tokens: list[int] = []
        for piece in pieces:
            if piece in self._ids and (parse_special or piece in self._words):
                tokens.append(self._ids[piece])
            elif piece:
                tokens += (" " + piece if self._adds_blank else piece).encode()
        return tokens

    def show(self, tokens: Sequence[int]) -> str:
        """Tokens as text, control tokens between double angle brackets."""
        shown = b""
        for token in tokens:
            text = self._texts.get(token)
            shown += bytes([token]) if text is None else f"«{text}»".encode()
        return shown.decode()

    def text_of(self, token: int) -> bytes:
        """What the token stands for, control tokens their text."""
        text = self._texts.get(token)
        return bytes([token]) if text is None else text.encode()

    @property
    def byte_pieces(self) -> list[bytes]:
        """What each token stands for, control tokens marked the way llguidance wants them."""
        return [bytes([byte]) for byte in range(256)] + [b"\xff" + text.encode() for text in self._ids]
