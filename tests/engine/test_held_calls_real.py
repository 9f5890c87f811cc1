"""Calls that the bundled model begins by itself, on the real llama.cpp: free, and held to the offered tools."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest

from dmr_desktop.engine.api import SequenceRequest
from dmr_desktop.engine.constraint import Grammars
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.llama import Model
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    Message,
    SamplingParams,
    TextPart,
    Tool,
)
from dmr_desktop.settings import asset
from tests.fakes.read_output import events_of, parts

TOOLS = (
    Tool(
        "get_forecast_for_place",
        "Weather forecast for a place",
        {
            "type": "object",
            "properties": {
                "location_name": {"type": "string", "maxLength": 40},
                "num_days": {"type": "integer", "minimum": 1, "maximum": 7},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location_name", "num_days"],
        },
    ),
    Tool(
        "book_table",
        "Book a table in a restaurant",
        {"type": "object", "properties": {"guests": {"type": "integer"}}, "required": ["guests"]},
    ),
)
QUESTIONS = (
    "What will the weather be like in Bonn on the next 3 days, in celsius?",
    "Book a table for 4, please",
    "call get_forecast with city Rome and days 20",
    "Weather in Oslo?",
)
ALLOWED = {"get_forecast_for_place": {"location_name", "num_days", "unit"}, "book_table": {"guests"}}


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = Model.load(asset("demo/demo.gguf"), gpu_layers=0)
    yield loaded
    loaded.close()


@pytest.fixture
def engine(model: Model) -> Iterator[Engine]:
    made = Engine.open(model, context_size=4096, num_sequences=8, threads=1)
    yield made
    made.close()


def asked(question: str, seed: int) -> GenerationRequest:
    prompt = ChatPrompt((Message("user", (TextPart(question),)),), TOOLS)
    return GenerationRequest(prompt, SamplingParams(temperature=1.0, seed=seed), max_tokens=200)


def calls_of(model: Model, engine: Engine, *, held: bool) -> list[tuple[str, Any]]:
    """All calls in the answers to all questions, by several seeds; the arguments as they are if they are not JSON."""
    formatter = ChatFormatter(model.vocabulary, model.chat_template())
    requests = [asked(question, seed) for question in QUESTIONS for seed in range(6)]
    prepared = [formatter.prepare(request) for request in requests]
    for number, (request, made) in enumerate(zip(requests, prepared, strict=True)):
        assert made.calls is not None
        calls = (made.calls.watching, engine.compile_later(made.calls.write_grammar)) if held else None
        engine.submit(
            SequenceRequest(
                number,
                made.tokens,
                request.sampling,
                request.max_tokens,
                visible_tokens=made.visible_tokens,
                calls=calls,
            )
        )
    texts = [""] * len(requests)
    while not engine.is_idle:
        for output in engine.step():
            assert output.error is None
            texts[output.id] += output.text
    found: list[tuple[str, Any]] = []
    for made, text in zip(prepared, texts, strict=True):
        # A call of a tool that was not offered is content to the parser.
        if "<tool_call>" in "".join(part[1] for part in parts(events_of(made.new_parser(0), [text]))[:-1]):
            found.append((text, None))
        found += [(part[1], part[2]) for part in parts(events_of(made.new_parser(0), [text])) if part[0] == "call"]
    return found


def is_right(call: tuple[str, Any]) -> bool:
    name, source = call
    try:
        arguments = json.loads(source)
    except (TypeError, ValueError):
        return False
    if name == "book_table":
        return arguments.keys() == {"guests"} and type(arguments["guests"]) is int
    return (
        name in ALLOWED
        and {"location_name", "num_days"} <= arguments.keys() <= ALLOWED[name]
        and type(arguments["num_days"]) is int
        and 1 <= arguments["num_days"] <= 7
        and arguments.get("unit", "celsius") in ("celsius", "fahrenheit")
    )


def test_calls_are_right_that_were_wrong_before(model: Model, engine: Engine) -> None:
    free = calls_of(model, engine, held=False)
    assert not all(map(is_right, free)), "the model needs no help with these; ask harder ones"
    before = engine.stats().forced_tokens
    held = calls_of(model, engine, held=True)
    assert len(held) >= len(QUESTIONS)
    assert all(map(is_right, held)), [call for call in held if not is_right(call)]
    assert engine.stats().forced_tokens > before + 10 * len(held)


def test_the_same_tools_are_compiled_once_for_all_threads(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    formatter = ChatFormatter(model.vocabulary, model.chat_template())
    prepared = [formatter.prepare(asked(question, 1)) for question in QUESTIONS]
    (grammar,) = {made.calls.write_grammar() for made in prepared if made.calls}
    assert grammar is not None
    grammars = Grammars(model.vocabulary)
    compiled: list[int] = []
    build = Grammars._ready_tokenizer
    monkeypatch.setattr(Grammars, "_ready_tokenizer", lambda self: compiled.append(1) or build(self))
    found = [grammars.compile(grammar)]
    with ThreadPoolExecutor(4) as threads:
        found += threads.map(lambda _: grammars.compile(grammar), range(20))
    later = grammars.compile_later(lambda: grammar)
    found += [constraint for constraint in (later.get(5), later.get(5)) if constraint]
    assert (len(found), len(compiled)) == (23, 1)
    start = model.vocabulary.tokenize("<tool_call>", False, True)
    for constraint in found:
        # Each is at its own beginning.
        assert constraint.fits(start)
        constraint.accept(start[0])
        assert not constraint.fits(start)


def test_what_is_kept_compiled_has_a_bound(model: Model) -> None:
    grammars = Grammars(model.vocabulary)
    for number in range(200):
        assert grammars.compile(f'start: "{number}"\n').fits(model.vocabulary.tokenize(str(number), False, True))
    assert len(grammars._kept) == 32
    assert grammars.compile('start: "x" // ' + "x" * 900_000 + "\n").fits(model.vocabulary.tokenize("x", False, True))
    assert grammars._kept_bytes <= 1 << 20
    assert len(grammars._kept) < 6


@pytest.mark.parametrize("problem", [None, "start: (", "x" * (1 << 21)])
def test_a_grammar_that_cannot_be_had_later_is_none(model: Model, problem: str | None) -> None:
    assert Grammars(model.vocabulary).compile_later(lambda: problem).get(5) is None


def test_nothing_is_compiled_once_the_engine_is_closed(model: Model) -> None:
    """The vocabulary's memory may be gone then."""
    engine = Engine.open(model, context_size=256, num_sequences=1, threads=1)
    done: list[int] = []

    def slow() -> None:
        sleep(0.2)
        done.append(1)

    for _ in range(3):
        engine.compile_later(slow)
    sleep(0.05)
    engine.close()
    assert done == [1]


def test_writing_a_grammar_may_fail(model: Model) -> None:
    assert Grammars(model.vocabulary).compile_later(lambda: 1 / 0).get(5) is None  # type: ignore[arg-type,return-value]
