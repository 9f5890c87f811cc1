"""Reader of calls whose arguments stand one by one between tags, and come out as one JSON object.

Strings are passed on as they arrive; other values when they are complete.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from dmr_desktop.engine.formats.chat_format import (
    Literally,
    NestedValues,
    QuotedValues,
    TaggedCall,
    TextValues,
    units,
)
from dmr_desktop.engine.formats.json_stream import SPACE, ValueScanner
from dmr_desktop.engine.formats.kinds import kinds, property_schema
from dmr_desktop.engine.formats.literals import (
    LiteralScanner,
    escaped,
    literal_to_json,
    overlap,
    quoted_reader,
    untagged_to_json,
)
from dmr_desktop.engine.formats.markers import starts_with
from dmr_desktop.engine.formats.nested import NestedValue
from dmr_desktop.protocol.json_types import JSON

Offered: TypeAlias = Mapping[str, Mapping[str, JSON]]
"""The tools that may be called: name to the JSON schema of the arguments."""

_NAME = re.compile(r"[A-Za-z0-9_.:/-]+")
_MAX_HEAD = 512
_CDATA = ("<![CDATA[", "]]>")
_QUOTES = "\"'"


class TaggedCallReader:
    """See :class:`.calls.CallReader`. ``ends`` are the texts that may stand behind the last argument."""

    def __init__(self, body: TaggedCall, offered: Offered, ends: tuple[str, ...]) -> None:
        self.status: Literal["reading", "done", "failed"] = "reading"
        self.name = ""
        self.id = ""
        self._body = body
        self._offered = offered
        self._key_start = units(body.key_start)
        self._key_end = body.key_end.strip()
        self._text = ""
        self._ends = ends
        self._num_arguments = 0
        self._arguments: list[str] = []
        self._value: _Value | None = None
        self._whole: ValueScanner | None = None

    def take_arguments(self) -> str:
        text = "".join(self._arguments)
        self._arguments.clear()
        return text

    def feed(self, text: str) -> str:
        self._text += text
        while self.status == "reading" and self._step():
            pass
        if self.status == "reading":
            return ""
        rest, self._text = self._text, ""
        return rest

    def _step(self) -> bool:
        """Takes one part off the text; False when more text is needed."""
        if not self.name:
            return self._read_head()
        if self._whole is not None:
            return self._read_whole(self._whole)
        if self._value is None:
            return self._read_key()
        rest = self._value.feed(self._text)
        self._arguments.append(self._value.take())
        if rest is None:
            self._text = ""
            return False
        self._text = rest
        self._value = None
        return True

    def _read_head(self) -> bool:
        rest = self._text
        name = ""
        for index, piece in enumerate(self._body.head):
            rest = rest.lstrip(SPACE)
            if isinstance(piece, Literally):
                wanted = piece.text.strip()
                found = starts_with(rest, wanted, False)
                if found is None:
                    return False
                if not found:
                    # What stands behind a name may be missing when there are no arguments.
                    return self._fail() if index + 1 < len(self._body.head) else self._begin(name, rest)
                rest = rest[len(wanted) :]
                continue
            match = _NAME.match(rest)
            word = match.group() if match else ""
            if len(word) == len(rest):
                return False if len(word) < _MAX_HEAD else self._fail()
            if piece == "name":
                name = word
            rest = rest[len(word) :]
        return self._begin(name, rest)

    def _begin(self, name: str, rest: str) -> bool:
        if name not in self._offered:
            return self._fail()
        rest = rest.lstrip(SPACE)
        if not rest:
            return False
        if rest[0] == "{" and self._key_start:
            # Some models fall back to JSON.
            self._whole = ValueScanner()
        elif self._key_start or not _may_begin_key(rest):
            # A name alone may be prose.
            found = [starts_with(rest, mark, False) for mark in (*self._key_start[:1], *self._ends)]
            if True not in found:
                return False if None in found else self._fail()
        self.name = name
        self._text = rest
        return True

    def _fail(self) -> bool:
        self.status = "failed"
        return False

    def _read_whole(self, scanner: ValueScanner) -> bool:
        end = scanner.feed(self._text, 0) if self._text else -1
        size = len(self._text) if end < 0 else end
        self._arguments.append(self._text[:size])
        self._text = self._text[size:]
        if end >= 0:
            self.status = "done"
        return False

    def _read_key(self) -> bool:
        """The next argument's key, or the end of the call."""
        rest = self._text.lstrip(SPACE)
        separator = self._body.separator.strip()
        if separator and self._num_arguments and rest.startswith(separator):
            rest = rest[len(separator) :].lstrip(SPACE)
        ended = [starts_with(rest, mark, False) for mark in self._ends]
        if True in ended:
            return self._end()
        if None in ended:
            return False
        for unit in self._key_start:
            found = starts_with(rest, unit, False)
            if found is None:
                return False
            if not found:
                return self._end()
            rest = rest[len(unit) :].lstrip(SPACE)
        if not rest:
            return False
        if not self._key_start and not _may_begin_key(rest):
            return self._end()
        at = rest.find(self._first_of_key_end())
        if at < 0:
            return self._end() if len(rest) > _MAX_HEAD else False
        key = rest[:at].strip(SPACE + _QUOTES)
        value = rest[at:]
        word = ""
        if isinstance(self._body.values, TextValues) and self._body.values.words:
            value = value[len(self._key_end) :]
            at = value.find(self._body.values.word_end.strip())
            if at < 0:
                return False
            word, value = value[:at], value[at + len(self._body.values.word_end.strip()) :]
        else:
            for unit in units(self._key_end) or (self._key_end,):
                value = value.lstrip(SPACE)
                found = starts_with(value, unit, False)
                if found is None:
                    return False
                if found:
                    value = value[len(unit) :]
        self._text = value
        self._value = self._new_value(key, word)
        lead = "{" if not self._num_arguments else ", "
        self._num_arguments += 1
        self._arguments.append(f"{lead}{json.dumps(key, ensure_ascii=False)}: ")
        return True

    def _first_of_key_end(self) -> str:
        found = units(self._key_end)
        return found[0] if found else self._key_end

    def _end(self) -> bool:
        self._arguments.append("}" if self._num_arguments else "{}")
        self.status = "done"
        return False

    def _new_value(self, key: str, word: str) -> "_Value":
        parameters = self._offered[self.name]
        schema = property_schema(parameters, key)
        match self._body.values:
            case QuotedValues(quote=quote):
                return _QuotedValue((quote, '"') if len(quote) > 1 else ('"', "'"))
            case NestedValues(prefix=prefix, item=item):
                return NestedValue(prefix, item, key, schema, parameters)
            case TextValues(words=words):
                allowed = kinds(schema, parameters)
                if words:
                    allowed = frozenset(("string",)) if word == words.get("string") else allowed - {"string"}
                leading = _trailing_space(self._body.values.word_end if words else self._body.key_end)
                return _TextValue(self._body.value_end, leading, allowed, bool(words))


class _TextValue:
    """A value up to ``end``. ``allowed`` are its JSON types; none means that nobody knows. See TextValues."""

    def __init__(self, end: str, leading: str, allowed: frozenset[str], is_told: bool) -> None:
        self._mark = end.strip()
        self._trailing = end[: len(end) - len(end.lstrip(SPACE))]
        self._leading = leading
        self._allowed = allowed
        self._streams = allowed == {"string"} or (not allowed and not is_told)
        self._at_start = True
        self._text = ""
        self._said: list[str] = ['"'] if self._streams else []
        self._is_verbatim = False

    def take(self) -> str:
        text = "".join(self._said)
        self._said.clear()
        return text

    def feed(self, piece: str) -> str | None:
        self._text += piece
        if self._at_start and not self._begin():
            return None
        if self._is_verbatim:
            mark = _CDATA[1]
            at = self._text.find(mark)
            if at < 0:
                self._stream(len(self._text) - overlap(self._text, mark))
                return None
            self._is_verbatim = False
            self._trailing = ""
            self._stream(at)
            self._text = self._text[len(mark) :]
        at = self._text.find(self._mark)
        if at < 0:
            self._stream(self._sure())
            return None
        value = self._text[:at]
        if self._trailing and value.endswith(self._trailing):
            value = value[: len(value) - len(self._trailing)]
        rest = self._text[at + len(self._mark) :]
        if self._streams:
            self._said.append(escaped(value) + '"')
        else:
            self._said.append(untagged_to_json(value, self._allowed))
        return rest

    def _begin(self) -> bool:
        """The white space in front of the value; False when more text is needed."""
        if self._leading:
            found = starts_with(self._text, self._leading, False)
            if found is None:
                return False
            if found:
                self._text = self._text[len(self._leading) :]
                self._leading = ""
        found = starts_with(self._text, _CDATA[0], False)
        if found is None or not self._text:
            return False
        if found and self._mark.startswith("</"):
            self._text = self._text[len(_CDATA[0]) :]
            self._is_verbatim = True
            if not self._streams:
                self._streams = True
                self._said.append('"')
        self._at_start = False
        return True

    def _sure(self) -> int:
        """How much of the text is surely not part of the end."""
        size = len(self._text) - overlap(self._text, self._mark)
        tail = self._text[:size]
        if self._trailing:
            for length in range(len(self._trailing), 0, -1):
                if tail.endswith(self._trailing[:length]):
                    return size - length
        return size

    def _stream(self, size: int) -> None:
        if self._streams and size:
            self._said.append(escaped(self._text[:size]))
            self._text = self._text[size:]


class _QuotedValue:
    """A literal; strings are passed on as they come."""

    def __init__(self, quotes: tuple[str, ...]) -> None:
        self._quotes = quotes
        self._text = ""
        self._string = quoted_reader('"')
        self._is_string = False
        self._scanner: LiteralScanner | None = None
        self._said: list[str] = []

    def take(self) -> str:
        text = "".join(self._said)
        self._said.clear()
        return text

    def feed(self, piece: str) -> str | None:
        self._text += piece
        if not self._is_string and self._scanner is None:
            self._text = self._text.lstrip(SPACE)
            for quote in self._quotes:
                found = starts_with(self._text, quote, False)
                if found is None or not self._text:
                    return None
                if found:
                    self._text = self._text[len(quote) :]
                    self._string = quoted_reader(quote)
                    self._is_string = True
                    self._said.append('"')
                    break
            else:
                self._scanner = LiteralScanner(self._quotes)
        text, self._text = self._text, ""
        if self._is_string:
            found_text, rest = self._string.feed(text)
            self._said.append(escaped(found_text))
            if not self._string.done:
                return None
            self._said.append('"')
            return rest
        assert self._scanner is not None
        following = self._scanner.feed(text)
        if following is None:
            return None
        source = self._scanner.source.strip(SPACE)
        self._said.append(literal_to_json(source, self._quotes) or json.dumps(source, ensure_ascii=False))
        return following


_Value: TypeAlias = _TextValue | _QuotedValue | NestedValue


def _may_begin_key(text: str) -> bool:
    return text[0].isalpha() or text[0] in "_" + _QUOTES


def _trailing_space(text: str) -> str:
    return text[len(text.rstrip(SPACE)) :]
