"""Conversations that are too long for their model, made to fit by leaving out their oldest turns."""

from collections.abc import Sequence
from dataclasses import replace

from dmr_desktop.backends.base import Runner
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message

ANSWER_TOKENS = 512
"""Room that is left for the answer where the request does not say how long it may get; at most a quarter of all."""


async def shortened(runner: Runner, request: GenerationRequest) -> GenerationRequest:
    """The request, without as many of its oldest turns as it takes. The last one stays, fit or not.

    Raises DMRError if the runner can't count.
    """
    prompt = request.prompt
    if not isinstance(prompt, ChatPrompt):
        return request
    context_size = runner.facts.context_size
    room = context_size - min(request.max_tokens or ANSWER_TOKENS, context_size // 4)
    head, turns = split_turns(prompt.messages)

    def without(dropped: int) -> ChatPrompt:
        return replace(prompt, messages=head + tuple(message for turn in turns[dropped:] for message in turn))

    async def fits(dropped: int) -> bool:
        return len(await runner.tokenize(without(dropped))) <= room

    low, high = 0, max(len(turns) - 1, 0)
    if high == 0 or await fits(0):
        return request
    while low + 1 < high:  # too long without `low` turns; `high` is enough, or all there is
        middle = (low + high) // 2
        low, high = (low, middle) if await fits(middle) else (middle, high)
    return replace(request, prompt=without(high))


def split_turns(messages: Sequence[Message]) -> tuple[tuple[Message, ...], list[tuple[Message, ...]]]:
    """The system messages that lead, and the turns: each begins with the user, so no call loses its result."""
    start = 0
    while start < len(messages) and messages[start].role == "system":
        start += 1
    turns: list[list[Message]] = []
    for message in messages[start:]:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return tuple(messages[:start]), [tuple(turn) for turn in turns]
