"""The hand-written conversations by which the bundled model is judged: that each one can be answered rightly."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


def fits(arguments: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether arguments are what a tool's schema asks for."""
    known = schema["properties"]
    return set(schema["required"]) <= set(arguments) <= set(known) and all(
        type(value) in TYPES[known[key]["type"]] and value in known[key].get("enum", [value])
        for key, value in arguments.items()
    )


def test_every_expected_call_fits_an_offered_tool(evaluation: ModuleType) -> None:
    """Name, parameters, types and enumerations; every value but a boolean is in the question, letter by letter."""
    judged = 0
    for samples in evaluation.written().values():
        for sample in samples:
            offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in sample.tools}
            for name, text in sample.check.calls:
                arguments = json.loads(text)
                assert fits(arguments, offered[name]), (name, arguments)
                asked = sample.messages[-2]["content"]
                assert all(str(value) in asked for value in arguments.values() if not isinstance(value, bool)), asked
                judged += 1
    assert judged >= 100


def test_every_fact_is_asked_for_twice(evaluation: ModuleType) -> None:
    """Facts about the product, by their key phrases: a new fact needs questions here too."""
    samples = evaluation.written()
    keys = [sample.check.contains for skill in ("facts", "smalltalk") for sample in samples[skill]]
    rare = {intent.name for intent in evaluation.INTENTS if keys.count(intent.keys) < 2}
    assert not rare


def test_the_model_answers_between_the_turns_of_the_user(evaluation: ModuleType) -> None:
    """Turns of the user that follow each other get the model's own answers, each from the conversation so far."""
    prompts: list[str] = []

    def generate(prompt: str, limit: int) -> str:
        prompts.append(prompt)
        return f"answer {len(prompts)}"

    longest = max(evaluation.written()["recall"], key=lambda sample: len(sample.messages))
    filled = evaluation.fill_turns(evaluation.from_text(generate), longest)
    said = [message["content"] for message in filled.messages if message["role"] == "assistant"]
    assert said == ["answer 1", "answer 2", ""]
    assert "answer 1" in prompts[1]
    assert all(prompt.endswith("<|im_start|>assistant\n") for prompt in prompts)
