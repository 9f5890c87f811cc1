"""Reading the value of one argument as JSON, up to what ends it.

Strings are passed on as they come, other values when they are complete. Where the output ends before the value,
OutputEnded is raised.
"""

import json
from collections.abc import Mapping

from dmr_desktop.engine.formats.chat_format import NestedValues, QuotedValues, TaggedCall, TextValues
from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.kinds import kinds, property_schema
from dmr_desktop.engine.formats.literals import escaped, literal_to_json, untagged_to_json
from dmr_desktop.engine.formats.markers import markers_of
from dmr_desktop.engine.formats.nested import NestedTags
from dmr_desktop.engine.formats.source import Reading, Say, Source
from dmr_desktop.protocol.json_types import JSON

_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_BRACKETS = "([{)]},"


def read_value(
    source: Source, body: TaggedCall, key: str, word: str, parameters: Mapping[str, JSON], say: Say
) -> Reading[None]:
    """Reads from behind ``body.key_end`` over ``body.value_end``.

    ``word`` is the word in front of the value that tells its type, where there is one; ``parameters`` the schema of
    the tool. ``say`` gets the value's JSON text in pieces.
    """
    match body.values:
        case QuotedValues(quote=quote):
            yield from _quoted(source, (quote, '"') if len(quote) > 1 else ('"', "'"), say)
        case NestedValues() as values:
            yield from _nested(source, values, key, parameters, say)
        case TextValues() as values:
            yield from _text(source, body, values, key, word, parameters, say)


def _text(
    source: Source,
    body: TaggedCall,
    values: TextValues,
    key: str,
    word: str,
    parameters: Mapping[str, JSON],
    say: Say,
) -> Reading[None]:
    allowed = kinds(property_schema(parameters, key), parameters)
    if values.words:
        allowed = frozenset(("string",)) if word == values.words.get("string") else allowed - {"string"}
    # Where nobody knows the type it is a string, unless a word has said that it is none.
    is_string = allowed == {"string"} or not (allowed or values.words)
    before = values.word_end if values.words else body.key_end
    lead, end = before[len(before.rstrip(SPACE)) :], body.value_end.strip()
    trail = body.value_end[: len(body.value_end) - len(body.value_end.lstrip(SPACE))]
    if is_string:
        say('"')
    if (yield from source.opens(lead)):
        source.take(len(lead))
    if end.startswith("</") and (yield from source.opens(_CDATA)):
        source.take(len(_CDATA))
        if not is_string:
            is_string = True
            say('"')
        yield from source.up_to(_CDATA_END, lambda text: say(escaped(text)))
        trail = ""
    if is_string:
        yield from source.up_to(end, lambda text: say(escaped(text)), space=trail)
        say('"')
    else:
        pieces: list[str] = []
        yield from source.up_to(end, pieces.append, space=trail)
        say(untagged_to_json("".join(pieces), allowed))


def _quoted(source: Source, quotes: tuple[str, str], say: Say) -> Reading[None]:
    yield from source.something()
    for quote in quotes:
        if (yield from source.opens(quote)):
            source.take(len(quote))
            say('"')
            yield from source.string(quote, lambda text: say(escaped(text)))
            say('"')
            return
    text = (yield from _literal(source, quotes)).strip(SPACE)
    say(literal_to_json(text, quotes) or json.dumps(text, ensure_ascii=False))


def _literal(source: Source, quotes: tuple[str, str]) -> Reading[str]:
    """The text of one literal: up to the first of ``,`` ``)`` ``]`` ``}`` that does not belong to it."""
    marks = markers_of(*(quote[0] for quote in quotes), *_BRACKETS)
    pieces: list[str] = []
    depth = 0
    while True:
        text, mark = source.take_before(marks)
        pieces.append(text)
        if not mark:
            source.want()
            yield
            continue
        quote = yield from _first(source, [quote for quote in quotes if quote[0] == mark])
        if quote:
            start = source.mark()
            source.take(len(quote))
            yield from source.string(quote, lambda text: None)
            pieces.append(source.drop(start))
        elif not depth and mark in ",)]}":
            return "".join(pieces)
        else:
            depth += (mark in "([{") - (mark in ")]}")
            pieces.append(source.take(1))


def _first(source: Source, texts: list[str]) -> Reading[str]:
    for text in texts:
        if (yield from source.opens(text)):
            return text
    return ""


def _nested(source: Source, values: NestedValues, key: str, parameters: Mapping[str, JSON], say: Say) -> Reading[None]:
    tags = NestedTags(values, parameters)
    schema = property_schema(parameters, key)
    opened, closed = tags.around(key)
    if kinds(schema, parameters) == {"string"}:
        say('"')
        yield from source.up_to(closed, lambda text: say(escaped(text)))
        say('"')
        return
    inner: list[str] = []
    depth = 1
    while depth:
        pieces: list[str] = []
        yield from source.up_to(closed, pieces.append)
        text = "".join(pieces)
        depth += text.count(opened) - 1
        inner += [text, closed] if depth else [text]
    say(tags.to_json("".join(inner), schema))
