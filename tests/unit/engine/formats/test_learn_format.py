"""Formats learned from templates, and answers of the templates' own making read back."""

import json

import pytest

from dmr_desktop.engine.formats.chat_format import ChatFormat, JsonCall, Literally, NamedCall, Reasoning
from dmr_desktop.engine.formats.learn import learn
from dmr_desktop.engine.formats.parser import OutputParser
from dmr_desktop.engine.formats.probe import NAMES, TOOLS, Traits, probe
from dmr_desktop.engine.formats.template import ChatTemplate
from dmr_desktop.settings import asset
from tests.fakes import chat_templates
from tests.fakes.read_output import events_of, in_steps, parts

THINK = Reasoning("<think>", "</think>")
HERMES_BODY = JsonCall(
    ("name",),
    ("arguments",),
    (),
    (Literally('{"name": "'), "name", Literally('", "arguments": '), "arguments", Literally("}")),
)


def learned(source: str) -> tuple[Traits, ChatFormat]:
    template = ChatTemplate(source, bos_token="<s>", eos_token="</s>")
    traits = probe(template)
    return traits, learn(template, traits)


@pytest.mark.parametrize("name", ["HERMES", "HERMES_THINKING", "HERMES_THINK_OPENED"])
def test_hermes_calls(name: str) -> None:
    traits, found = learned(getattr(chat_templates, name))
    assert traits.reads_tools
    assert traits.renders_calls
    assert traits.object_arguments
    assert traits.system_role
    assert traits.late_system
    assert not traits.alternates
    assert not traits.short_call_ids
    assert found.calls is not None
    assert found.calls.body == HERMES_BODY
    assert (found.calls.section_start, found.calls.section_end) == ("", "")
    assert (found.calls.call_start, found.calls.call_end) == ("<tool_call>\n", "\n</tool_call>")
    assert found.calls.separator == "\n"
    assert (found.calls.item_separator, found.calls.key_separator) == (", ", ": ")
    assert found.calls.parallel
    assert found.calls.triggers == ("<tool_call>",)


def test_reasoning_markers() -> None:
    assert learned(chat_templates.HERMES)[1].reasoning is None
    assert learned(chat_templates.HERMES_THINKING)[1].reasoning == THINK
    assert learned(chat_templates.HERMES_THINK_OPENED)[1].reasoning == THINK


def test_reasoning_is_seen_in_a_prompt_whose_history_drops_it() -> None:
    opened = chat_templates.CHATML_PLAIN.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")
    assert learned(opened)[1].reasoning == THINK
    switched_off = chat_templates.HERMES.replace(
        "assistant\\n'", "assistant\\n' + ('' if enable_thinking else '<think>\\n\\n</think>\\n\\n')"
    )
    assert learned(switched_off)[1].reasoning == THINK


@pytest.mark.parametrize("name", ["CHATML_PLAIN", "HEADERS", "TURNS_WITHOUT_SYSTEM"])
def test_templates_without_tools(name: str) -> None:
    traits, found = learned(getattr(chat_templates, name))
    assert not traits.reads_tools
    assert not traits.renders_calls
    assert found.calls is None
    assert found.reasoning is None


def test_a_template_without_system_role_whose_roles_alternate() -> None:
    traits, _ = learned(chat_templates.TURNS_WITHOUT_SYSTEM)
    assert not traits.system_role
    assert traits.alternates


def test_a_list_of_calls_with_ids() -> None:
    traits, found = learned(chat_templates.CALL_LIST)
    assert traits.short_call_ids
    assert found.calls is not None
    assert isinstance(found.calls.body, JsonCall)
    assert found.calls.body.id_path == ("id",)
    assert (found.calls.section_start, found.calls.section_end) == ("[TOOL_CALLS][", "]")
    assert (found.calls.call_start, found.calls.call_end, found.calls.separator) == ("", "", ", ")


def test_a_name_outside_of_the_json() -> None:
    _, found = learned(chat_templates.NAME_THEN_JSON)
    assert found.calls is not None
    assert found.calls.body == NamedCall(("name", Literally("\n```json\n"), "arguments"))
    assert (found.calls.section_start, found.calls.section_end) == ("<calls>", "</calls>")
    assert (found.calls.call_start, found.calls.call_end) == ("<call>function<sep>", "\n```</call>")


def test_a_template_that_only_takes_arguments_as_text() -> None:
    source = chat_templates.HERMES.replace("arguments | tojson", "arguments + ''")
    traits, found = learned(source)
    assert not traits.object_arguments
    assert found.calls is not None
    assert found.calls.body == HERMES_BODY


def test_a_bare_json_object_is_a_call_without_trigger() -> None:
    source = chat_templates.HERMES.replace("<tool_call>\\n{", "{").replace("}\\n</tool_call>", "}")
    _, found = learned(source)
    assert found.calls is not None
    assert found.calls.triggers == ()


@pytest.mark.parametrize(
    ("marker", "other"),
    [("tool_call", "fn"), ("tool_call", "x:invoke"), ("tool_call", "|call|"), ("think", "ponder_think")],
)
def test_markers_are_learned_whatever_they_are_called(marker: str, other: str) -> None:
    source = chat_templates.HERMES_THINKING.replace(f"<{marker}>", f"<{other}>").replace(f"</{marker}>", f"</{other}>")
    _, found = learned(source)
    assert found.calls is not None
    assert found.reasoning is not None
    assert f"<{other}>" in (found.calls.call_start.strip(), found.reasoning.start)
    assert f"</{other}>" in (found.calls.call_end.strip(), found.reasoning.end)


def test_a_template_that_refuses_everything_teaches_nothing() -> None:
    traits, found = learned("{{ raise_exception('no') }}")
    assert found == ChatFormat(found.origin)
    assert traits == Traits(True, False, False, False, False, True, False, False)


@pytest.mark.parametrize("name", ["HERMES", "HERMES_THINKING", "HERMES_THINK_OPENED", "CALL_LIST", "NAME_THEN_JSON"])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_what_the_template_writes_is_read_back(name: str, step: int) -> None:
    template = ChatTemplate(getattr(chat_templates, name), bos_token="<s>", eos_token="</s>")
    found = learn(template, probe(template))
    assert found.calls is not None
    arguments = [{"a": 'x } " <é>', "b": [1, {"c": None}]}, {}]
    written = [
        {"id": f"abcdefgh{index}", "type": "function", "function": {"name": NAMES[index], "arguments": value}}
        for index, value in enumerate(arguments)
    ]
    message = {"role": "assistant", "content": "", "tool_calls": written}
    text = template.render([{"role": "user", "content": "u"}, message], TOOLS, add_generation_prompt=False)
    text = text[text.rindex(found.calls.triggers[0], 0, text.index('"a"')) :]
    read = parts(events_of(OutputParser(found, NAMES), in_steps(text, step)))
    calls = [(part[1], json.loads(part[2])) for part in read if part[0] == "call"]
    assert calls == list(zip(NAMES, arguments, strict=True))


def test_the_bundled_models_template() -> None:
    _, found = learned(asset("demo/chat_template.jinja").read_text(encoding="utf-8"))
    assert found.calls is not None
    assert found.calls.body == HERMES_BODY
    assert found.calls.triggers == ("<tool_call>",)
