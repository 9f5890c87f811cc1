"""One wish about thinking, in the variables of each template."""

from collections.abc import Mapping
from typing import Any

import pytest

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.switches import says_no_think, thinking_variables
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message, TextPart
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import GRANITE_3, HARMONY


def variables(given: Mapping[str, Any], *reads: str, source: str = "", budget: int | None = None, **more: Any) -> Any:
    refused = more.pop("refused", ())
    return thinking_variables(
        given,
        frozenset(reads),
        source,
        budget,
        lambda found: not any(value in refused for value in found.values()),
        **more,
    )


def prompt(template: str, **given: Any) -> str:
    request = GenerationRequest(ChatPrompt((Message("user", (TextPart("hi"),)),), template_kwargs=given))
    return ChatFormatter(FakeVocabulary(("<s>", "</s>")), template).prepare(request).prompt_text


def test_nothing_wished_is_nothing_said() -> None:
    everything = ("enable_thinking", "thinking", "thinking_mode", "reasoning_effort", "thinking_budget")
    assert variables({}, *everything, source="'no_think'") == {}
    assert variables({"custom": 1}, *everything) == {"custom": 1}


@pytest.mark.parametrize("thinks", [True, False])
def test_the_switch_under_its_other_names(thinks: bool) -> None:
    given = {"enable_thinking": thinks}
    assert variables(given, "thinking") == {**given, "thinking": thinks}
    assert variables(given, "thinking_mode") == {**given, "thinking_mode": "enabled" if thinks else "disabled"}
    assert variables({"thinking": thinks}, "enable_thinking") == {"thinking": thinks, "enable_thinking": thinks}
    assert variables(given, "messages") == given


def test_what_is_given_under_a_templates_own_name_stays() -> None:
    given = {"enable_thinking": False, "thinking": True, "thinking_budget": 9, "reasoning_effort": "high"}
    assert variables(given, "thinking", "thinking_budget", "reasoning_effort", source="'none'", budget=5) == given


def test_off_as_an_effort_or_a_budget() -> None:
    off = {"enable_thinking": False}
    assert variables(off, "reasoning_effort", source="in ['low', 'no_think']")["reasoning_effort"] == "no_think"
    assert variables(off, "reasoning_effort", source='== "none"')["reasoning_effort"] == "none"
    assert variables(off, "reasoning_effort")["reasoning_effort"] == "low"
    assert "reasoning_effort" not in variables(off, "reasoning_effort", "enable_thinking")
    assert variables(off, "thinking_budget")["thinking_budget"] == 0
    on = {"enable_thinking": True}
    assert variables(on, "reasoning_effort", source="'no_think'")["reasoning_effort"] == "high"
    assert "reasoning_effort" not in variables(on, "reasoning_effort")


def test_a_budget() -> None:
    assert variables({}, "thinking_budget", budget=512) == {"thinking_budget": 512}
    assert variables({}, "messages", budget=512) == {}


@pytest.mark.parametrize(
    ("wanted", "refused", "given"),
    [
        ("low", (), "low"),
        ("medium", ("medium",), "high"),
        ("minimal", ("none", "minimal"), "low"),
        ("max", ("max", "xhigh"), "high"),
        ("medium", ("none", "minimal", "low", "medium", "high", "xhigh", "max"), "medium"),
        ("my own", ("my own",), "my own"),
    ],
)
def test_an_effort_that_is_refused_becomes_the_nearest(wanted: str, refused: tuple[str, ...], given: str) -> None:
    found = variables({"reasoning_effort": wanted}, "reasoning_effort", refused=refused)
    assert found == {"reasoning_effort": given}


def test_an_effort_under_other_names() -> None:
    given = {"reasoning_effort": "low"}
    assert variables(given, "reasoning_strength") == {**given, "reasoning_strength": "low"}
    assert variables({**given, "thinking_effort": "max"}, "thinking_effort") == {**given, "thinking_effort": "max"}
    assert variables({"reasoning_effort": "max"}, "reasoning_effort", has_three_efforts=True) == {
        "reasoning_effort": "high"
    }


def test_off_by_a_word() -> None:
    off = {"enable_thinking": False}
    assert says_no_think(off, frozenset(), "{% if '/no_think' in text %}")
    assert not says_no_think(off, frozenset(("enable_thinking",)), "'/no_think'")
    assert not says_no_think(off, frozenset(), "")
    assert not says_no_think({}, frozenset(), "'/no_think'")
    template = (
        "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
        "{{ '<think>' if '/no_think' not in messages[0].content else '<think></think>' }}"
    )
    assert prompt(template).endswith("[user]hi<think>")
    assert prompt(template, enable_thinking=False) == "[system]/no_think[user]hi<think></think>"


def test_harmonys_effort_and_granites_switch() -> None:
    assert "Reasoning: medium" in prompt(HARMONY)
    assert "Reasoning: high" in prompt(HARMONY, reasoning_effort="high")
    assert "Reasoning: low" in prompt(HARMONY, reasoning_effort="minimal")
    assert "Reasoning: low" in prompt(HARMONY, enable_thinking=False)
    assert "<think>" not in prompt(GRANITE_3)
    assert "<think>" in prompt(GRANITE_3, enable_thinking=True)
