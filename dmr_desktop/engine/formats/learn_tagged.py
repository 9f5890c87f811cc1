"""Finding calls in a rendering whose arguments stand one by one; see :mod:`.learn_calls`."""

import re

from dmr_desktop.engine.formats.affixes import common_end, common_start
from dmr_desktop.engine.formats.chat_format import (
    Literally,
    NestedValues,
    QuotedValues,
    Skeleton,
    TaggedCall,
    TextValues,
    Values,
)
from dmr_desktop.engine.formats.probe import KEYS, NAMES, TYPED, VALUES
from dmr_desktop.engine.formats.renderings import FoundCall, Renderings

_WORD_AT_END = re.compile(r"\w+\Z")
_WORD_AT_START = re.compile(r"\A\w+")
_ITEM = re.compile(r"<(\w+)>\Z")


def find_tagged(renderings: Renderings, text: str, index: int = 0) -> FoundCall | None:
    """The call number ``index`` in a rendering, if its arguments stand in it one by one."""
    start = text.find(NAMES[index])
    places = [start]
    for word in (KEYS[0], VALUES[0], KEYS[1], VALUES[1]):
        places.append(text.find(word, places[-1]))
        if places[-1] < 0:
            return None
    name_end = start + len(NAMES[index])
    key_ends = places[1] + len(KEYS[0]), places[3] + len(KEYS[1])
    value_ends = places[2] + len(VALUES[0]), places[4] + len(VALUES[1])
    to_key, to_value = text[name_end : places[1]], text[key_ends[0] : places[2]]
    to_next, behind = text[value_ends[0] : places[3]], text[value_ends[1] :]
    if not to_value:
        return None
    key_start = _key_start(to_key, to_next)
    repeated = KEYS[0] in to_next
    if repeated:
        return _nested(renderings, start, value_ends[1], to_key, to_value, to_next, behind)
    to_next = to_next[: len(to_next) - len(key_start)]
    value_end = to_next[: common_start(to_next, behind)].rstrip()
    separator = to_next[len(value_end) :]
    head = to_key[: len(to_key) - len(key_start)]
    values: Values = TextValues()
    quote = _quote(to_value, value_end)
    if quote:
        values = QuotedValues(quote, bare_keys=len(quote) > 1)
        to_value, value_end = to_value.removesuffix(quote), value_end.removeprefix(quote)
        end = value_ends[1] + len(quote) + len(value_end)
    else:
        end = value_ends[1] + len(value_end)
        values, to_value = _typed(renderings, to_value)
    if not quote and not value_end:
        return None
    pieces: Skeleton = ("name", Literally(head)) if head else ("name",)
    return FoundCall(start, end, TaggedCall(pieces, key_start, to_value, value_end, separator, values))


def _key_start(to_key: str, to_next: str) -> str:
    """What stands before every key: the end that both texts share, from its last marker on."""
    size = common_end(to_key, to_next)
    shared = to_key[len(to_key) - size :]
    at = max(shared.rfind("<"), 0)
    if at and shared[at:].count(">") and " " in shared and not shared.endswith(">"):
        # ``<a>word key="``: the marker and the words behind it belong together.
        at = shared.rfind("<", 0, at + 1)
    return shared[at:].lstrip() if "<" in shared else ""


def _quote(to_value: str, value_end: str) -> str:
    """What stands on both sides of a string."""
    for size in range(min(len(to_value), len(value_end)), 0, -1):
        if to_value.endswith(value_end[:size]) and value_end[:size].strip():
            return value_end[:size]
    return ""


def _typed(renderings: Renderings, to_string: str) -> tuple[TextValues, str]:
    """Whether the text in front of a value depends on its type, and how."""
    text = renderings.typed_call
    key, start = TYPED.places["number"]
    at = text.find(key)
    to_number = text[at + len(key) : text.find(start, at)] if at >= 0 else to_string
    if to_number == to_string:
        return TextValues(), to_string
    prefix = to_string[: common_start(to_string, to_number)]
    prefix = _WORD_AT_END.sub("", prefix)
    shared = common_end(to_string, to_number)
    suffix = _WORD_AT_START.sub("", to_string[len(to_string) - shared :])
    if not prefix or not suffix:
        return TextValues(), to_string
    lead = re.compile(rf"{re.escape(prefix)}(\w+){re.escape(suffix)}")
    words = {}
    for kind, (key, _) in TYPED.places.items():
        at = text.find(key)
        found = lead.match(text, at + len(key)) if at >= 0 else None
        if found:
            words[kind] = found[1]
    string = lead.fullmatch(to_string)
    if not string or "number" not in words:
        return TextValues(), to_string
    return TextValues({**words, "string": string[1]}, suffix), prefix


def _nested(
    renderings: Renderings,
    start: int,
    last_value_end: int,
    to_key: str,
    to_value: str,
    to_next: str,
    behind: str,
) -> FoundCall | None:
    """Arguments whose key is their tag: ``prefix<key>value prefix</key>``."""
    close, _, rest = to_next.partition(KEYS[0])
    if to_value != ">" or not close.endswith("</") or not behind.startswith(close + KEYS[1] + ">"):
        return None
    prefix = close.removesuffix("</")
    head = to_key.removesuffix(prefix + "<")
    separator = rest.removeprefix(">").removesuffix(prefix + "<")
    text = renderings.typed_call
    item = _ITEM.search(text.partition(TYPED.item)[0])
    end = last_value_end + len(close + KEYS[1] + ">")
    body = TaggedCall(
        ("name", Literally(head)), prefix + "<", ">", "", separator, NestedValues(prefix, item[1] if item else "item")
    )
    return FoundCall(start, end, body)
