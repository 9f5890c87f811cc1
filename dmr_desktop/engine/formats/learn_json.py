"""Finding calls in a rendering whose arguments are one JSON object; see :mod:`.learn_calls`."""

import json
import re
from typing import Any

from dmr_desktop.engine.formats.chat_format import JsonCall, Literally, NamedCall, Skeleton, Slot
from dmr_desktop.engine.formats.probe import IDS, KEYS, NAMES, VALUES
from dmr_desktop.engine.formats.renderings import FoundCall


def find_json(text: str, index: int = 0) -> FoundCall | None:
    """The body of call number ``index``: the outermost JSON object around its name and nobody else's,
    or the name and the JSON object after it."""
    name_at = text.find(NAMES[index])
    if name_at < 0:
        return None
    for start in [match.start() for match in re.finditer(r"\{", text[:name_at])]:
        value, end = _json_at(text, start)
        source = text[start:end]
        if end > name_at and isinstance(value, dict) and KEYS[0] in source and NAMES[1 - index] not in source:
            return _json_body(text, start, end, value, index)
    start = text.find("{", name_at)
    value, end = _json_at(text, start)
    if not isinstance(value, dict) or KEYS[0] not in value:
        return None
    first = name_at
    id_at = text.rfind(IDS[index], 0, name_at)
    if id_at >= 0 and "}" not in text[id_at:name_at]:
        first = id_at
    arguments = text[start:end]
    skeleton = _skeleton(text[first:end], index, arguments)
    return FoundCall(first, end, NamedCall(skeleton), _separators(arguments)) if skeleton else None


def _json_body(text: str, start: int, end: int, value: dict[str, Any], index: int) -> FoundCall | None:
    arguments_path = _path(value, dict(zip(KEYS, VALUES, strict=True)))
    if not arguments_path:
        return None
    inside = text[start:end]
    key_at = inside.find(f'"{arguments_path[-1]}"')
    arguments_at = inside.find("{", key_at)
    arguments = inside[arguments_at : _json_at(inside, arguments_at)[1]]
    skeleton = _skeleton(inside, index, arguments)
    if not skeleton:
        return None
    separators = _separators(arguments)
    if arguments_path == (NAMES[index],):
        # The name is the key under which the arguments stand.
        return FoundCall(start, end, NamedCall(skeleton), separators)
    name_path = _path(value, NAMES[index])
    if not name_path:
        return None
    id_path = _path(value, IDS[index]) or _id_key(value)
    return FoundCall(start, end, JsonCall(name_path, arguments_path, id_path, skeleton), separators)


def _id_key(value: dict[str, Any]) -> tuple[str, ...]:
    """A key that speaks of an id, for templates that number the calls themselves."""
    found = [key for key, item in value.items() if "id" in key.lower().split("_") and isinstance(item, str | int)]
    return (found[0],) if found else ()


def _path(value: dict[str, Any], wanted: object) -> tuple[str, ...]:
    """The keys that lead to a value equal to ``wanted``; empty if none does."""
    for key, item in value.items():
        if item == wanted:
            return (key,)
        if isinstance(item, dict):
            deeper = _path(item, wanted)
            if deeper:
                return (key, *deeper)
    return ()


def _skeleton(text: str, index: int, arguments: str) -> Skeleton:
    """``text`` cut at its slots; empty unless name and arguments occur exactly once."""
    slots: dict[str, Slot] = {NAMES[index]: "name", arguments: "arguments", IDS[index]: "id"}
    if text.count(NAMES[index]) != 1 or text.count(arguments) != 1 or text.count(IDS[index]) > 1:
        return ()
    pieces = re.split(f"({'|'.join(map(re.escape, slots))})", text)
    return tuple(slots.get(piece) or Literally(piece) for piece in pieces if piece)


def _separators(arguments: str) -> tuple[str, str]:
    """Item and key separator of the template's JSON."""
    item = arguments.partition(f'"{VALUES[0]}"')[2].partition(f'"{KEYS[1]}"')[0]
    key = arguments.partition(f'"{KEYS[0]}"')[2].partition(f'"{VALUES[0]}"')[0]
    return item, key


def _json_at(text: str, start: int) -> tuple[object, int]:
    try:
        value, length = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else (None, -1)
    except ValueError:
        return None, -1
    return value, start + length
