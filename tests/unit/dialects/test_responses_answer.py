"""What the Responses dialect writes: events in, numbered events or one object out."""

import json
from typing import Any

import pytest

from dmr_desktop.dialects.responses_answer import ResponseCollector
from dmr_desktop.dialects.responses_stream import ResponseWriter
from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallArguments,
    ToolCallStarted,
    TopLogprob,
    Usage,
)

NAMESPACES = {"crm__g": ("crm", "g")}
HEAD: dict[str, object] = {"id": "resp_1", "object": "response", "status": "in_progress", "error": None, "output": []}
LOGPROB = TokenLogprob("a", (97,), -0.5, (TopLogprob("b", (98,), -1.5),))
FINISHED = Finished(Usage(10, 4, cached_tokens=6, reasoning_tokens=1))

TEXT: tuple[Event, ...] = (Started(10, 6), TextDelta('"Hé\n'), TextDelta("y"), ChoiceFinished("stop"), FINISHED)
CALLS: tuple[Event, ...] = (
    ToolCallStarted(0, "c1", "f"),
    ToolCallArguments(0, '{"a"'),
    ToolCallArguments(0, ":1}"),
    ToolCallStarted(1, "c2", "g"),
    ToolCallArguments(1, "{}"),
    ChoiceFinished("tool_calls"),
    FINISHED,
)
EVERYTHING: tuple[Event, ...] = (ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("so"), *CALLS)
CUT: tuple[Event, ...] = (ReasoningDelta("hm"), TextDelta("so"), ChoiceFinished("length"), FINISHED)
NOTHING: tuple[Event, ...] = (ChoiceFinished("stop"), FINISHED)


def write(*events: Event, as_summary: bool = False) -> list[Any]:
    """The JSON of each event, whose name and number are checked."""
    writer = ResponseWriter(HEAD, lambda _: None, as_summary=as_summary, namespaces=NAMESPACES)
    frames = b"".join(writer.write([event]) for event in events).decode().split("\n\n")
    assert frames.pop() == ""
    found = []
    for number, frame in enumerate(frames):
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert (event["type"], event["sequence_number"]) == (name.removeprefix("event: "), number)
        found.append(event)
    return found


def collect(*events: Event, as_summary: bool = False) -> Any:
    collector = ResponseCollector(HEAD, lambda _: None, as_summary=as_summary, namespaces=NAMESPACES)
    collector.add(events)
    return json.loads(collector.result())


def types(events: list[Any]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_streamed_text() -> None:
    events = write(*TEXT)
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[0]["response"] == HEAD
    assert [event["delta"] for event in events[4:6]] == ['"Hé\n', "y"]
    item_id = events[2]["item"]["id"]
    for event in events[3:8]:
        assert (event["item_id"], event["output_index"], event["content_index"]) == (item_id, 0, 0)
    assert events[6]["text"] == '"Hé\ny'
    part = {"type": "output_text", "text": '"Hé\ny', "annotations": [], "logprobs": []}
    assert events[7]["part"] == part
    done = {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert events[8]["item"] == done
    assert events[9]["response"]["output"] == [done]
    assert events[9]["response"]["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 6},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }


def test_streamed_calls_come_one_after_another() -> None:
    events = write(*CALLS)
    assert types(events)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert events[2]["item"]["arguments"] == ""
    assert (events[5]["arguments"], events[5]["name"]) == ('{"a":1}', "f")
    assert [event["output_index"] for event in events[2:-1]] == [0] * 5 + [1] * 4
    assert [item["call_id"] for item in events[-1]["response"]["output"]] == ["c1", "c2"]


def test_a_call_of_a_function_in_a_namespace_is_told_in_two_parts() -> None:
    calls = (
        ToolCallStarted(0, "c1", "crm__g"),
        ToolCallArguments(0, "{}"),
        ToolCallStarted(1, "c2", "other__g"),
        ChoiceFinished("tool_calls"),
        FINISHED,
    )
    events = write(*calls)
    items = [event["item"] for event in events if types([event])[0].startswith("output_item")]
    in_namespace, outside = items[:2], items[2:]
    assert {(item["namespace"], item["name"]) for item in in_namespace} == {("crm", "g")}
    assert {("namespace" in item, item["name"]) for item in outside} == {(False, "other__g")}
    assert [event["name"] for event in events if types([event]) == ["function_call_arguments.done"]] == [
        "g",
        "other__g",
    ]
    output = collect(*calls)["output"]
    assert [(item.get("namespace"), item["name"]) for item in output] == [("crm", "g"), (None, "other__g")]
    assert [item.get("namespace") for item in events[-1]["response"]["output"]] == ["crm", None]


@pytest.mark.parametrize(
    ("as_summary", "expected", "place"),
    [
        (
            False,
            [
                "output_item.added",
                "content_part.added",
                "reasoning_text.delta",
                "reasoning_text.done",
                "content_part.done",
                "output_item.done",
            ],
            "content",
        ),
        (
            True,
            [
                "output_item.added",
                "reasoning_summary_part.added",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.done",
                "reasoning_summary_part.done",
                "output_item.done",
            ],
            "summary",
        ),
    ],
)
def test_streamed_reasoning(as_summary: bool, expected: list[str], place: str) -> None:
    events = write(ReasoningDelta("hm"), TextDelta("a"), ChoiceFinished("stop"), FINISHED, as_summary=as_summary)
    assert types(events)[2:8] == expected
    item = events[7]["item"]
    assert (item["type"], item["status"]) == ("reasoning", "completed")
    assert [part["text"] for part in item[place]] == ["hm"]
    assert events[8]["output_index"] == 1


@pytest.mark.parametrize("as_summary", [False, True])
@pytest.mark.parametrize("events", [TEXT, CALLS, EVERYTHING, CUT, NOTHING], ids=["text", "calls", "all", "cut", "none"])
def test_streamed_and_not_say_the_same(events: tuple[Event, ...], as_summary: bool) -> None:
    streamed = write(*events, as_summary=as_summary)[-1]["response"]
    whole = collect(*events, as_summary=as_summary)
    for response in (streamed, whole):
        response.pop("completed_at")
        for item in response["output"]:
            item.pop("id")
    assert streamed == whole


def test_a_cut_answer_is_incomplete() -> None:
    events = write(*CUT)
    assert events[-1]["type"] == "response.incomplete"
    response = events[-1]["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_log_probabilities() -> None:
    events = write(TextDelta("a", 0, (LOGPROB,)), ChoiceFinished("stop"), FINISHED)
    expected = [
        {
            "token": "a",
            "logprob": -0.5,
            "bytes": [97],
            "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": [98]}],
        }
    ]
    assert events[4]["logprobs"] == events[5]["logprobs"] == events[6]["part"]["logprobs"] == expected


def test_a_failure_ends_what_is_open_and_then_raises_in_clients() -> None:
    info = ErrorInfo("runner_crashed", "the model's process died", hint="again")
    events = write(Started(1, 0), TextDelta("a"), Failed(info))
    assert types(events)[-5:] == ["output_text.done", "content_part.done", "output_item.done", "failed", "error"]
    response = events[-2]["response"]
    assert (response["status"], response["error"]) == ("failed", {"code": "server_error", "message": info.message})
    assert response["output"][0]["status"] == "incomplete"
    assert (events[-1]["code"], events[-1]["message"]) == ("runner_crashed", info.message)
    assert events[-1]["error"]["message"] == info.message


def test_a_failure_before_anything_is_well_formed_too() -> None:
    events = write(Failed(ErrorInfo("queue_full", "busy")))
    assert types(events) == ["created", "in_progress", "failed", "error"]
    assert events[2]["response"]["error"]["code"] == "rate_limit_exceeded"
