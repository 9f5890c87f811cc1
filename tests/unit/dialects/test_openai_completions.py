"""The older completions dialect, both directions."""

import json
from typing import Any

import pytest

from dmr_desktop.dialects.openai_completions import parse
from dmr_desktop.dialects.openai_completions_answer import CompletionWriter, completion_collector
from dmr_desktop.dialects.openai_usage import Head
from dmr_desktop.protocol.errors import ErrorInfo, InvalidRequest
from dmr_desktop.protocol.generation import (
    ChoiceFinished,
    Failed,
    Finished,
    Grammar,
    JsonSchema,
    ReasoningDelta,
    Started,
    TextDelta,
    TextPrompt,
    TokenLogprob,
    TokenPrompt,
    TopLogprob,
    Usage,
)

HEAD = Head("cmpl-1", 1, "m")
LOGPROB = TokenLogprob("ab", (97, 98), -0.5, (TopLogprob("b", (98,), -1.5),))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", [TextPrompt("a")]),
        (["a", "b"], [TextPrompt("a"), TextPrompt("b")]),
        ([1, 2], [TokenPrompt((1, 2))]),
        ([[1], [2, 3]], [TokenPrompt((1,)), TokenPrompt((2, 3))]),
        (["a", [1]], [TextPrompt("a"), TokenPrompt((1,))]),
    ],
)
def test_prompt_forms(prompt: object, expected: list[object]) -> None:
    exchange = parse({"model": "m", "prompt": prompt, "echo": True, "max_tokens": 3, "logprobs": 2})
    assert [request.prompt for request in exchange.requests] == expected
    assert all(request.echo and request.max_tokens == 3 and request.top_logprobs == 2 for request in exchange.requests)


def test_the_two_constraints_of_llama_cpp() -> None:
    (first, second) = parse({"model": "m", "prompt": ["a", "b"], "grammar": "root ::= [0-9]"}).requests
    assert first.response_format == second.response_format == Grammar("root ::= [0-9]")
    (request,) = parse({"model": "m", "prompt": "a", "json_schema": {"type": "integer"}}).requests
    assert request.response_format == JsonSchema({"type": "integer"})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": "a", "grammar": []}, "grammar"),
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": ["a", 3]}, "prompt[1]"),
        ({"prompt": ["a", ""]}, "prompt[1]"),
        ({"prompt": [1, "a"]}, "prompt[1]"),
        ({"prompt": [1, -2]}, "prompt[1]"),
        ({"prompt": [1, True]}, "prompt[1]"),
        ({"prompt": [[]]}, "prompt[0]"),
        ({"prompt": ["a"] * 17}, "prompt"),
        ({"prompt": "a", "suffix": 5}, "suffix"),
        ({"prompt": [1, 2], "suffix": "b"}, "suffix"),
        ({"prompt": "a", "suffix": "b", "echo": True}, "suffix"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": "a", "logprobs": 21}, "logprobs"),
        ({"prompt": "a", "logprobs": True}, "logprobs"),
    ],
)
def test_refusals(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse({"model": "m", **fields})
    assert caught.value.param == param


def frames(data: bytes) -> list[Any]:
    texts = [frame.removeprefix("data: ") for frame in data.decode().split("\n\n")[:-1]]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def test_a_streamed_answer() -> None:
    writer = CompletionWriter(HEAD, include_usage=True, has_logprobs=True)
    out = frames(
        writer.write([Started(1, 0), TextDelta("ab", 0, (LOGPROB,)), TextDelta("ab", 0, (LOGPROB,))])
        + writer.write([ReasoningDelta("c"), ChoiceFinished("length"), Finished(Usage(1, 3))])
    )
    assert out.pop() == "[DONE]"
    assert out.pop()["usage"]["total_tokens"] == 4
    assert [chunk["choices"][0]["text"] for chunk in out] == ["ab", "ab", "c", ""]
    assert out[1]["choices"][0]["logprobs"] == {
        "tokens": ["ab"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"b": -1.5, "ab": -0.5}],
        "text_offset": [2],
    }
    assert out[-1]["choices"][0]["finish_reason"] == "length"


def test_the_prompt_in_front_has_its_log_probabilities_too() -> None:
    """The first token is no continuation of anything; characters count, not tokens."""
    first = TokenLogprob("\ufffd", tuple("\u00e9".encode()[:1]), -9999.0)
    second = TokenLogprob("\ufffd", tuple("\u00e9".encode()[1:]), -2.0)
    echo, text = TextDelta("\u00e9", 0, (first, second)), TextDelta("ab", 0, (LOGPROB,))
    expected = [None, -2.0, -0.5], [0, 0, 1]
    collector = completion_collector(HEAD, 1, has_logprobs=True, has_echo=True)
    collector.add([Started(1, 0), echo, text, ChoiceFinished("length"), Finished(Usage(1, 3))])
    (choice,) = json.loads(collector.result())["choices"]
    assert (choice["logprobs"]["token_logprobs"], choice["logprobs"]["text_offset"]) == expected
    assert choice["logprobs"]["top_logprobs"] == [None, {"\ufffd": -2.0}, {"b": -1.5, "ab": -0.5}]
    writer = CompletionWriter(HEAD, include_usage=False, has_logprobs=True, has_echo=True)
    found = [chunk["choices"][0]["logprobs"] for chunk in frames(writer.write([echo, text]))]
    assert [value for part in found for value in part["token_logprobs"]] == expected[0]
    assert [value for part in found for value in part["text_offset"]] == expected[1]


@pytest.mark.parametrize("suffix", ["", None, "b"])
def test_what_stands_behind_a_gap(suffix: str | None) -> None:
    requests = parse({"model": "m", "prompt": ["a", "c"], "suffix": suffix}).requests
    expected = [TextPrompt(text, suffix or None) for text in ("a", "c")]
    assert [request.prompt for request in requests] == expected


def test_no_tokens_may_be_asked_for() -> None:
    (request,) = parse({"model": "m", "prompt": "a", "max_tokens": 0, "echo": True, "logprobs": 1}).requests
    assert (request.max_tokens, request.echo, request.top_logprobs) == (0, True, 1)
    with pytest.raises(InvalidRequest):
        parse({"model": "m", "prompt": "a", "max_tokens": -1})


def test_a_failed_stream_ends_with_its_error() -> None:
    writer = CompletionWriter(HEAD, include_usage=False, has_logprobs=False)
    assert frames(writer.write([Failed(ErrorInfo("queue_full", "no room"))]))[0]["error"]["code"] == "queue_full"


def test_one_object_of_the_same_events() -> None:
    collector = completion_collector(HEAD, 2, has_logprobs=False)
    collector.add([Started(1, 0), TextDelta("b", 1), ReasoningDelta("r", 0), TextDelta("a", 0)])
    collector.add([ChoiceFinished("stop"), ChoiceFinished("length", 1), Finished(Usage(1, 3))])
    answer = json.loads(collector.result())
    assert answer["object"] == "text_completion"
    assert [(choice["text"], choice["finish_reason"]) for choice in answer["choices"]] == [
        ("ra", "stop"),
        ("b", "length"),
    ]
    assert answer["choices"][0]["logprobs"] is None
    assert answer["usage"]["completion_tokens"] == 3
