"""The same conversation in every dialect, streamed and not: the same answer, the same figures, the same refusals."""

import json

import pytest

from tests.fakes.dialects import DIALECTS, Outcome, Talk, ask
from tests.fixtures_live import LiveService

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WEATHER = {
    "name": "get_weather",
    "description": "Get the weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city"}},
        "required": ["city"],
    },
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HISTORY = (("user", "My name is Anna."), ("assistant", "Nice to meet you, Anna."), ("user", "What is my name?"))
ROUND_TRIP = (
    ("user", "What is the weather in Paris?"),
    ("call", "call_1", "get_weather", {"city": "Paris"}),
    ("result", "call_1", "It is sunny, 21 degrees."),
)

ANSWERED = {
    "a question": Talk((("user", "What is 3 + 4?"),)),
    "a system prompt": Talk((("user", "How do I turn on TCP access?"),), system="You are a helpful assistant."),
    "a conversation": Talk(HISTORY),
    "a tool is called": Talk((("user", "What is the weather in Paris?"),), tools=(WEATHER,)),
    "a tool's result": Talk(ROUND_TRIP, tools=(WEATHER,)),
    "a JSON schema": Talk((("user", "Anna is 31 years old."),), schema=PERSON),
    "a short limit": Talk((("user", "Tell me a long story."),), max_tokens=9),
}
REFUSED = {
    "an unknown model": (Talk((("user", "hi"),), model="ai/nothing-like-this"), 404, "not found"),
    "an image without a projector": (Talk((("image", f"data:image/png;base64,{PIXEL}", "What is it?"),)), 400, "image"),
    "too long": (Talk((("user", "word " * 6000),)), 400, "context"),
}


@pytest.mark.parametrize("talk", ANSWERED.values(), ids=ANSWERED)
def test_every_dialect_answers_the_same(live_service: LiveService, talk: Talk) -> None:
    outcomes: dict[str, Outcome] = {}
    with live_service.http() as http:
        for dialect in DIALECTS:
            for stream in (False, True):
                outcomes[f"{dialect.name}, {'streamed' if stream else 'whole'}"] = ask(
                    http, dialect, talk, stream=stream
                )
    first = outcomes["chat, whole"]
    assert first.status == 200
    assert first.text or first.calls
    assert first.tokens[0] > 0
    assert first.tokens[1] > 0
    different = {name: outcome for name, outcome in outcomes.items() if outcome != first}
    assert not different, f"chat: {first}"
    if talk.schema:
        assert set(json.loads(first.text)) == {"name", "age"}
    if talk.max_tokens < 20:
        assert first.end == "length"
        assert first.tokens[1] == talk.max_tokens


def test_a_forced_call_is_the_same_where_a_dialect_can_force(live_service: LiveService) -> None:
    talk = Talk((("user", "Hello!"),), tools=(WEATHER,), must_call="get_weather")
    with live_service.http() as http:
        outcomes = [
            ask(http, dialect, talk, stream=stream)
            for dialect in DIALECTS
            if dialect.name != "ollama"
            for stream in (False, True)
        ]
    assert {outcome.calls[0][0] for outcome in outcomes} == {"get_weather"}
    assert len({(outcome.text, outcome.calls, outcome.tokens) for outcome in outcomes}) == 1


def test_a_stop_string_ends_the_answer_in_every_dialect_that_has_one(live_service: LiveService) -> None:
    talk = Talk((("user", "Count from 1 to 9."),), stop="4")
    with live_service.http() as http:
        outcomes = [
            ask(http, dialect, talk, stream=stream)
            for dialect in DIALECTS
            if dialect.name != "responses"
            for stream in (False, True)
        ]
    assert len(set(outcomes)) == 1
    assert outcomes[0].end == "stop"
    assert "4" not in outcomes[0].text
    assert "3" in outcomes[0].text


@pytest.mark.parametrize(("talk", "status", "word"), REFUSED.values(), ids=REFUSED)
def test_every_dialect_refuses_the_same(live_service: LiveService, talk: Talk, status: int, word: str) -> None:
    with live_service.http() as http:
        for dialect in DIALECTS:
            for stream in (False, True):
                outcome = ask(http, dialect, talk, stream=stream)
                assert outcome.status == status, dialect.name
                assert word in outcome.message.lower(), dialect.name
        after = ask(http, DIALECTS[0], Talk((("user", "What is 1 + 1?"),)), stream=False)
    assert after.status == 200
