"""Finding where a JSON value ends, and reading a JSON string, while the text arrives in pieces.

Neither checks that the inside of a value is right: source text passes through as the model wrote it.
"""

import re

SPACE = " \t\r\n"
"""What JSON counts as white space, and what formats are free with around their markers."""

_IN_CONTAINER = re.compile(r'["{}\[\]]')
_STRUCTURE = re.compile(r'["\\{}\[\]]')
_IN_STRING = re.compile(r'["\\]')
_AFTER_SCALAR = re.compile(r"[,}\]\s]")
_UNIT = re.compile(r"\\u([0-9a-fA-F]{4})")
_UNFINISHED = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class ValueScanner:
    """One value. Feed it the pieces from the value's first character on."""

    __slots__ = ("_depth", "_escaped", "_in_string", "_scalar", "_started")

    def __init__(self) -> None:
        self._depth = 0
        self._escaped = False
        self._in_string = False
        self._scalar = False
        self._started = False

    def goes_on_over(self, text: str) -> bool:
        """Whether the value surely goes on behind ``text``, and nothing else of it matters: then it need not be fed."""
        return not (self._scalar or self._escaped or _STRUCTURE.search(text))

    def feed(self, text: str, start: int) -> int:
        """The index in ``text`` behind the value's last character, or -1 when the value goes on."""
        if not self._started:
            self._started = True
            self._scalar = text[start] not in '"{['
        if self._scalar:
            match = _AFTER_SCALAR.search(text, start)
            return match.start() if match else -1
        index = start
        size = len(text)
        while index < size:
            if self._escaped:
                self._escaped = False
                index += 1
                continue
            match = (_IN_STRING if self._in_string else _IN_CONTAINER).search(text, index)
            if match is None:
                return -1
            index = match.end()
            character = match.group()
            if character == "\\":
                self._escaped = True
            elif character == '"':
                self._in_string = not self._in_string
                if not self._in_string and self._depth == 0:
                    return index
            elif character in "{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth <= 0:
                    return index
        return -1


def string_piece(text: str, start: int, quote: str = '"') -> tuple[str, int, bool]:
    """What a JSON string says from ``start`` on, behind its opening quote, as far as it has come.

    Gives the decoded text, the index behind what it read, and whether that was the closing quote. Half an escape at
    the end is left for the next time. A broken escape stays in the text as it is; half of a surrogate pair becomes
    U+FFFD. With ``quote`` it reads Python's single quotes too.
    """
    stop = _IN_STRING if quote == '"' else re.compile(rf"[{re.escape(quote)}\\]")
    found: list[str] = []
    index = start
    while True:
        match = stop.search(text, index)
        if match is None:
            found.append(text[index:])
            return "".join(found), len(text), False
        found.append(text[index : match.start()])
        if match.group() == quote:
            return "".join(found), match.end(), True
        decoded, length = _escape(text, match.start())
        if not length:
            return "".join(found), match.start(), False
        found.append(decoded)
        index = match.start() + length


def _escape(text: str, index: int) -> tuple[str, int]:
    """The character of the escape at ``index`` and its length; length 0 when more text is needed."""
    if _UNFINISHED.match(text, index):
        return "", 0
    unit = _UNIT.match(text, index)
    if unit is None:
        escape = text[index : index + 2]
        return _ESCAPES.get(escape[1], escape), 2
    value = int(unit[1], 16)
    if not 0xD800 <= value < 0xE000:
        return chr(value), 6
    if value < 0xDC00:
        if unit.end() == len(text) or _UNFINISHED.match(text, unit.end()):
            return "", 0
        second = _UNIT.match(text, unit.end())
        low = int(second[1], 16) if second else 0
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)), 12
    return "\ufffd", 6
