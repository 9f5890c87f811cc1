"""A budget of reasoning in the real runner: a model that would think for ever is brought to answer."""

from pathlib import Path

import pytest

from dmr_desktop.backends.llamacpp import LlamaCpp
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.generation import (
    ChatPrompt,
    Event,
    Finished,
    GenerationRequest,
    JsonSchema,
    Message,
    ReasoningDelta,
    SamplingParams,
    TextDelta,
    TextPart,
)
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerConfig

pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>"
    "{% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
PROMPT = ChatPrompt((Message("user", (TextPart("Why?"),)),))
GREEDY = SamplingParams(temperature=0.0)


async def answers(directory: Path, *requests: GenerationRequest) -> list[list[Event]]:
    model, template = directory / "tiny.gguf", directory / "template.jinja"
    write_tiny_model(model, TinyShape(layers=1, context_size=2048))
    template.write_text(TEMPLATE)
    spec = LaunchSpec(str(model), Mode.COMPLETION, RunnerConfig(threads=1), chat_template=str(template))
    runner = await LlamaCpp(directory).start(spec, lambda line: None)
    try:
        return [[event async for group in runner.generate(request) for event in group] for request in requests]
    finally:
        await runner.stop()


def text_of(events: list[Event], kind: type[TextDelta] | type[ReasoningDelta]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


async def test_a_budget_in_the_real_runner(tmp_path: Path) -> None:
    schema = JsonSchema({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]})
    free, bounded, none, constrained = await answers(
        tmp_path,
        GenerationRequest(PROMPT, GREEDY, max_tokens=60, ignore_eos=True),
        GenerationRequest(PROMPT, GREEDY, max_tokens=60, ignore_eos=True, reasoning_budget=12),
        GenerationRequest(PROMPT, GREEDY, max_tokens=60, ignore_eos=True, reasoning_budget=0),
        GenerationRequest(PROMPT, GREEDY, max_tokens=200, response_format=schema, reasoning_budget=12),
    )
    assert text_of(free, ReasoningDelta)
    assert text_of(free, TextDelta) == ""
    thought = text_of(bounded, ReasoningDelta)
    assert thought
    assert text_of(free, ReasoningDelta).startswith(thought)
    assert text_of(bounded, TextDelta)
    assert (text_of(none, ReasoningDelta), bool(text_of(none, TextDelta))) == ("", True)
    assert text_of(constrained, TextDelta).replace(" ", "") in ('{"a":true}', '{"a":false}')
    (finished,) = [event for event in constrained if isinstance(event, Finished)]
    assert finished.usage.completion_tokens < 60
