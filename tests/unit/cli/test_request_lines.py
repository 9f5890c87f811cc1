import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dmr_desktop.cli.parser import parse
from dmr_desktop.cli.request_lines import request_lines
from dmr_desktop.cli.requests_verb import requests

CHAT = {
    "model": "docker.io/ai/x:latest",
    "url": "/v1/chat/completions",
    "request": json.dumps(
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Who\nis it?"}]}
    ),
    "response": json.dumps({"choices": [{"message": {"content": "It is\x1b[2J me."}}]}),
    "timestamp": 1_800_000_000,
    "state": "done",
    "prompt_tokens": 9,
    "completion_tokens": 16,
    "duration_ms": 1234.5,
    "user_agent": "curl/8.1 (x)",
}


def lines_of(*records: dict[str, Any], columns: int = 200) -> list[str]:
    return request_lines([{"model": "m", "records": list(records)}], columns)


def test_a_request_in_three_lines() -> None:
    head, question, answer = lines_of(CHAT)
    assert head.split("  ")[1:] == ["x", "/v1/chat/completions", "done", "9 + 16 tokens", "1.23 s", "curl/8.1"]
    assert question == "  > Who is it?"
    assert answer == "  < It is\\x1b[2J me."


@pytest.mark.parametrize(
    ("request_body", "response", "question", "answer"),
    [
        ({"input": "Hi"}, {"output": [{"type": "message", "content": [{"text": "a"}, {"text": "b"}]}]}, "Hi", "a b"),
        ({"prompt": "Hi"}, {"choices": [{"text": "ho"}]}, "Hi", "ho"),
        ({"messages": [{"content": [{"type": "text", "text": "Hi"}]}]}, {"content": [{"text": "yo"}]}, "Hi", "yo"),
        (
            {"input": ["one", "two"]},
            {
                "choices": [
                    {"message": {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}
                ]
            },
            "one two",
            "f({})",
        ),
        ({"input": "x"}, {"data": [{"embedding": [0.1]}]}, "x", None),
        ([], [1], None, None),
        ({"messages": "no list"}, {"choices": [3]}, "no list", None),
    ],
)
def test_every_dialect_is_read(request_body: Any, response: Any, question: str | None, answer: str | None) -> None:
    record = {**CHAT, "request": json.dumps(request_body), "response": json.dumps(response)}
    found = [line[4:] for line in lines_of(record)[1:]]
    assert found == [text for text in (question, answer) if text is not None]


def test_a_refusal_shows_why() -> None:
    record = {"timestamp": 0, "status_code": 400, "error": json.dumps({"error": {"message": "too hot"}})}
    assert [line for line in lines_of(record) if "too hot" in line] == ["  < too hot"]
    assert lines_of({"error": "404 page not found"})[1] == "  < 404 page not found"


def test_a_line_is_never_wider_than_the_terminal() -> None:
    long = {**CHAT, "request": json.dumps({"prompt": "字" * 500 + "a" * 500}), "response": "{cut off"}
    for columns in (20, 80):
        lines = lines_of(long, columns=columns)
        assert len(lines) == 2
        assert lines[1].endswith("…")
        assert 4 + 2 * lines[1].count("字") + 1 <= columns


def test_the_oldest_comes_first_whatever_the_model() -> None:
    groups = [{"records": [{**CHAT, "timestamp": 30, "model": "b"}]}, {"records": [{**CHAT, "timestamp": 20}]}]
    assert [line.split("  ")[1] for line in request_lines(groups, 80) if line[0] != " "] == ["x", "b"]
    assert request_lines({"odd": 1}, 80) == request_lines([None, {"records": [1]}], 80) == []


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_reads_lines_and_a_program_json(screen_for: Callable[..., Any]) -> None:
    text = json.dumps([{"model": "m", "records": [CHAT]}])

    def answering(body: str) -> Any:
        screen = screen_for(lambda request: httpx.Response(200, text=f"{body}\n"))
        screen.session.terminal.out = Screen()
        return screen

    screen = answering(text)
    requests(screen.session, parse(["requests"]))
    assert screen.out.splitlines()[1] == "  > Who is it?"
    screen = answering(text)
    requests(screen.session, parse(["requests", "--json"]))
    assert json.loads(screen.out)[0]["records"][0]["state"] == "done"
    screen = answering("[]")
    requests(screen.session, parse(["requests"]))
    assert (screen.out, screen.err) == ("", "Nothing has been asked since the models were loaded.\n")
