"""Outputs that no well-meaning model writes: they take time by their length, and lose no text."""

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.engine.formats.spell import spelled_calls
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    FinishReason,
    GenerationRequest,
    Message,
    TextPart,
    Tool,
    ToolCall,
)
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES
from tests.fakes.read_output import events_of, in_steps, parts

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"word": {"type": "string"}, "number": {"type": "integer"}, "map": {"type": "object"}},
}
TOOLS = (Tool("weather", "", SCHEMA), Tool("now", "", {"type": "object", "properties": {}}))
# One family for each way to read: JSON, names, tags, literals, nested tags, channels, none at all.
READERS = ("hermes", "mistral-small", "qwen3-coder", "gemma-4", "minimax-m3", "gpt-oss", "llama-3", "kimi-k3")
FILLED = "MARKQZ"

Hostile = Callable[["Family", int], str]


class Family:
    """What a model of the family may write, in parts."""

    def __init__(self, name: str) -> None:
        request = GenerationRequest(ChatPrompt((Message("user", (TextPart("hi"),)),), TOOLS))
        self.prepared: Prepared = ChatFormatter(FakeVocabulary(("<s>", "</s>")), FAMILIES[name]).prepare(request)
        found = self.prepared.chat_format
        reasoning = found.reasoning
        is_open = self.prepared.reasoning_open
        self.think = reasoning.start if reasoning and not is_open else ""
        self.answer = reasoning.end if reasoning and is_open else ""
        assert found.calls is not None
        self.start = found.calls.section_start + found.calls.call_start or "{"
        self.call = self.written("now", {})
        if found.is_channelled:
            self.call = "<|channel|>commentary to=functions.now<|message|>{}<|call|><|start|>assistant"

    def written(self, tool: str, arguments: dict[str, Any]) -> str:
        calls = self.prepared.chat_format.calls
        assert calls is not None
        return spelled_calls(calls, [ToolCall("abcdefgh1", tool, json.dumps(arguments))], lambda text: text)

    def up_to(self, key: str, value: Any, mark: str = FILLED) -> str:
        """A call, cut where ``mark`` stands in its arguments."""
        return self.answer + self.written("weather", {key: value}).partition(mark)[0]


@cache
def family_of(name: str) -> Family:
    return Family(name)


def times(text: str, size: int) -> str:
    return text * (size // len(text))


HOSTILE: dict[str, Hostile] = {
    "blanks": lambda family, size: " " * size,
    "blanks behind text": lambda family, size: f"{family.answer}x" + "\n" * size,
    "blanks in reasoning": lambda family, size: f"{family.think}x" + " " * size,
    "blanks behind a call": lambda family, size: family.answer + family.call + " " * size,
    "half markers": lambda family, size: family.answer + "<" * size,
    "brackets": lambda family, size: family.answer + "[{" * (size // 2),
    "starts of calls": lambda family, size: family.answer + times(family.start, size),
    "starts of calls in reasoning": lambda family, size: family.think + times(family.start, size),
    "a start, then blanks": lambda family, size: family.answer + family.start + " " * size,
    "a start, then a word": lambda family, size: family.answer + family.start + "x" * size,
    "a start, then a long key": lambda family, size: family.answer + family.start + '{"' + "x" * size,
    "starts in lists in reasoning": lambda family, size: family.think + times(family.start + '{"k": [', size),
    "calls": lambda family, size: family.answer + times(family.call, size),
    "calls in reasoning, then text": lambda family, size: f"{family.think}{times(family.call, size)}text",
    "a call in reasoning": lambda family, size: family.think + family.up_to("word", FILLED) + "x" * size,
    "a string without an end": lambda family, size: family.up_to("word", FILLED) + "x" * size,
    "a string of half ends": lambda family, size: family.up_to("word", FILLED) + times("</\n", size),
    "a string of quotes": lambda family, size: family.up_to("word", FILLED) + times("\\\"'", size),
    "a string of blanks": lambda family, size: family.up_to("word", FILLED) + " " * size,
    "a number without an end": lambda family, size: family.up_to("number", 31415, "31415") + "1" * size,
    "an object without an end": lambda family, size: family.up_to("map", {FILLED: 1}) + "x" * size,
    "objects in objects": lambda family, size: family.up_to("map", {FILLED: 1}) + times('":{"a', size),
    "objects full of strings": lambda family, size: family.up_to("map", {FILLED: 1}) + times('":"a","', size),
}


def seconds(prepared: Prepared, text: str) -> float:
    pieces = in_steps(text, 3)
    begin = time.process_time()
    events_of(prepared.new_parser(0), pieces)
    return time.process_time() - begin


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_eight_times_the_text_takes_no_longer_than_that(name: str, kind: str) -> None:
    family = family_of(name)
    few, many = (HOSTILE[kind](family, size) for size in (6_000, 48_000))
    # Quadratic time would be 64 times as long. Once more if need be: the machine has other work too.
    for _ in range(3):
        short, long = (seconds(family.prepared, text) for text in (few, many))
        if long < 20 * short + 0.05:
            return
    pytest.fail(f"{len(few)} characters take {short:.3f} s, {len(many)} take {long:.3f} s")


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_cuts_of_hostile_text_do_not_matter(name: str) -> None:
    family = family_of(name)
    for kind, make in HOSTILE.items():
        text = make(family, 60)
        reasons: tuple[FinishReason, ...] = ("stop", "length")
        for reason in reasons:
            whole = parts(events_of(family.prepared.new_parser(0), [text], reason))
            for step in (1, 3, 7):
                assert parts(events_of(family.prepared.new_parser(0), in_steps(text, step), reason)) == whole, kind


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_hostile_text_that_is_no_call_is_content_as_it_is(name: str) -> None:
    family = family_of(name)
    for text in ("<" * 3000, "[x" * 1000, "x \n" * 1000):
        found = parts(events_of(family.prepared.new_parser(0), in_steps(family.answer + text, 3)))
        assert found == [("content", text), ("finish", "stop")]
