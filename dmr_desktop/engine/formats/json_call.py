"""Calls that are one JSON object."""

import json
from typing import TypeAlias

from dmr_desktop.engine.formats.call_reader import CallEvents, NoCall, Offered
from dmr_desktop.engine.formats.chat_format import JsonCall
from dmr_desktop.engine.formats.source import Reading, Source

Path: TypeAlias = tuple[str, ...]
"""The keys that lead to a value."""

_ARGUMENT_KEYS = frozenset(("arguments", "parameters"))
_COMMON_KEYS = _ARGUMENT_KEYS | {"type", "id", "function"}


class JsonCallReader:
    """``{"name": ..., "arguments": {...}}`` with the keys in any order and at any depth.

    Arguments given as a JSON string are decoded; missing ones and null count as ``{}``. ``is_bare``: nothing marks the
    text as a call, so only what looks exactly like one is taken as one.
    """

    def __init__(
        self, body: JsonCall, offered: Offered, source: Source, events: CallEvents, *, is_bare: bool = False
    ) -> None:
        self._body = body
        self._paths = (body.name_path, body.arguments_path, body.id_path)
        self._offered = offered
        self._source = source
        self._events = events
        self._is_bare = is_bare
        self._name = ""
        self._id = ""
        # Arguments that came before the name.
        self._early: list[str] = []
        self._has_arguments = False

    def read(self) -> Reading[None]:
        if (yield from self._source.something()) != "{":
            raise NoCall
        self._source.take(1)
        yield from self._members(())
        if not self._name:
            raise NoCall
        if not self._has_arguments:
            self._events.arguments("{}")

    def _members(self, path: Path) -> Reading[None]:
        """Behind the brace of the object at ``path``, up to and over its end."""
        source = self._source
        while (first := (yield from source.something())) != "}":
            if first != '"':
                raise NoCall
            key = _decoded((yield from self._value()))
            if not isinstance(key, str) or (self._is_bare and not self._knows(key, self._place(path))):
                raise NoCall
            if (yield from source.something()) != ":":
                raise NoCall
            source.take(1)
            here = (*path, key)
            place = self._place(here)
            first = yield from source.something()
            if first in ",}]:":
                raise NoCall
            if first == "{" and self._leads_deeper(place):
                source.take(1)
                yield from self._members(here)
            elif first == "{" and self._is_arguments(place):
                self._has_arguments = True
                if self._name:
                    yield from source.value(self._events.arguments, self._events.arguments_delta)
                else:
                    yield from source.value(self._early.append)
            else:
                self._take(place, (yield from self._value()))
            if (yield from source.something()) == ",":
                source.take(1)
            elif source.next != "}":
                raise NoCall
        source.take(1)

    def _take(self, place: Path, text: str) -> None:
        """``text`` is the value at ``place``."""
        if place == self._body.name_path or (not place and not self._name):
            self._start(_decoded(text))
        elif place == self._body.id_path:
            self._id = str(_decoded(text) or "")
        elif self._is_arguments(place):
            self._has_arguments = True
            value = _decoded(text)
            arguments = "{}" if value is None else value if isinstance(value, str) else text
            (self._events.arguments if self._name else self._early.append)(arguments)

    def _start(self, name: object) -> None:
        if not isinstance(name, str) or name not in self._offered:
            raise NoCall
        if not self._name:
            self._name = name
            # An id that comes later is too late: the call is under way.
            self._events.start_call(name, self._id)
            self._events.arguments("".join(self._early))

    def _value(self) -> Reading[str]:
        pieces: list[str] = []
        yield from self._source.value(pieces.append)
        return "".join(pieces)

    def _place(self, path: Path) -> Path:
        """``path``, without the object called ``function`` into which some models put a call that needs none.

        Others write the name itself under that key; that place is empty.
        """
        if path[:1] == ("function",) and self._body.name_path[:1] != ("function",):
            return path[1:]
        return path

    def _leads_deeper(self, place: Path) -> bool:
        return any(len(path) > len(place) and path[: len(place)] == place for path in self._paths)

    def _is_arguments(self, place: Path) -> bool:
        wanted = self._body.arguments_path
        if place == wanted:
            return True
        # Models mix up the two usual words for it.
        same_place = bool(place) and place[:-1] == wanted[:-1]
        return same_place and place[-1] in _ARGUMENT_KEYS and wanted[-1] in _ARGUMENT_KEYS

    def _knows(self, key: str, place: Path) -> bool:
        depth = len(place)
        return key in _COMMON_KEYS or key in {path[depth] for path in self._paths if len(path) > depth}


def _decoded(source: str) -> object:
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return None
