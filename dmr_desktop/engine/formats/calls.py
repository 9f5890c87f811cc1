"""Readers of one tool call's text, one for each kind of call body.

A reader gets text from the first character behind the call's start marker on. It reports name, id and
pieces of the arguments as soon as they are sure, and ends ``done`` or ``failed``. What markers stand
around a call is the parser's business.
"""

import json
import re
from collections.abc import Container
from typing import Literal, Protocol, TypeAlias

from dmr_desktop.engine.formats.chat_format import CallSyntax, JsonCall, Literally, NamedCall, Skeleton
from dmr_desktop.engine.formats.json_stream import SPACE, ValueScanner
from dmr_desktop.engine.formats.markers import starts_with
from dmr_desktop.engine.formats.tagged import Offered, TaggedCallReader

Status: TypeAlias = Literal["reading", "done", "failed"]

_MAX_NAME = 128
_NAME = re.compile(rf"[A-Za-z0-9_.:/-]{{1,{_MAX_NAME}}}")
_DIGITS = re.compile(r"[0-9]+")
_ARGUMENT_KEYS = frozenset(("arguments", "parameters"))
_WAIT, _NONE = -2, -1
_USUAL = JsonCall(("name",), ("arguments",), (), ())


class CallReader(Protocol):
    """``name`` is only ever one of the names offered. ``id`` is empty unless the text gave one before the name."""

    status: Status
    name: str
    id: str

    def feed(self, text: str) -> str:
        """Reads on; the answer is what follows the call, empty while it is being read."""
        ...

    def take_arguments(self) -> str:
        """The JSON text of the arguments that has come since the last time. Empty before the name is known."""
        ...


def call_reader(calls: CallSyntax, offered: Offered, *, bare: bool) -> CallReader:
    """``bare``: nothing marks the text as a call, so only what looks exactly like one is taken as one."""
    match calls.body:
        case JsonCall() as body:
            return JsonCallReader(body, offered, bare=bare)
        case NamedCall() as body:
            return NamedCallReader(body, offered)
        case body:
            section_end = calls.section_end.strip()
            ends = (*calls.ends, *((section_end,) if section_end else ()))
            return TaggedCallReader(body, offered, ends)


def usual_reader(offered: Offered) -> CallReader:
    """For models that fall back to the most usual spelling: ``{"name": ..., "arguments": ...}``."""
    return JsonCallReader(_USUAL, offered, bare=False)


class JsonCallReader:
    """``{"name": ..., "arguments": {...}}`` with the keys in any order and at any depth.

    Arguments given as a JSON string are decoded; missing ones and null count as ``{}``.
    """

    def __init__(self, body: JsonCall, offered: Container[str], *, bare: bool) -> None:
        self.status: Status = "reading"
        self.name = ""
        self.id = ""
        self._body = body
        self._offered = offered
        self._bare = bare
        self._path: tuple[str, ...] = ()
        self._expect: Literal["object", "key", "colon", "value", "next"] = "object"
        self._scanner: ValueScanner | None = None
        self._pieces: list[str] = []
        self._arguments: list[str] = []
        self._streams = False
        self._has_arguments = False

    def take_arguments(self) -> str:
        if not self.name or not self._arguments:
            return ""
        text = "".join(self._arguments)
        self._arguments.clear()
        return text

    def feed(self, text: str) -> str:
        index = 0
        while index < len(text) and self.status == "reading":
            if self._scanner is not None:
                index = self._scan(self._scanner, text, index)
            elif text[index] in SPACE or self._takes(text[index]):
                index += 1
        return text[index:]

    def _takes(self, character: str) -> bool:
        """One character outside keys and values; False when it is not consumed: a value begins, or nothing fits."""
        match self._expect, character:
            case ("object", "{"):
                self._expect = "key"
            case ("key", '"'):
                self._scanner = ValueScanner()
                return False
            case ("colon", ":"):
                self._expect = "value"
            case ("value", "{") if self._leads_deeper():
                self._expect = "key"
            case ("value", _) if character not in ",}]:":
                self._scanner = ValueScanner()
                self._streams = self._is_arguments() and character == "{"
                self._has_arguments |= self._is_arguments()
                return False
            case ("next", ","):
                self._expect = "key"
            case (("next" | "key"), "}"):
                self._close()
            case _:
                self.status = "failed"
                return False
        return True

    def _scan(self, scanner: ValueScanner, text: str, index: int) -> int:
        end = scanner.feed(text, index)
        stop = len(text) if end < 0 else end
        (self._arguments if self._streams else self._pieces).append(text[index:stop])
        if end >= 0:
            self._scanner = None
            value = "".join(self._pieces)
            self._pieces.clear()
            if self._expect == "key":
                self._key(value)
            else:
                self._value(value)
        return stop

    def _key(self, source: str) -> None:
        key = _decoded(source)
        if not isinstance(key, str) or (self._bare and not self._knows(key)):
            self.status = "failed"
            return
        self._path = (*self._path, key)
        self._expect = "colon"

    def _value(self, source: str) -> None:
        place = self._place
        if place == self._body.name_path or (not place and not self.name):
            name = _decoded(source)
            if not isinstance(name, str) or name not in self._offered:
                self.status = "failed"
                return
            self.name = name
        elif place == self._body.id_path:
            self.id = str(_decoded(source) or "")
        elif self._is_arguments() and not self._streams:
            self._arguments.append(_argument_text(source))
        self._streams = False
        self._path = self._path[:-1]
        self._expect = "next"

    def _close(self) -> None:
        if self._path:
            self._path = self._path[:-1]
            self._expect = "next"
        elif self.name:
            if not self._has_arguments:
                self._arguments.append("{}")
            self.status = "done"
        else:
            self.status = "failed"

    @property
    def _place(self) -> tuple[str, ...]:
        """The path, without the object called ``function`` into which some models put a call that needs none.

        Others write the name itself under that key; that place is empty.
        """
        if self._path[:1] == ("function",) and self._body.name_path[:1] != ("function",):
            return self._path[1:]
        return self._path

    def _is_arguments(self) -> bool:
        wanted, place = self._body.arguments_path, self._place
        if place == wanted:
            return True
        # Models mix up the two usual words for it.
        same_place = bool(place) and place[:-1] == wanted[:-1]
        return same_place and place[-1] in _ARGUMENT_KEYS and wanted[-1] in _ARGUMENT_KEYS

    def _leads_deeper(self) -> bool:
        place = self._place
        depth = len(place)
        body = self._body
        return any(
            len(path) > depth and path[:depth] == place for path in (body.name_path, body.arguments_path, body.id_path)
        )

    def _knows(self, key: str) -> bool:
        depth = len(self._place)
        body = self._body
        known = {path[depth] for path in (body.name_path, body.arguments_path, body.id_path) if len(path) > depth}
        return key in known or key in _ARGUMENT_KEYS or key in ("type", "id", "function")


class NamedCallReader:
    """Follows the skeleton: fixed texts (white space around them is free), name, id, index, JSON arguments.

    What stands between the name and the arguments may be missing.
    """

    def __init__(self, body: NamedCall, offered: Container[str]) -> None:
        self.status: Status = "reading"
        self.name = ""
        self.id = ""
        at = body.skeleton.index("arguments")
        self._head: Skeleton = body.skeleton[: at + 1]
        self._tail = "".join(piece.text for piece in body.skeleton[at + 1 :] if isinstance(piece, Literally)).strip()
        self._id_prefix = body.id_prefix
        self._offered = offered
        self._text = ""
        self._scanner: ValueScanner | None = None
        self._is_in_tail = False
        self._arguments = ""

    def take_arguments(self) -> str:
        text, self._arguments = self._arguments, ""
        return text

    def feed(self, text: str) -> str:
        if self._scanner is None:
            self._text += text
            text = self._read_head()
            if self._scanner is None:
                return text
        if not self._is_in_tail:
            end = self._scanner.feed(text, 0) if text else -1
            if end < 0:
                self._arguments += text
                return ""
            self._arguments += text[:end]
            self._is_in_tail = True
            self._text, text = "", text[end:]
        return self._read_tail(self._text + text)

    def _read_tail(self, text: str) -> str:
        """Over what closes the call behind its arguments; the answer is the text after that."""
        rest = text.lstrip(SPACE)
        found = starts_with(rest, self._tail, False) if self._tail else False
        if found is None:
            self._text = text
            return ""
        self.status = "done"
        return rest[len(self._tail) :] if found else text

    def _read_head(self) -> str:
        """Reads up to the arguments; the answer is the text from their brace on, or all of it on failure."""
        rest = self._text
        name = spelled = ""
        at = 0
        while True:
            piece = self._head[at]
            rest = rest.lstrip(SPACE)
            if isinstance(piece, Literally):
                found = starts_with(rest, piece.text.strip(), False)
                if found is None:
                    return ""
                if found:
                    rest = rest[len(piece.text.strip()) :]
                    spelled += piece.text.strip() if name and "index" in self._head[at:] else ""
                    at += 1
                    continue
                skipped = self._skip(at, rest) if name else -1
                if skipped < 0:
                    return "" if skipped == _WAIT else self._fail()
                at = skipped
                continue
            if piece == "arguments":
                if not rest.startswith("{"):
                    return self._fail() if rest else ""
                if name not in self._offered:
                    return self._fail()
                self.name = name
                if self._id_prefix is not None:
                    self.id = self._id_prefix + spelled
                self._scanner = ValueScanner()
                return rest
            match = (_DIGITS if piece == "index" else _NAME).match(rest)
            word = match.group() if match else ""
            if len(word) == len(rest):
                return "" if len(word) < _MAX_NAME else self._fail()
            word = self._without_next(word, at)
            if piece == "name":
                name = word
            elif piece == "id":
                self.id = word
            if piece != "id":
                spelled += word
            rest = rest[len(word) :]
            at += 1

    def _without_next(self, word: str, at: int) -> str:
        """A fixed text such as ``:`` may itself look like more of the name."""
        following = self._head[at + 1]
        mark = following.text.strip() if isinstance(following, Literally) else ""
        if not mark or mark not in word:
            return word
        return word.rpartition(mark)[0] if self._head[at + 2] == "index" else word.partition(mark)[0]

    def _skip(self, at: int, rest: str) -> int:
        """The first later piece that ``rest`` begins with, _WAIT, or _NONE."""
        waits = not rest
        for index in range(at + 1, len(self._head)):
            piece = self._head[index]
            if piece == "arguments" and rest.startswith("{"):
                return index
            if isinstance(piece, Literally):
                found = starts_with(rest, piece.text.strip(), False)
                if found:
                    return index
                waits |= found is None
        return _WAIT if waits else _NONE

    def _fail(self) -> str:
        self.status = "failed"
        return self._text


def _decoded(source: str) -> object:
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return None


def _argument_text(source: str) -> str:
    value = _decoded(source)
    if value is None:
        return "{}"
    return value if isinstance(value, str) else source
