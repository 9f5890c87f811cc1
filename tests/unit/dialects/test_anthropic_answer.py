"""What the Anthropic dialect writes: events in, a stream of blocks or one message out."""

import json
from typing import Any

import pytest

from dmr_desktop.dialects.anthropic_answer import SIGNATURE, Head, MessageCollector, MessageWriter
from dmr_desktop.protocol.errors import ContextOverflow, ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)

HEAD = Head("msg_1", "ai/x", max_tokens=4, stops=("END",))
FINISHED = Finished(Usage(10, 4, cached_tokens=6, reasoning_tokens=1))
USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 6,
    "output_tokens": 4,
    "output_tokens_details": {"thinking_tokens": 1},
}
THOUGHT_SAID_CALLED: tuple[Event, ...] = (
    Started(10, 6),
    ReasoningDelta("h"),
    ReasoningDelta("m"),
    TextDelta('"Hé\n'),
    TextDelta("y"),
    ToolCallStarted(0, "call_1", "weather"),
    ToolCallArguments(0, '{"city":'),
    ToolCallArguments(0, '"Rome"}'),
    ToolCallStarted(1, "call_2", "now"),
    ChoiceFinished("tool_calls"),
    FINISHED,
)


def write(*events: Event, head: Head = HEAD) -> list[Any]:
    """The JSON of each event; its name must be its type."""
    writer = MessageWriter(head)
    frames = b"".join(writer.write([event]) for event in events).decode().split("\n\n")
    assert frames.pop() == ""
    found = []
    for frame in frames:
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def collect(*events: Event, head: Head = HEAD) -> Any:
    collector = MessageCollector(head)
    collector.add(events)
    return json.loads(collector.result())


def test_the_order_of_a_stream() -> None:
    events = write(*THOUGHT_SAID_CALLED)
    assert events[0] == {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "ai/x",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**USAGE, "output_tokens": 0, "output_tokens_details": {"thinking_tokens": 0}},
        },
    }
    assert events[1] == {"type": "ping"}

    def start(index: int, block: object) -> object:
        return {"type": "content_block_start", "index": index, "content_block": block}

    def delta(index: int, **fields: object) -> object:
        return {"type": "content_block_delta", "index": index, "delta": fields}

    def stop(index: int) -> object:
        return {"type": "content_block_stop", "index": index}

    assert events[2:-2] == [
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, type="thinking_delta", thinking="h"),
        delta(0, type="thinking_delta", thinking="m"),
        delta(0, type="signature_delta", signature=SIGNATURE),
        stop(0),
        start(1, {"type": "text", "text": ""}),
        delta(1, type="text_delta", text='"Hé\n'),
        delta(1, type="text_delta", text="y"),
        stop(1),
        start(2, {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}),
        delta(2, type="input_json_delta", partial_json='{"city":'),
        delta(2, type="input_json_delta", partial_json='"Rome"}'),
        stop(2),
        start(3, {"type": "tool_use", "id": "call_2", "name": "now", "input": {}}),
        stop(3),
    ]
    assert events[-2:] == [
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": USAGE},
        {"type": "message_stop"},
    ]


def test_one_message_of_the_same_events() -> None:
    assert collect(*THOUGHT_SAID_CALLED) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "ai/x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
            {"type": "text", "text": '"Hé\ny'},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}},
            {"type": "tool_use", "id": "call_2", "name": "now", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": USAGE,
    }


def test_thinking_that_is_not_to_be_shown() -> None:
    head = Head("msg_1", "ai/x", shows_thinking=False)
    kinds = [
        event["content_block"]["type"] for event in write(*THOUGHT_SAID_CALLED, head=head) if "content_block" in event
    ]
    assert kinds == ["text", "tool_use", "tool_use"]
    assert [block["type"] for block in collect(*THOUGHT_SAID_CALLED, head=head)["content"]] == kinds


def test_silent_thinking_is_heard_now_and_then() -> None:
    head = Head("msg_1", "ai/x", shows_thinking=False)
    events = write(Started(1, 0), *[ReasoningDelta("h")] * 70, TextDelta("a"), head=head)
    assert [event["type"] for event in events] == [
        "message_start",
        *["ping"] * 3,
        "content_block_start",
        "content_block_delta",
    ]


def test_an_answer_without_a_word_has_no_blocks() -> None:
    events = (Started(1, 0), TextDelta(""), ChoiceFinished("stop"), Finished(Usage(1, 0)))
    assert [event["type"] for event in write(*events)] == ["message_start", "ping", "message_delta", "message_stop"]
    assert collect(*events)["content"] == []


@pytest.mark.parametrize(
    ("reason", "stop", "num_tokens", "expected"),
    [
        ("stop", None, 2, ("end_turn", None)),
        ("stop", "END", 2, ("stop_sequence", "END")),
        ("stop", "<|format's own|>", 2, ("end_turn", None)),
        ("length", None, 4, ("max_tokens", None)),
        ("length", None, 3, ("model_context_window_exceeded", None)),
        ("tool_calls", None, 2, ("tool_use", None)),
        ("cancelled", None, 2, ("end_turn", None)),
    ],
)
def test_stop_reasons(
    reason: FinishReason, stop: str | None, num_tokens: int, expected: tuple[str, str | None]
) -> None:
    events = (Started(1, 0), TextDelta("a"), ChoiceFinished(reason, stop=stop), Finished(Usage(1, num_tokens)))
    delta, message = write(*events)[-2]["delta"], collect(*events)
    assert (delta["stop_reason"], delta["stop_sequence"]) == expected
    assert (message["stop_reason"], message["stop_sequence"]) == expected


def test_without_a_limit_only_the_context_can_end_an_answer() -> None:
    events = (Started(1, 0), ChoiceFinished("length"), Finished(Usage(1, 4000)))
    assert collect(*events, head=Head("msg_1", "ai/x"))["stop_reason"] == "model_context_window_exceeded"


@pytest.mark.parametrize("arguments", ['{"city": "Ro', "", "3"])
def test_a_call_that_was_cut_off_has_no_input(arguments: str) -> None:
    events = (ToolCallStarted(0, "call_1", "f"), ToolCallArguments(0, arguments), ChoiceFinished("length"), FINISHED)
    assert collect(*events)["content"][0]["input"] == {}


def test_a_stream_that_fails_ends_with_its_error() -> None:
    events = write(Started(1, 0), TextDelta("a"), Failed(ErrorInfo("shutting_down", "good bye", "later")))
    assert [event["type"] for event in events][-2:] == ["content_block_delta", "error"]
    request_id = events[-1].pop("request_id")
    assert request_id.startswith("req_")
    assert events[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "good bye", "hint": "later"},
    }


def test_a_stream_that_never_began_fails_with_nothing_else() -> None:
    overflow = ContextOverflow("maximum context length is 9 tokens. However, your messages resulted in 12 tokens.")
    events = write(Failed(overflow.info))
    assert [event["type"] for event in events] == ["error"]
    assert events[0]["error"]["message"].startswith("prompt is too long: 12 tokens > 9 maximum. ")
