"""Readers of one tool call's text, one for each kind of call body.

A reader gets text from the first character behind the call's start marker on. It reports name, id and
pieces of the arguments as soon as they are sure, and ends ``done`` or ``failed``. What markers stand
around a call is the parser's business.
"""

import json
import re
from collections.abc import Container
from typing import Literal, Protocol, TypeAlias

from dmr_desktop.engine.formats.chat_format import CallBody, JsonCall, Literally, NamedCall
from dmr_desktop.engine.formats.json_stream import SPACE, ValueScanner

Status: TypeAlias = Literal["reading", "done", "failed"]

_MAX_NAME = 128
_NAME = re.compile(rf"[A-Za-z0-9_.:/-]{{1,{_MAX_NAME}}}")
_ARGUMENT_KEYS = frozenset(("arguments", "parameters"))


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


def call_reader(body: CallBody, offered: Container[str], *, bare: bool) -> CallReader:
    """``bare``: nothing marks the text as a call, so only what looks exactly like one is taken as one."""
    if isinstance(body, JsonCall):
        return JsonCallReader(body, offered, bare=bare)
    return NamedCallReader(body, offered)


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
        if self._path == self._body.name_path:
            name = _decoded(source)
            if not isinstance(name, str) or name not in self._offered:
                self.status = "failed"
                return
            self.name = name
        elif self._path == self._body.id_path:
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

    def _is_arguments(self) -> bool:
        wanted = self._body.arguments_path
        if self._path == wanted:
            return True
        # Models mix up the two usual words for it.
        same_place = bool(self._path) and self._path[:-1] == wanted[:-1]
        return same_place and self._path[-1] in _ARGUMENT_KEYS and wanted[-1] in _ARGUMENT_KEYS

    def _leads_deeper(self) -> bool:
        depth = len(self._path)
        body = self._body
        return any(
            len(path) > depth and path[:depth] == self._path
            for path in (body.name_path, body.arguments_path, body.id_path)
        )

    def _knows(self, key: str) -> bool:
        depth = len(self._path)
        body = self._body
        known = {path[depth] for path in (body.name_path, body.arguments_path, body.id_path) if len(path) > depth}
        return key in known or key in _ARGUMENT_KEYS or key in ("type", "id")


class NamedCallReader:
    """Follows the skeleton: fixed texts (white space around them is free), name, id, JSON arguments."""

    def __init__(self, body: NamedCall, offered: Container[str]) -> None:
        self.status: Status = "reading"
        self.name = ""
        self.id = ""
        self._todo = list(body.skeleton)
        self._offered = offered
        self._name = ""
        self._head = ""
        self._scanner: ValueScanner | None = None
        self._arguments = ""

    def take_arguments(self) -> str:
        text, self._arguments = self._arguments, ""
        return text

    def feed(self, text: str) -> str:
        if self._scanner is None:
            self._head += text
            text = self._read_head()
            if self._scanner is None:
                return text
        end = self._scanner.feed(text, 0) if text else -1
        if end < 0:
            self._arguments += text
            return ""
        self._arguments += text[:end]
        self.status = "done"
        return text[end:]

    def _read_head(self) -> str:
        """Reads up to the arguments; the answer is the text from their brace on, or all of it on failure."""
        rest = self._head
        self._name = ""
        for index, piece in enumerate(self._todo):
            rest = rest.lstrip(SPACE)
            if isinstance(piece, Literally):
                wanted = piece.text.strip()
                if not rest.startswith(wanted):
                    return self._wait_or_fail(wanted.startswith(rest))
                rest = rest[len(wanted) :]
            elif piece == "arguments":
                if not rest.startswith("{"):
                    return self._wait_or_fail(not rest)
                if self._name not in self._offered:
                    return self._wait_or_fail(False)
                self.name = self._name
                self._scanner = ValueScanner()
                return rest
            else:
                match = _NAME.match(rest)
                word = match.group() if match else ""
                if len(word) == len(rest):
                    return self._wait_or_fail(len(word) < _MAX_NAME)
                following = self._todo[index + 1]
                if isinstance(following, Literally) and following.text.strip():
                    # A fixed text such as ":0" may itself look like more of the name.
                    word = word.partition(following.text.strip())[0]
                if piece == "name":
                    self._name = word
                else:
                    self.id = word
                rest = rest[len(word) :]
        return self._wait_or_fail(False)

    def _wait_or_fail(self, may_still_come: bool) -> str:
        if may_still_come:
            return ""
        self.status = "failed"
        return self._head


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
