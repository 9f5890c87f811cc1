"""What Ollama's dialect writes: events in, lines or one object out."""

import json
from datetime import datetime
from typing import Any

import pytest

from dmr_desktop.dialects.ollama_answer import LineWriter, ObjectCollector, Shape, load_answer, new_head
from dmr_desktop.dialects.ollama_errors import error_body
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

NAME = 'a%b"c'
LOGPROB = TokenLogprob("a", (97,), -0.5, (TopLogprob("b", (98,), -1.5),))
FINISHED = Finished(Usage(10, 4, cached_tokens=6), Timings(1.0, 20.0, 40.0))
CALLS: tuple[Event, ...] = (
    ToolCallStarted(0, "call_1", "f"),
    ToolCallArguments(0, '{"x":'),
    ToolCallArguments(0, "1}"),
    ToolCallStarted(1, "call_2", "g"),
    ChoiceFinished("tool_calls"),
)


def write(*events: Event, shape: Shape = "chat", has_logprobs: bool = False) -> list[Any]:
    writer = LineWriter(new_head(NAME, shape), has_logprobs=has_logprobs)
    text = b"".join(writer.write([event]) for event in events).decode()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def collect(*events: Event, shape: Shape = "chat", has_logprobs: bool = False) -> Any:
    collector = ObjectCollector(new_head(NAME, shape), has_logprobs=has_logprobs)
    collector.add(events)
    return json.loads(collector.result())


def check_end(last: Any, reason: str = "stop") -> None:
    """The one line that ends an answer: whole nanoseconds, never null."""
    assert (last["done"], last["done_reason"]) == (True, reason)
    assert (last["prompt_eval_count"], last["eval_count"]) == (10, 4)
    assert (last["prompt_eval_duration"], last["eval_duration"]) == (20_000_000, 40_000_000)
    for name in ("total_duration", "load_duration"):
        assert isinstance(last[name], int)
        assert last[name] >= 0


def test_a_streamed_chat() -> None:
    lines = write(
        Started(10, 6), ReasoningDelta("hm"), TextDelta('"Hé\n'), TextDelta("y"), ChoiceFinished("stop"), FINISHED
    )
    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "", "thinking": "hm"},
        {"role": "assistant", "content": '"Hé\n'},
        {"role": "assistant", "content": "y"},
        {"role": "assistant", "content": ""},
    ]
    assert [line["done"] for line in lines] == [False, False, False, True]
    for line in lines:
        assert line["model"] == NAME
        assert datetime.fromisoformat(line["created_at"]).tzinfo is not None
    check_end(lines[-1])


def test_a_streamed_generation() -> None:
    lines = write(
        Started(10, 6), ReasoningDelta("hm"), TextDelta("Hé"), ChoiceFinished("length"), FINISHED, shape="generate"
    )
    assert [(line["response"], line.get("thinking")) for line in lines] == [("", "hm"), ("Hé", None), ("", None)]
    assert "message" not in lines[0]
    check_end(lines[-1], "length")


@pytest.mark.parametrize("shape", ["chat", "generate"])
def test_one_object_says_the_same(shape: Shape) -> None:
    found = collect(
        Started(10, 6),
        ReasoningDelta("hm"),
        TextDelta("a"),
        TextDelta("b"),
        ChoiceFinished("stop"),
        FINISHED,
        shape=shape,
    )
    said = found["message"] if shape == "chat" else found
    assert said["content" if shape == "chat" else "response"] == "ab"
    assert said["thinking"] == "hm"
    check_end(found)


def test_calls_go_out_whole_with_objects_as_arguments() -> None:
    calls = [
        {"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "call_2", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]
    lines = write(Started(10, 6), *CALLS, FINISHED)
    assert [line["message"]["tool_calls"] for line in lines[:-1]] == [[calls[0]], [calls[1]]]
    check_end(lines[-1])
    assert collect(Started(10, 6), *CALLS, FINISHED)["message"]["tool_calls"] == calls


@pytest.mark.parametrize("arguments", ['{"x":', "[1]", "null"])
def test_a_call_that_was_cut_off_is_left_out(arguments: str) -> None:
    events = (ToolCallStarted(0, "c", "f"), ToolCallArguments(0, arguments), ChoiceFinished("length"), FINISHED)
    lines = write(*events)
    assert len(lines) == 1
    check_end(lines[0], "length")
    assert "tool_calls" not in collect(*events)["message"]


@pytest.mark.parametrize(
    ("reason", "word"), [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("cancelled", "stop")]
)
def test_reasons(reason: FinishReason, word: str) -> None:
    assert write(ChoiceFinished(reason), FINISHED)[-1]["done_reason"] == word


def test_log_probabilities_stand_beside_the_text() -> None:
    events = (TextDelta("a", logprobs=(LOGPROB,)), ChoiceFinished("stop"), FINISHED)
    entry = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": [98]}],
    }
    assert write(*events, has_logprobs=True)[0]["logprobs"] == [entry]
    assert write(*events, has_logprobs=True, shape="generate")[0]["logprobs"] == [entry]
    assert collect(*events, has_logprobs=True)["logprobs"] == [entry]
    assert "logprobs" not in write(*events)[0]


def test_a_failure_is_the_last_line() -> None:
    lines = write(TextDelta("a"), Failed(ErrorInfo("runner_crashed", "it died", "again")))
    assert lines[-1] == {"error": "it died: again"}


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (ErrorInfo("does_not_fit", "no room", "close a window"), "no room: close a window"),
        (ErrorInfo("invalid_request_error", "No images.", "Leave it out."), "No images. Leave it out."),
        (ErrorInfo("model_not_found", "model 'x' not found", "pull it"), "model 'x' not found: pull it"),
        (ErrorInfo("runner_error", "it failed"), "it failed"),
    ],
)
def test_an_error_is_one_sentence(info: ErrorInfo, sentence: str) -> None:
    assert json.loads(error_body(info)) == {"error": sentence}


def test_what_only_loads_has_an_answer_of_its_own() -> None:
    found = json.loads(load_answer(new_head("m", "chat"), "load"))
    assert found.pop("created_at")
    assert found == {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"}
    assert json.loads(load_answer(new_head("m", "generate"), "unload"))["response"] == ""
