"""Reading out of a template how its model spells tool calls; see :mod:`.learn`."""

import re
from dataclasses import replace

from dmr_desktop.engine.formats.affixes import common_end, common_start, keep_markers_whole
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
from dmr_desktop.engine.formats.learn_json import find_json
from dmr_desktop.engine.formats.learn_tagged import find_tagged
from dmr_desktop.engine.formats.probe import CONTENT, NAMES
from dmr_desktop.engine.formats.renderings import FoundCall, Renderings

_CONTROL_MARKER = re.compile(r"<\|[^<>|]*\|>")
_WORD_BEFORE_MARKER = re.compile(r"\w+<\|")
_ID_PREFIX = re.compile(r"[A-Za-z0-9_.:-]*\Z")


def learn_calls(renderings: Renderings, known: ChatFormat) -> CallSyntax | None:
    """None where the renderings show no spelling that can be read. ``known`` is what was learned of the rest."""
    one, two = renderings.one_call, renderings.two_calls
    found = find_json(one) or find_tagged(renderings, one)
    if found is None:
        return None
    before, after = _around(one, found, renderings.plain_beside_tools, known)
    item_separator, key_separator = found.separators
    second = _second(renderings, found) if NAMES[1] in two else None
    if not isinstance(found.body, JsonCall) and not before.strip():
        before = two[second[0] : second[1]] if second else ""
        if not before.strip() or not renderings.prompt_beside_tools.endswith(before):
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
    end = rest[: keep_markers_whole(rest, common_start(rest, after), backward=True)]
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
    cut = keep_markers_whole(before, len(before) - common_end(before, between), backward=False)
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


def _around(one: str, found: FoundCall, plain: str, known: ChatFormat) -> tuple[str, str]:
    """What stands before and behind the only call, without the header and the end of the turn."""
    first = keep_markers_whole(one, min(common_start(one, plain), found.start), backward=True)
    if _WORD_BEFORE_MARKER.match(one, first) and _CONTROL_MARKER.fullmatch(one[one.rfind("<|", 0, first) : first]):
        # ``<a>word<b>`` is one marker, of which the header shares only the beginning.
        first = one.rfind("<|", 0, first)
    tail = plain[plain.rfind(CONTENT) + len(CONTENT) :] if CONTENT in plain else ""
    last = len(one) - common_end(one[found.end :], tail)
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


def _second(renderings: Renderings, found: FoundCall) -> tuple[int, int, CallBody] | None:
    """The end of the first of two calls, the start of the second, and the body with what counts up in it."""
    two = renderings.two_calls
    if isinstance(found.body, TaggedCall):
        calls = [find_tagged(renderings, two, index) for index in (0, 1)]
    else:
        calls = [find_json(two, index) for index in (0, 1)]
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
