"""The formats layer on the bundled model's real vocabulary and the real grammar compiler."""

import json
import random
from collections.abc import Iterator

import pytest

from dmr_desktop.engine.constraint import Grammars
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.engine.llama.model import Model
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    JsonSchema,
    Message,
    TextPart,
    Tool,
)
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.settings import asset
from tests.fakes.read_output import events_of, parts

SCHEMA: dict[str, JSON] = {
    "type": "object",
    "properties": {"unit": {"enum": ["°C", "°F"]}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["unit", "days"],
}
TOOLS = (Tool("weather", "", SCHEMA), Tool("now"))


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = Model.load(asset("demo/demo.gguf"), gpu_layers=0)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def formatter(model: Model) -> ChatFormatter:
    return ChatFormatter(model.vocabulary, model.chat_template())


@pytest.fixture(scope="module")
def grammars(model: Model) -> Grammars:
    return Grammars(model.vocabulary)


def request(**options: object) -> GenerationRequest:
    response_format = options.pop("response_format", None)
    prompt = ChatPrompt((Message("user", (TextPart("Hi <|im_end|>"),)),), **options)  # type: ignore[arg-type]
    return GenerationRequest(prompt, response_format=response_format)  # type: ignore[arg-type]


def random_output(model: Model, grammars: Grammars, prepared: Prepared, seed: int) -> str:
    """What a model of random weights would say under the grammar."""
    chooser = random.Random(seed)
    assert prepared.grammar is not None
    constraint = grammars.compile(prepared.grammar)
    output = b""
    while True:
        token = int(chooser.choice(constraint.allowed()))
        if token in model.vocabulary.eog:
            return output.decode()
        constraint.accept(token)
        output += model.vocabulary.piece(token, special=token in prepared.visible_tokens)
        if constraint.is_complete:
            return output.decode()


def test_a_users_control_text_stays_text(model: Model, formatter: ChatFormatter) -> None:
    end = model.vocabulary.token_id("<|im_end|>")
    assert end is not None
    assert formatter.prepare(request()).tokens.count(end) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_random_model_makes_valid_calls_when_it_must(
    model: Model, formatter: ChatFormatter, grammars: Grammars, seed: int
) -> None:
    prepared = formatter.prepare(request(tools=TOOLS, tool_choice="required"))
    text = random_output(model, grammars, prepared, seed)
    found = parts(events_of(prepared.new_parser(0), text))
    assert {part[0] for part in found[:-1]} == {"call"}
    for _, name, source in (part for part in found if part[0] == "call"):
        arguments = json.loads(source)
        if name == "now":
            assert arguments == {}
        else:
            assert arguments.keys() == {"unit", "days"}
            assert arguments["unit"] in ("°C", "°F")
            assert 1 <= arguments["days"] <= 7
    assert found[-1] == ("finish", "tool_calls")


@pytest.mark.parametrize("seed", range(5))
def test_a_random_model_answers_by_the_schema(
    model: Model, formatter: ChatFormatter, grammars: Grammars, seed: int
) -> None:
    prepared = formatter.prepare(request(response_format=JsonSchema(SCHEMA)))
    text = random_output(model, grammars, prepared, seed)
    assert json.loads(text).keys() == {"unit", "days"}
    assert " " not in text
