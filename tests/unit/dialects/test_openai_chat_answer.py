"""What the chat dialect writes: events in, chunks or one object out."""

import json
from typing import Any

import pytest

from dmr_desktop.dialects.openai_chat_answer import ChatWriter, chat_collector
from dmr_desktop.dialects.openai_usage import Head
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    Timings,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
    TopLogprob,
    Usage,
)

HEAD = Head("chatcmpl-1", 1700000000, "ai/x")
LOGPROB = TokenLogprob("a", (97,), -0.5, (TopLogprob("b", (98,), -1.5),))
FINISHED = Finished(Usage(10, 4, cached_tokens=6, reasoning_tokens=1), Timings(1.0, 20.0, 40.0))


def write(*events: Event, include_usage: bool = False, has_logprobs: bool = False) -> list[Any]:
    """The JSON of each frame; ``[DONE]`` as it is."""
    writer = ChatWriter(HEAD, include_usage=include_usage, has_logprobs=has_logprobs)
    frames = b"".join(writer.write([event]) for event in events).decode().split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") for frame in frames)
    texts = [frame.removeprefix("data: ") for frame in frames]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def deltas(chunks: list[Any]) -> list[Any]:
    return [choice["delta"] for chunk in chunks if chunk != "[DONE]" for choice in chunk["choices"]]


def collect(*events: Event, num_choices: int = 1, has_logprobs: bool = False) -> Any:
    collector = chat_collector(HEAD, num_choices, has_logprobs=has_logprobs)
    collector.add(events)
    return json.loads(collector.result())


def test_a_streamed_answer() -> None:
    chunks = write(Started(10, 6), TextDelta('"Hé\n'), TextDelta("y"), ChoiceFinished("stop"), FINISHED)
    assert chunks.pop() == "[DONE]"
    assert deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": '"Hé\n'}, {"content": "y"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    for chunk in chunks:
        assert (chunk["id"], chunk["object"], chunk["created"], chunk["model"]) == (
            "chatcmpl-1",
            "chat.completion.chunk",
            1700000000,
            "ai/x",
        )


def test_usage_comes_once_last_and_only_if_asked_for() -> None:
    chunks = write(Started(10, 6), ChoiceFinished("stop"), FINISHED, include_usage=True)
    assert chunks[-1] == "[DONE]"
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert chunks[-2]["timings"]["predicted_per_second"] == 100.0
    assert chunks[-2]["timings"]["prompt_per_second"] == 200.0
    assert not any("usage" in chunk for chunk in chunks[:-2])


def test_a_tool_call_is_named_once_then_comes_in_pieces() -> None:
    chunks = write(
        ToolCallStarted(0, "call_1", "weather"),
        ToolCallArguments(0, '{"city":'),
        ToolCallArguments(0, '"Rome"}'),
        ChoiceFinished("tool_calls"),
        FINISHED,
    )
    calls = [delta["tool_calls"][0] for delta in deltas(chunks) if "tool_calls" in delta]
    assert calls == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Rome"}'}},
    ]


def test_each_choice_is_announced_once() -> None:
    events = (Started(1, 0), TextDelta("a", 1), TextDelta("b", 0), TextDelta("c", 1), ReasoningDelta("r", 2))
    chunks = write(*events)
    roles = [chunk["choices"][0]["index"] for chunk in chunks if "role" in chunk["choices"][0]["delta"]]
    assert roles == [0, 1, 2]
    assert deltas(chunks)[-1] == {"reasoning_content": "r"}


def test_log_probabilities_are_null_unless_asked_for() -> None:
    asked = write(TextDelta("a", 0, (LOGPROB,)), has_logprobs=True)[-1]["choices"][0]["logprobs"]
    assert asked["content"] == [
        {
            "token": "a",
            "logprob": -0.5,
            "bytes": [97],
            "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": [98]}],
        }
    ]
    assert write(TextDelta("a"))[-1]["choices"][0]["logprobs"] is None


def test_a_failed_stream_ends_with_its_error() -> None:
    chunks = write(
        Started(1, 0), TextDelta("a"), Failed(ErrorInfo("runner_crashed", "killed by SIGSEGV", "again", evidence="log"))
    )
    assert chunks[-1] == {
        "error": {
            "message": "killed by SIGSEGV",
            "type": "server_error",
            "param": None,
            "code": "runner_crashed",
            "hint": "again",
            "evidence": "log",
        }
    }


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "tool_calls"), ("cancelled", "stop")],
)
def test_finish_reasons(reason: FinishReason, expected: str) -> None:
    assert write(ChoiceFinished(reason))[-1]["choices"][0]["finish_reason"] == expected
    assert collect(ChoiceFinished(reason))["choices"][0]["finish_reason"] == expected


def test_one_object_of_the_same_events() -> None:
    answer = collect(
        Started(10, 6),
        ReasoningDelta("hm"),
        TextDelta("Hel", 0, (LOGPROB,)),
        TextDelta("lo"),
        TextDelta("other", 1),
        ChoiceFinished("stop"),
        ChoiceFinished("length", 1),
        FINISHED,
        num_choices=2,
        has_logprobs=True,
    )
    assert answer["object"] == "chat.completion"
    assert answer["usage"]["total_tokens"] == 14
    first, second = answer["choices"]
    assert first["message"] == {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    assert [entry["token"] for entry in first["logprobs"]["content"]] == ["a"]
    assert (second["index"], second["message"]["content"], second["finish_reason"]) == (1, "other", "length")


def test_collected_tool_calls_have_null_content() -> None:
    answer = collect(
        ToolCallStarted(1, "b", "g"),
        ToolCallStarted(0, "a", "f"),
        ToolCallArguments(0, "{}"),
        ToolCallArguments(1, '{"x":1}'),
        ChoiceFinished("tool_calls"),
        FINISHED,
    )
    message = answer["choices"][0]["message"]
    assert message["content"] is None
    assert [(call["id"], call["function"]["arguments"]) for call in message["tool_calls"]] == [
        ("a", "{}"),
        ("b", '{"x":1}'),
    ]
