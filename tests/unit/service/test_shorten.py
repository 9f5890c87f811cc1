"""Which turns go when a conversation is too long, counted by a runner whose tokens are characters."""

from types import SimpleNamespace
from typing import Any

import pytest

from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message, TextPart, TextPrompt, ToolCall
from dmr_desktop.service.shorten import shortened, split_turns

SYSTEM = Message("system", (TextPart("s" * 10),))


class Counting:
    """``context_size`` characters."""

    def __init__(self, context_size: int) -> None:
        self.facts = SimpleNamespace(context_size=context_size)
        self.num_counts = 0

    async def tokenize(self, prompt: ChatPrompt) -> list[int]:
        self.num_counts += 1
        parts = [part for message in prompt.messages for part in message.content]
        return [0] * sum(len(part.text) for part in parts if isinstance(part, TextPart))


def turn(letter: str, size: int = 5) -> tuple[Message, ...]:
    return (Message("user", (TextPart(letter * size),)), Message("assistant", (TextPart(letter * size),)))


async def kept(context_size: int, *turns: tuple[Message, ...], max_tokens: int = 1) -> tuple[Message, ...]:
    runner: Any = Counting(context_size)
    messages = (SYSTEM, *(message for turn in turns for message in turn))
    found = await shortened(runner, GenerationRequest(ChatPrompt(messages), max_tokens=max_tokens))
    assert isinstance(found.prompt, ChatPrompt)
    return found.prompt.messages


async def test_what_fits_stays() -> None:
    assert await kept(100, turn("a"), turn("b")) == (SYSTEM, *turn("a"), *turn("b"))


@pytest.mark.parametrize("number", range(1, 9))
async def test_as_few_turns_go_as_need_to(number: int) -> None:
    turns = [turn(letter) for letter in "abcdefgh"]
    last = turns[-number:]
    room = 10 + 10 * number + 1
    assert await kept(room, *turns) == (SYSTEM, *(message for one in last for message in one))


async def test_room_is_left_for_the_answer() -> None:
    assert await kept(40, turn("a"), turn("b"), max_tokens=1000) == (SYSTEM, *turn("a"), *turn("b"))
    assert await kept(38, turn("a"), turn("b"), max_tokens=1000) == (SYSTEM, *turn("b"))


async def test_the_last_turn_stays_even_if_it_is_too_long() -> None:
    assert await kept(20, turn("a"), turn("b", 50)) == (SYSTEM, *turn("b", 50))
    assert await kept(20, turn("b", 50)) == (SYSTEM, *turn("b", 50))


async def test_many_turns_are_counted_few_times() -> None:
    runner: Any = Counting(100)
    messages = tuple(message for _ in range(1000) for message in turn("a"))
    await shortened(runner, GenerationRequest(ChatPrompt(messages)))
    assert runner.num_counts < 15


async def test_what_is_no_conversation_is_left_alone() -> None:
    runner: Any = Counting(1)
    request = GenerationRequest(TextPrompt("too long"))
    assert await shortened(runner, request) is request


def test_a_call_keeps_its_result() -> None:
    call = Message("assistant", tool_calls=(ToolCall("c", "f", "{}"),))
    result = Message("tool", (TextPart("1"),), tool_call_id="c")
    late = Message("system", (TextPart("late"),))
    question = turn("q")[0]
    messages = (SYSTEM, question, call, result, late, *turn("b"))
    assert split_turns(messages) == ((SYSTEM,), [(question, call, result, late), turn("b")])
