"""Strange but valid requests, many at a time, some of them given up: the runner takes it all and ends up idle."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dmr_desktop.backends.llamacpp import LlamaCpp, LlamaCppRunner
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    GenerationRequest,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    SamplingParams,
    Started,
    TextDelta,
    TextPart,
    TextPrompt,
    TokenPrompt,
    Tool,
)
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig
from dmr_desktop.settings import asset

pytestmark = pytest.mark.slow

REQUESTS, AT_ONCE = 96, 8
CONTEXT = 256
TEXTS = (
    "hi",
    " ",
    "\n\n\n",
    "Say 'été' 😀 twice",
    "日本語" * 20,
    "a" * 900,
    "<|im_end|><|im_start|>system\nx",
    "<tool_call>{",
    "My name is Zoë. " * 30,
    "\ufdd0\ufdd1\0x",
    "What is 3 plus 4?",
    "How do I pull a model?",
)
STOPS = (
    (),
    ("\n",),
    ("é",),
    ("😀",),
    ("日本",),
    ("e",),
    ("the", "th", "t"),
    ("<|im_end|>",),
    ("never there", "x" * 200),
)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "integer"}, "maxItems": 3}, "b": {"enum": ["é", "😀"]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
TOOL = Tool("get_weather", "", {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]})


def a_request(chance: random.Random) -> GenerationRequest:
    prompt = chance.choice([a_chat, a_text, some_tokens])(chance)
    is_chat = isinstance(prompt, ChatPrompt)
    return GenerationRequest(
        prompt,
        SamplingParams(
            temperature=chance.choice([0.0, 0.01, 1.0, 2.0]),
            top_p=chance.choice([1.0, 0.5, 0.0001]),
            top_k=chance.choice([0, 1, 40, 10**6]),
            frequency_penalty=chance.choice([0.0, 0.0, 2.0, -2.0]),
            seed=chance.choice([None, 0, 2**31]),
            logit_bias=chance.choice([{}, {chance.randrange(1900): 100.0}, {2: -100.0}]),
        ),
        max_tokens=chance.choice([None, 0, 1, 2, 20, 60, 2**40]),
        stop=chance.choice(STOPS),
        num_choices=chance.choice([1, 1, 1, 2, 3, 16]),
        top_logprobs=chance.choice([None, None, 0, 5, 20]),
        response_format=chance.choice([None, None, JsonObject(), JsonSchema(SCHEMA)]) if is_chat else None,
        echo=chance.random() < 0.2,
        ignore_eos=chance.random() < 0.1,
    )


def a_chat(chance: random.Random) -> ChatPrompt:
    roles = ["user", *chance.choices(["user", "assistant", "system", "tool"], k=chance.randrange(4))]
    messages = tuple(
        Message(role, (TextPart(chance.choice(TEXTS)),), tool_call_id="c1" if role == "tool" else None)  # type: ignore[arg-type]
        for role in roles
    )
    if chance.random() < 0.7:
        return ChatPrompt(messages)
    return ChatPrompt(messages, (TOOL,), chance.choice(["auto", "required", NamedTool("get_weather")]))


def a_text(chance: random.Random) -> TextPrompt:
    return TextPrompt(chance.choice(TEXTS))


def some_tokens(chance: random.Random) -> TokenPrompt:
    return TokenPrompt(tuple(chance.choices(range(1900), k=chance.choice([1, 30, 200, CONTEXT - 1]))))


@dataclass
class Fuzz:
    runner: LlamaCppRunner
    ends: Counter[str] = field(default_factory=Counter)

    async def work(self, chance: random.Random, count: int) -> None:
        for _ in range(count):
            request = a_request(chance)
            patience = chance.choice([None, None, 0.0, 0.01, 0.05, 0.2])
            try:
                async with asyncio.timeout(patience):
                    events = await self.read(request)
            except TimeoutError:
                self.ends["cancelled"] += 1
            else:
                self.ends[check(request, events)] += 1

    async def read(self, request: GenerationRequest) -> list[Event]:
        async with aclosing(self.runner.generate(request)) as groups:
            return [event async for group in groups for event in group]


def check(request: GenerationRequest, events: list[Event]) -> str:
    """That the answer agrees with itself and with what was asked; how it ended."""
    *others, last = events
    if isinstance(last, Failed):
        assert last.error.code in ("invalid_request_error", "context_length_exceeded"), (last, request)
        return last.error.code
    assert isinstance(last, Finished)
    assert isinstance(others[0], Started)
    usage, n = last.usage, request.num_choices
    assert usage.prompt_tokens == others[0].prompt_tokens
    assert usage.cached_tokens <= usage.prompt_tokens
    if isinstance(request.prompt, TokenPrompt):
        assert usage.prompt_tokens == len(request.prompt.tokens)
    finished = [event for event in others if isinstance(event, ChoiceFinished)]
    assert sorted(event.choice for event in finished) == list(range(n)), request
    most = min(request.max_tokens if request.max_tokens is not None else CONTEXT, CONTEXT - usage.prompt_tokens)
    assert usage.completion_tokens <= n * most, (usage, request)
    if request.ignore_eos and not request.stop and not request.response_format:
        assert usage.completion_tokens == n * most
    for choice in range(n):
        deltas = [event for event in others if isinstance(event, TextDelta) and event.choice == choice]
        text = "".join(event.text for event in deltas)
        text.encode()
        if not request.echo:
            assert not any(stop in text for stop in request.stop), (text, request)
        if request.top_logprobs is not None:
            tokens = [token for event in deltas for token in event.logprobs]
            echoed = usage.prompt_tokens if request.echo and not isinstance(request.prompt, ChatPrompt) else 0
            assert echoed <= len(tokens) <= echoed + most
            assert all(len(token.top) <= request.top_logprobs for token in tokens if request.top_logprobs)
    return "finished"


async def test_strange_requests(tmp_path: Path) -> None:
    model = asset("demo/demo.gguf")
    if not model.is_file():
        pytest.skip("the demo model is not in this tree")
    config = RunnerConfig(context_size=CONTEXT, num_sequences=4)
    runner = await LlamaCpp(tmp_path).start(LaunchSpec(str(model), Mode.COMPLETION, config), lambda line: None)
    try:
        fuzz = Fuzz(runner)
        workers = (fuzz.work(random.Random(seed), REQUESTS // AT_ONCE) for seed in range(AT_ONCE))
        await asyncio.gather(*workers)
        assert sum(fuzz.ends.values()) == REQUESTS
        assert min(fuzz.ends["finished"], fuzz.ends["cancelled"]) > REQUESTS // 8, fuzz.ends
        async with asyncio.timeout(20):
            while (stats := await runner.stats())["running"] or stats["waiting"]:
                pass
        assert runner.num_open == 0
        # Every slot still works.
        asked = GenerationRequest(TextPrompt("x"), max_tokens=3, ignore_eos=True, num_choices=8)
        assert check(asked, await fuzz.read(asked)) == "finished"
    finally:
        await runner.stop()
    assert (await runner.wait_dead()).exit_code == 0
