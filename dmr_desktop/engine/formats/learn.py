"""Reading a model's format out of its template.

Conversations with a known word in every slot are rendered; what stands between the words is how this
model spells reasoning and calls. No text is compared with any model's name.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from dmr_desktop.engine.formats.chat_format import (
    CallBody,
    CallSyntax,
    ChatFormat,
    JsonCall,
    Literally,
    NamedCall,
    Reasoning,
    Skeleton,
    Slot,
)
from dmr_desktop.engine.formats.probe import (
    CONTENT,
    IDS,
    KEYS,
    NAMES,
    REASONING,
    TOOLS,
    USER,
    USER_MESSAGE,
    VALUES,
    Traits,
    assistant,
    try_render,
)
from dmr_desktop.engine.formats.template import ChatTemplate, TemplateMessage

_MARKER_BEFORE = re.compile(r"(<[^<>\s]+>[a-z]*|\[[A-Z_]+\])\s*\Z")
_MARKER_AFTER = re.compile(r"\s*(<[^<>\s]+>|\[/?[A-Z_]+\])")
_OPEN_AT_END = re.compile(r"(<[^<>\s/]*think[^<>\s]*>|\[THINK\])\s*(<[^<>\s]+>|\[/THINK\])?\s*\Z")
_SPLIT_AT = re.compile(r"""split\(\s*['"](</[^'"<>]*think[^'"<>]*>)['"]""")


def learn(template: ChatTemplate, traits: Traits) -> ChatFormat:
    """The format that the template's renderings show; parts that they do not show are None."""
    reasoning = _reasoning(template)
    calls = _calls(template, traits, reasoning) if traits.reads_tools and traits.renders_calls else None
    return ChatFormat("learned from the model's template", reasoning, calls)


# ---- reasoning -----------------------------------------------------------------------------------------


def _reasoning(template: ChatTemplate) -> Reasoning | None:
    plain = _answer(template, assistant(CONTENT))
    text = _answer(template, assistant(CONTENT, reasoning=REASONING))
    if REASONING in text:
        before, _, after = text.partition(REASONING)
        end = _MARKER_AFTER.match(after)
        start = _MARKER_BEFORE.search(before)
        if start and end and (start[1] not in plain or "think" in start[1].lower()):
            return Reasoning(start[1], end[1])
    # History without reasoning: the prompt that asks for it, or the template's own search for its end, tells.
    for enable in (True, False):
        prompt = try_render(template, [USER_MESSAGE], variables={"enable_thinking": enable})
        opened = _OPEN_AT_END.search(prompt)
        if opened:
            return Reasoning(opened[1], opened[2] or _closing(opened[1]))
    searched = _SPLIT_AT.search(template.source)
    return Reasoning(searched[1].replace("/", "", 1), searched[1]) if searched else None


def _closing(marker: str) -> str:
    return f"{marker[0]}/{marker[1:]}"


def _answer(template: ChatTemplate, message: TemplateMessage, tools: list[dict[str, Any]] | None = None) -> str:
    """What the template writes for the assistant's message, header and end of turn included."""
    text = try_render(template, [USER_MESSAGE, message], tools or (), add_generation_prompt=False)
    return text[text.rfind(USER) + len(USER) :] if USER in text else ""


# ---- calls ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """Where one call's body stands in a rendering."""

    start: int
    end: int
    body: CallBody
    arguments: str


def _calls(template: ChatTemplate, traits: Traits, reasoning: Reasoning | None) -> CallSyntax | None:
    def render(num_calls: int) -> str:
        message = assistant(num_calls=num_calls, object_arguments=traits.object_arguments)
        return _answer(template, message, TOOLS)

    plain = _answer(template, assistant(CONTENT), TOOLS)
    one, two = render(1), render(2)
    found = _find_body(one, 0)
    if found is None:
        return None
    first = _keep_markers_whole(one, min(_common_start(one, plain), found.start), backward=True)
    tail = plain[plain.rfind(CONTENT) + len(CONTENT) :] if CONTENT in plain else ""
    last = max(found.end, _keep_markers_whole(one, len(one) - _common_end(one[found.end :], tail), backward=True))
    before, after = one[first : found.start], one[found.end : last]
    if reasoning and reasoning.end in before:
        before = before[before.index(reasoning.end) + len(reasoning.end) :].lstrip()
    if isinstance(found.body, NamedCall) and not before.strip():
        # A bare name cannot be told from prose.
        return None
    separators = _separators(found.arguments)
    second = [_find_body(two, 0), _find_body(two, 1)] if NAMES[1] in two else []
    if len(second) < 2 or second[0] is None or second[1] is None:
        # One call an answer: everything around it belongs to the call.
        return CallSyntax(
            found.body,
            call_start=before,
            call_end=after,
            item_separator=separators[0],
            key_separator=separators[1],
            parallel=False,
        )
    if second[0].body != second[1].body:
        # Something counts up between name and arguments: not a fixed text.
        return None
    between = two[second[0].end : second[1].start]
    size = _common_end(before, between)
    start = before[_keep_markers_whole(before, len(before) - size, backward=False) :]
    rest = between[: len(between) - len(start)]
    end = rest[: _keep_markers_whole(rest, _common_start(rest, after), backward=True)]
    return CallSyntax(
        found.body,
        section_start=before[: len(before) - len(start)],
        section_end=after[len(end) :],
        call_start=start,
        call_end=end,
        separator=rest[len(end) :],
        item_separator=separators[0],
        key_separator=separators[1],
    )


def _find_body(text: str, index: int) -> _Found | None:
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
    return _Found(first, end, NamedCall(skeleton), arguments) if skeleton else None


def _json_body(text: str, start: int, end: int, value: dict[str, Any], index: int) -> _Found | None:
    name_path = _path(value, NAMES[index])
    arguments_path = _path(value, dict(zip(KEYS, VALUES, strict=True)))
    if not name_path or not arguments_path:
        return None
    inside = text[start:end]
    key_at = inside.find(f'"{arguments_path[-1]}"')
    arguments_at = inside.find("{", key_at)
    arguments = inside[arguments_at : _json_at(inside, arguments_at)[1]]
    skeleton = _skeleton(inside, index, arguments)
    if not skeleton:
        return None
    return _Found(start, end, JsonCall(name_path, arguments_path, _path(value, IDS[index]), skeleton), arguments)


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


def _keep_markers_whole(text: str, cut: int, *, backward: bool) -> int:
    """``cut``, moved to the edge of the ``<...>`` or ``[...]`` that it would fall into."""
    for opening, closing in ("<>", "[]"):
        start = text.rfind(opening, 0, cut)
        end = text.find(closing, cut)
        if start < 0 or end < 0 or closing in text[start:cut] or re.search(r"[\s{]", text[start:cut]):
            continue
        cut = start if backward else end + 1
    return cut
