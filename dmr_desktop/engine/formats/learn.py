"""Reading a model's format out of its template.

Conversations with a known word in every slot are rendered; what stands between the words is how this
model spells reasoning and content; calls are :mod:`.learn_calls`' matter. No text is compared with any model's name.
"""

import re
from dataclasses import replace

from dmr_desktop.engine.formats.chat_format import ChatFormat, Reasoning, units
from dmr_desktop.engine.formats.declared import completed
from dmr_desktop.engine.formats.learn_calls import learn_calls
from dmr_desktop.engine.formats.probe import CONTENT, REASONING, USER_MESSAGE, Traits, try_render
from dmr_desktop.engine.formats.renderings import Renderings
from dmr_desktop.engine.formats.template import ChatTemplate

_MARKER_BEFORE = re.compile(r"((?:<\|[^<>|\s]+\|>[a-z]+)*<\|[^<>|\s]+\|>|<[^<>\s]+>[a-z]*|\[[A-Z_]+\])\s*\Z")
_MARKER_AFTER = re.compile(r"\s*(<[^<>\s]+>(?:[a-z]+<\|[^<>|\s]+\|>)?|\[/?[A-Z_ ]+\])")
_OPEN_AT_END = re.compile(r"(<[^<>\s/]*think[^<>\s]*>|\[THINK\])\s*(<[^<>\s]+>|\[/THINK\])?\s*\Z", re.IGNORECASE)
_SPLIT_AT = re.compile(r"""split\(\s*['"](</[^'"<>]*think[^'"<>]*>)['"]""")
_USUAL = (("<think>", "</think>"), ("[THINK]", "[/THINK]"))
_MAX_MARKER = 80


def learn(template: ChatTemplate, traits: Traits) -> ChatFormat:
    """The format that the template's renderings show; parts that they do not show are None."""
    renderings = Renderings(template, traits)
    found = ChatFormat("learned from the template", _reasoning(renderings))
    found = _with_answer_marks(found, renderings)
    if traits.renders_calls:
        found = replace(found, calls=learn_calls(renderings, found))
    return completed(found, template.source, traits)


def _reasoning(renderings: Renderings) -> Reasoning | None:
    template = renderings.template
    found = _around(renderings.thoughtful, renderings) or _around(renderings.thoughtful_call, renderings)
    if found:
        return found
    # History without reasoning: the prompt that asks for it, or the template's own search for its end, tells.
    for enable in (True, False):
        prompt = try_render(template, [USER_MESSAGE], variables={"enable_thinking": enable})
        opened = _OPEN_AT_END.search(prompt)
        if opened:
            return Reasoning(opened[1], opened[2] or f"{opened[1][0]}/{opened[1][1:]}")
    searched = _SPLIT_AT.search(template.source)
    if searched:
        return Reasoning(searched[1].replace("/", "", 1), searched[1])
    return next((Reasoning(*pair) for pair in _USUAL if all(text in template.source for text in pair)), None)


def _around(text: str, renderings: Renderings) -> Reasoning | None:
    """The markers on both sides of the reasoning in an answer."""
    plain, prompt = renderings.plain, renderings.prompt
    before, found, after = text.partition(REASONING)
    end = _MARKER_AFTER.match(after) if found else None
    if not end:
        return None
    ending = _whole_ending(end[1], after[end.end() :], prompt)
    start = _MARKER_BEFORE.search(before)
    if start and (start[1] not in plain or "think" in start[1].lower()):
        return Reasoning(start[1].removeprefix(_turn_start(prompt, start[1])), ending)
    # Some prompts begin the reasoning with words instead of a marker.
    header = plain.partition(CONTENT)[0]
    opening = prompt[len(header) :].strip() if header and prompt.startswith(header) else ""
    return Reasoning(opening, ending) if opening else None


def _turn_start(prompt: str, marker: str) -> str:
    """What of ``marker`` is the beginning of the turn, which the prompt already holds."""
    return next((marker[:size] for size in range(len(marker) - 1, 0, -1) if prompt.endswith(marker[:size])), "")


def _whole_ending(end: str, after: str, prompt: str) -> str:
    """``end``; with the beginning of another turn where the answer is a message of its own, as in harmony."""
    turn = prompt.rstrip()
    at = max(turn.rfind("<|start"), turn.rfind("<|begin"), 0)
    return end + turn[at:] if turn[at:] and after.startswith(turn[at:]) else end


def _with_answer_marks(found: ChatFormat, renderings: Renderings) -> ChatFormat:
    """What the model writes around plain content: the difference between an answer's header and the prompt."""
    header, is_there, tail = renderings.plain.partition(CONTENT)
    prompt = renderings.prompt
    reasoning = found.reasoning
    if reasoning:
        prompt = prompt.rstrip().removesuffix(reasoning.start)
    if not is_there or not prompt.strip() or not header.startswith(prompt.rstrip()):
        return found
    start = header[len(prompt.rstrip()) :].strip()
    if reasoning:
        for text in (reasoning.start, reasoning.end, reasoning.start, reasoning.end):
            start = start.removeprefix(text).strip()
    if not start or len(start) > _MAX_MARKER:
        return found
    end, *others = units(tail) if tail.lstrip().startswith("<") else ("",)
    return replace(found, answer_start=start, answer_end=end, silent=tuple(others))
