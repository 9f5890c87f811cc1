import json
from typing import Any

import pytest

from dmr_desktop.dialects.tokenize import parse, render, without_special
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import ChatPrompt, TextPrompt


@pytest.mark.parametrize(
    ("fields", "text", "add_special"),
    [
        ({"content": "a"}, "a", False),
        ({"content": ""}, "", False),
        ({"content": "a", "add_special": True}, "a", True),
        ({"prompt": "a"}, "a", True),
        ({"prompt": "a", "add_special_tokens": False}, "a", False),
    ],
)
def test_texts(fields: dict[str, Any], text: str, add_special: bool) -> None:
    exchange = parse({"model": "m", **fields})
    assert (exchange.prompt, exchange.add_special) == (TextPrompt(text), add_special)


def test_messages_are_a_whole_prompt() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    exchange = parse(body)
    assert isinstance(exchange.prompt, ChatPrompt)
    assert exchange.prompt.messages[0].role == "user"
    assert exchange.prompt.tools[0].name == "f"
    assert exchange.prompt.template_kwargs == {"enable_thinking": False}
    assert exchange.add_special


@pytest.mark.parametrize(
    ("fields", "param"), [({}, "content"), ({"content": ["a"]}, "content"), ({"messages": []}, "messages")]
)
def test_refusals(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse({"model": "m", **fields})
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("tokens", "around_nothing", "expected"),
    [
        ([1, 5, 6], [1], [5, 6]),
        ([1, 5, 6, 2], [1, 2], [5, 6]),
        ([5, 6, 2], [2], [5, 6]),
        ([5, 6], [], [5, 6]),
        ([1], [1], []),
        ([1, 2], [1, 2], []),
        ([7], [1, 2], [7]),
        ([], [], []),
    ],
)
def test_special_tokens_are_taken_off(tokens: list[int], around_nothing: list[int], expected: list[int]) -> None:
    assert without_special(tokens, around_nothing) == expected


def test_the_answer() -> None:
    assert render([1, 2], 4096) == b'{"tokens":[1,2],"count":2,"max_model_len":4096}'


@pytest.mark.parametrize("count", [0, 1, 32_000, 32_001, 100_000])
def test_any_number_of_tokens_is_one_json_object(count: int) -> None:
    answer = json.loads(render(list(range(count)), 4096))
    assert answer == {"tokens": list(range(count)), "count": count, "max_model_len": 4096}
