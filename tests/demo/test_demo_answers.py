"""What the bundled model does with questions, names and values that it was never trained on."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.demo.conftest import DEMO

SKILLS = {
    "questions asked in other words": (0.9, 25, ("smalltalk", "facts", "lists")),
    "conversations, results of tools, useless tools": (
        0.9,
        25,
        ("recall", "copy", "arithmetic", "tool_answer", "no_tool", "unknown"),
    ),
    # Choosing among several tools of unknown names is not as sure; more of them, for they are of many kinds.
    "tools with other names and values": (0.85, 100, ("tool_call", "new_tools")),
    "JSON asked for in other words": (0.65, 100, ("structured", "json_only")),
}
WRITTEN = {
    "questions and conversations": (0.84, ("facts", "smalltalk", "unknown", "arithmetic", "copy", "recall")),
    "tools as people define them": (0.5, ("one_tool", "two_tools", "more_tools")),
    "results of tools, useless tools": (0.9, ("tool_answer", "no_tool")),
    "JSON as people ask for it": (0.35, ("structured",)),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("least", "count", "skills"), SKILLS.values(), ids=SKILLS)
def test_heldout_questions_are_answered(
    evaluation: ModuleType, least: float, count: int, skills: tuple[str, ...]
) -> None:
    """Greedy answers of the file as llama.cpp runs it, judged exactly; the whole measurement is in assets/demo."""
    figures = evaluation.evaluate(evaluation.with_gguf(DEMO / "demo.gguf"), count, 424242, skills, 3)
    right, asked = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    assert right >= least * asked, figures


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("least", "skills"), WRITTEN.values(), ids=WRITTEN)
def test_what_was_written_blind_is_answered(evaluation: ModuleType, least: float, skills: tuple[str, ...]) -> None:
    """No less than so much of what somebody wrote who did not know the corpus: far harder, and the truth."""
    figures = evaluation.evaluate_blind(evaluation.with_gguf(DEMO / "demo.gguf"), skills, 3)
    right, asked = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    assert right >= least * asked, figures
