"""Rendering: what templates find, and what happens when they fail."""

from datetime import datetime

import pytest

from dmr_desktop.engine.formats.template import DEFAULT_TEMPLATE, ChatTemplate
from dmr_desktop.protocol.errors import InvalidRequest

HELLO = [{"role": "user", "content": "hi"}]


def render(source: str, **options: object) -> str:
    template = ChatTemplate(source, bos_token="<s>", eos_token="</s>", clock=lambda: datetime(2026, 3, 9))
    return template.render(HELLO, **options)  # type: ignore[arg-type]


def test_the_default_template_is_chatml() -> None:
    assert render(DEFAULT_TEMPLATE) == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert render(DEFAULT_TEMPLATE, add_generation_prompt=False) == "<|im_start|>user\nhi<|im_end|>\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ bos_token }}{{ eos_token }}", "<s></s>"),
        ("{{ {'b': '<é>', 'a': 1} | tojson }}", '{"b": "<é>", "a": 1}'),
        ("{{ [1, 2] | map('string') | tojson }}", '["1", "2"]'),
        ("{{ {'a': nothing} | tojson(indent=1) }}", '{\n "a": null\n}'),
        ("{{ strftime_now('%d %b %Y') }}|{{ date_string }}|{{ datetime }}", "09 Mar 2026|09 Mar 2026|Mar 09 2026"),
        ("{% for i in range(5) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "hi"),
        ("  {% if true %}\nx\n  {% endif %}\n", "x\n"),
        ("{{ enable_thinking }}", "True"),
        ("{{ tools is defined }}", "False"),
        ("{% set l = [] %}{% set _ = l.append('a') %}{{ l[0] }}", "a"),
        ("{{ 'a' ~ 1 ~ nothing }}", "a1"),
        ("{{ '%s!' | format('x') }}{{ '{}'.format(2) }}{{ 'ab' | center(4) }}", "x!2 ab "),
        ("{{ 99999999999 | tojson }}{{ 10 * 2 }}{{ 7 % 4 }}", "99999999999203"),
    ],
)
def test_what_templates_expect(source: str, expected: str) -> None:
    assert render(source) == expected


def test_variables_reach_the_template_and_override_defaults() -> None:
    assert render("{{ enable_thinking }}{{ mood }}", variables={"enable_thinking": False, "mood": "x"}) == "Falsex"


def test_content_goes_in_parts_where_the_template_takes_nothing_else() -> None:
    source = "{% for part in messages[0].content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}"
    assert render(source) == "hi"
    assert render("{{ messages[0].content }}") == "hi"


def test_a_template_cannot_spoil_the_messages_it_was_given() -> None:
    messages = [{"role": "user", "content": "a", "parts": []}]
    source = "{% set _ = messages[0].parts.append(1) %}{{ messages[0].parts | length }}"
    template = ChatTemplate(source)
    assert template.render(messages) == template.render(messages) == "1"
    assert messages[0]["parts"] == []


def test_a_refusal_carries_the_templates_own_words() -> None:
    with pytest.raises(InvalidRequest, match="refuses this conversation: roles must alternate") as caught:
        render("{{ raise_exception('roles must alternate') }}")
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\n\n{{ 1 / 0 }}", "line 3"),
        ("\n{{ 1 + messages }}", "line 2"),
        ("{{ messages[0].content + 1 }}", "line 1"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "line 1"),
    ],
)
def test_a_failure_names_the_templates_line(source: str, line: str) -> None:
    with pytest.raises(InvalidRequest, match=line):
        render(source)


@pytest.mark.parametrize("source", ["\n{% if %}", "\n{{ x | nofilter }}", "\n{% nonsense %}", "\n{{ 'open"])
def test_a_syntax_error_names_its_line(source: str) -> None:
    with pytest.raises(InvalidRequest, match="line 2"):
        ChatTemplate(source)


@pytest.mark.parametrize("source", ["x" * 2_000_000, "{{ " + "(" * 5000 + ")" * 5000 + " }}"])
def test_a_monstrous_template_is_refused(source: str) -> None:
    with pytest.raises(InvalidRequest):
        ChatTemplate(source)
