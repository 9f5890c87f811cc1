"""A model that knows nothing, held by the grammar of each family: all that it writes are calls, and read as such."""

import json
import random
from typing import Any

import llguidance.numpy as masks
import numpy as np
import pytest
from llguidance import LLMatcher

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.chat_format import NestedValues, QuotedValues, TaggedCall
from dmr_desktop.engine.formats.control_text import ControlText
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    GenerationRequest,
    Message,
    TextPart,
    Tool,
)
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES
from tests.fakes.grammar_check import tokenizer_of
from tests.fakes.read_output import events_of, parts

ENDS = ("<s>", "</s>")
MOST_TOKENS = 1000
TOOLS = {
    "get_weather": {
        "city": (str,),
        "days": (int,),
        "tags": (list,),
        "more": (dict,),
        "unit": ("c", "f"),
        "maybe": (str, type(None)),
        "size": (int, float),
    },
    "now": {},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2},
        "more": {
            "type": "object",
            "properties": {"deep": {"type": "boolean"}},
            "required": ["deep"],
            "additionalProperties": False,
        },
        "unit": {"enum": ["c", "f"]},
        "maybe": {"type": ["string", "null"], "maxLength": 5},
        "size": {"type": "number"},
    },
    "required": ["city", "days"],
}
REQUEST = GenerationRequest(
    ChatPrompt(
        (Message("user", (TextPart("hi"),)),),
        (Tool("get_weather", "", SCHEMA), Tool("now", "", {"type": "object", "properties": {}})),
        "required",
    )
)


def endings(prepared: Prepared) -> list[str]:
    """The texts that end what could go on for ever: one who writes at random would never find them."""
    found = [prepared.chat_format.reasoning.end] if prepared.chat_format.reasoning else []
    body = prepared.chat_format.calls.body if prepared.chat_format.calls else None
    if isinstance(body, TaggedCall):
        match body.values:
            case QuotedValues(quote=quote):
                found.append(quote)
            case NestedValues(prefix=prefix):
                found += [f"{prefix}</{key}>" for key in ("city", "maybe", "item", "tags")]
            case _:
                found.append(body.value_end)
    return [*found, '"']


def at_random(vocabulary: FakeVocabulary, prepared: Prepared, seed: int) -> str | None:
    """A text that the grammar lets through; None if it found no end."""
    assert prepared.grammar is not None
    matcher = LLMatcher(tokenizer_of(vocabulary), prepared.grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    mask = masks.allocate_token_bitmask(1, len(vocabulary.byte_pieces))
    chance = random.Random(seed)
    control = ControlText(vocabulary, "")
    end = vocabulary.token_id(vocabulary.eos_text)
    written: list[int] = []
    plan: list[int] = []
    for _ in range(MOST_TOKENS):
        if matcher.is_stopped():
            break
        masks.fill_next_token_bitmask(matcher, mask, 0)
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
        allowed = {int(token) for token in np.flatnonzero(bits) if token < len(vocabulary.byte_pieces)}
        if end in allowed and (len(allowed) == 1 or chance.random() < 0.7):
            break
        if not plan and chance.random() < 0.4:
            plan = control.tokenize(chance.choice(endings(prepared)), adds_bos=False)
        if plan and plan[0] in allowed:
            token = plan.pop(0)
        else:
            plan = []
            others = sorted(allowed - {end})
            plain = [token for token in others if token > 255 or 32 <= token < 127 or token == 10]
            token = chance.choice(plain or others)
        matcher.consume_token(token)
        written.append(token)
    else:
        return None
    return "".join(vocabulary.show(written)).replace("«", "").replace("»", "")


def fits(value: Any, kinds: tuple[Any, ...]) -> bool:
    return value in kinds if isinstance(kinds[0], str) else type(value) in kinds


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_whatever_is_forced_is_read_back(name: str) -> None:
    vocabulary = FakeVocabulary(ENDS, bos=ENDS[0], eos=ENDS[1])
    prepared = ChatFormatter(vocabulary, FAMILIES[name]).prepare(REQUEST)
    text = next(text for seed in range(1, 20) if (text := at_random(vocabulary, prepared, seed)) is not None)
    found = parts(events_of(prepared.new_parser(0), [text]))
    assert not [part for part in found if part[0] == "content" and part[1].strip()], text
    calls = [part[1:] for part in found if part[0] == "call"]
    assert calls, text
    for tool, source in calls:
        arguments = json.loads(source)
        assert arguments.keys() <= TOOLS[tool].keys(), text
        assert all(fits(value, TOOLS[tool][key]) for key, value in arguments.items()), text
        assert tool == "now" or {"city", "days"} <= arguments.keys(), text


@pytest.mark.parametrize("reference", ["#/properties/from", "#/$defs/place", "Place", "#/definitions/a place"])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_arguments_may_refer_to_any_part_of_the_schema(name: str, reference: str) -> None:
    """Generators of schemas refer to where a part came first, not only to definitions."""
    place = {"$id": "Place", "type": "object", "properties": {"zip": {"type": "integer"}}, "required": ["zip"]}
    schema = {
        "type": "object",
        "properties": {
            "from": place,
            "stops": {"type": "array", "items": {"$ref": reference}},
            "to": {"$ref": reference},
        },
        "required": ["from", "stops", "to"],
        "$defs": {"place": place},
        "definitions": {"a place": place},
    }
    prompt = ChatPrompt((Message("user", (TextPart("hi"),)),), (Tool("trip", "", schema),), "required")
    vocabulary = FakeVocabulary(ENDS, bos=ENDS[0], eos=ENDS[1])
    prepared = ChatFormatter(vocabulary, FAMILIES[name]).prepare(GenerationRequest(prompt))
    assert prepared.grammar is not None
    matcher = LLMatcher(tokenizer_of(vocabulary), prepared.grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
