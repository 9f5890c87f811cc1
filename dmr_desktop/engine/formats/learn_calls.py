"""Reading out of a template how its model spells tool calls; see :mod:`.learn`."""

import json
import re
from dataclasses import replace
from typing import Any

from dmr_desktop.engine.formats.chat_format import (
    CallBody,
    CallSyntax,
    ChatFormat,
    JsonCall,
    Literally,
    NamedCall,
    NestedValues,
    Skeleton,
    Slot,
    TaggedCall,
    units,
)
from dmr_desktop.engine.formats.learn_tagged import Found, find_tagged
from dmr_desktop.engine.formats.probe import (
    CONTENT,
    IDS,
    KEYS,
    NAMES,
    TOOLS,
    VALUES,
    Traits,
    assistant,
    prompt_behind_user,
    rendered_answer,
)
from dmr_desktop.engine.formats.template import ChatTemplate

_CONTROL_MARKER = re.compile(r"<\|[^<>|]*\|>")
_WORD_BEFORE_MARKER = re.compile(r"\w+<\|")
_ID_PREFIX = re.compile(r"[A-Za-z0-9_.:-]*\Z")


def learn_calls(template: ChatTemplate, traits: Traits, known: ChatFormat) -> CallSyntax | None:
    """None where the renderings show no spelling that can be read."""

    def render(num_calls: int) -> str:
        message = assistant(num_calls=num_calls, object_arguments=traits.object_arguments)
        return rendered_answer(template, message, TOOLS)

    plain = rendered_answer(template, assistant(CONTENT), TOOLS)
    one, two = render(1), render(2)
    found = _find_body(one, 0) or find_tagged(template, traits, one)
    if found is None:
        return None
    before, after = _around(one, found, plain, known)
    item_separator, key_separator = found.separators
    second = _second(two, found, template, traits) if NAMES[1] in two else None
    if not isinstance(found.body, JsonCall) and not before.strip():
        before = two[second[0] : second[1]] if second else ""
        if not before.strip() or not prompt_behind_user(template, TOOLS).endswith(before):
            # A bare name cannot be told from prose, unless the prompt itself starts the call.
            return None
    if second is None:
        # One call an answer: everything around it belongs to the call.
        return CallSyntax(
            found.body,
            call_start=before,
            call_end=after,
            item_separator=item_separator,
            key_separator=key_separator,
            parallel=False,
        )
    first_end, start_of_second, body = second
    between = two[first_end:start_of_second]
    start = _call_start(before, between, body)
    rest = between[: len(between) - len(start)]
    end = rest[: keep_markers_whole(rest, _common_start(rest, after), backward=True)]
    return CallSyntax(
        _with_id_prefix(body, start),
        section_start=before[: len(before) - len(start)],
        section_end=after[len(end) :],
        call_start=start,
        call_end=end,
        separator=rest[len(end) :],
        item_separator=item_separator,
        key_separator=key_separator,
    )


def _call_start(before: str, between: str, body: CallBody) -> str:
    """What stands in front of each call: what the texts before the first and before the second end with."""
    cut = keep_markers_whole(before, len(before) - _common_end(before, between), backward=False)
    if isinstance(body, TaggedCall) and isinstance(body.values, NestedValues):
        # Its markers hold brackets that close none.
        cut = max(before.rfind(body.values.prefix), 0)
    start = before[cut:]
    closing = _CONTROL_MARKER.match(start)
    section, rest = before[:cut], between[: len(between) - len(start)]
    if closing and section[-1:].isalnum() and rest[-1:].isalnum():
        # ``<a>word<b>`` is one marker.
        return start[closing.end() :]
    return start


def _around(one: str, found: Found, plain: str, known: ChatFormat) -> tuple[str, str]:
    """What stands before and behind the only call, without the header and the end of the turn."""
    first = keep_markers_whole(one, min(_common_start(one, plain), found.start), backward=True)
    if _WORD_BEFORE_MARKER.match(one, first) and _CONTROL_MARKER.fullmatch(one[one.rfind("<|", 0, first) : first]):
        # ``<a>word<b>`` is one marker, of which the header shares only the beginning.
        first = one.rfind("<|", 0, first)
    tail = plain[plain.rfind(CONTENT) + len(CONTENT) :] if CONTENT in plain else ""
    last = len(one) - _common_end(one[found.end :], tail)
    last = max(found.end, keep_markers_whole(one, last, backward=False))
    if one[last - 1 : last].isalnum() and one[last : last + 1] == "<":
        # A marker in two pieces, of which the turn's end shares the second.
        last = one.find(">", last) + 1
    before, after = one[first : found.start], one[found.end : last]
    for ending in units(tail)[:1]:
        # The turn may end otherwise after a call, but never before its end.
        after = after.partition(ending)[0] if ending.startswith("<") else after
    if known.reasoning and known.reasoning.end in before:
        before = before[before.index(known.reasoning.end) + len(known.reasoning.end) :].lstrip()
    for mark in (known.answer_start, known.answer_end):
        before = before.removeprefix(mark) if mark else before
    return before, after


def _second(two: str, found: Found, template: ChatTemplate, traits: Traits) -> tuple[int, int, CallBody] | None:
    """The end of the first of two calls, the start of the second, and the body with what counts up in it."""
    if isinstance(found.body, JsonCall | NamedCall):
        calls = [_find_body(two, 0), _find_body(two, 1)]
    else:
        calls = [find_tagged(template, traits, two), find_tagged(template, traits, two, 1)]
    if calls[0] is None or calls[1] is None:
        return None
    body = _counted(calls[0].body, calls[1].body)
    return (calls[0].end, calls[1].start, body) if body else None


def _counted(first: CallBody, second: CallBody) -> CallBody | None:
    """The body of both calls; where they differ by a number that counts, that is the slot for the index."""
    if first == second:
        return first
    if type(first) is not type(second):
        return None
    heads = [body.head if isinstance(body, TaggedCall) else body.skeleton for body in (first, second)]
    skeleton = _merged(*heads)
    if not skeleton:
        return None
    match first:
        case TaggedCall():
            return replace(first, head=skeleton)
        case _:
            return replace(first, skeleton=skeleton)


def _merged(first: Skeleton, second: Skeleton) -> Skeleton:
    pieces: list[Literally | Slot] = []
    if len(first) != len(second):
        return ()
    for one, other in zip(first, second, strict=True):
        if one == other:
            pieces.append(one)
            continue
        if not isinstance(one, Literally) or not isinstance(other, Literally):
            return ()
        parts = re.split(r"(\d+)", one.text), re.split(r"(\d+)", other.text)
        if len(parts[0]) != len(parts[1]):
            return ()
        for left, right in zip(*parts, strict=True):
            if left == right:
                if left:
                    pieces.append(Literally(left))
            elif left.isdigit() and right.isdigit() and int(right) == int(left) + 1:
                pieces.append("index")
            else:
                return ()
    return tuple(pieces)


def _with_id_prefix(body: CallBody, call_start: str) -> CallBody:
    """A call whose text from the last marker to the index holds nothing but id characters is its own id."""
    if not isinstance(body, NamedCall) or "index" not in body.skeleton or "id" in body.skeleton:
        return body
    between = body.skeleton[: body.skeleton.index("index")]
    texts = [piece.text for piece in between if isinstance(piece, Literally)]
    if not all(_ID_PREFIX.fullmatch(text) for text in texts):
        return body
    match = _ID_PREFIX.search(call_start)
    return NamedCall(body.skeleton, match.group() if match else "")


def _find_body(text: str, index: int) -> Found | None:
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
    return Found(first, end, NamedCall(skeleton), _separators(arguments)) if skeleton else None


def _json_body(text: str, start: int, end: int, value: dict[str, Any], index: int) -> Found | None:
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
        return Found(start, end, NamedCall(skeleton), separators)
    name_path = _path(value, NAMES[index])
    if not name_path:
        return None
    id_path = _path(value, IDS[index]) or _id_key(value)
    return Found(start, end, JsonCall(name_path, arguments_path, id_path, skeleton), separators)


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


def _common_start(left: str, right: str) -> int:
    size = 0
    while size < min(len(left), len(right)) and left[size] == right[size]:
        size += 1
    return size


def _common_end(left: str, right: str) -> int:
    return _common_start(left[::-1], right[::-1])


def keep_markers_whole(text: str, cut: int, *, backward: bool) -> int:
    """``cut``, moved to the edge of the ``<...>`` or ``[...]`` that it would fall into."""
    for opening, closing in ("<>", "[]"):
        start = text.rfind(opening, 0, cut)
        end = text.find(closing, cut)
        if start < 0 or end < 0 or closing in text[start:cut] or re.search(r"[\s{]", text[start:cut]):
            continue
        cut = start if backward else end + 1
    return cut
