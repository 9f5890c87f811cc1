"""What the bundled model does with questions, names and values that it was never trained on."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.demo.conftest import DEMO

SKILLS = {
    "questions asked in other words": (0.9, ("smalltalk", "facts", "lists")),
    "conversations, results of tools, useless tools": (
        0.9,
        ("recall", "copy", "arithmetic", "tool_answer", "no_tool", "unknown"),
    ),
    # Choosing among several tools of unknown names is not as sure.
    "tools with other names and values": (0.85, ("tool_call", "new_tools")),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("least", "skills"), SKILLS.values(), ids=SKILLS)
def test_heldout_questions_are_answered(evaluation: ModuleType, least: float, skills: tuple[str, ...]) -> None:
    """Greedy answers of the file as llama.cpp runs it, judged exactly; the whole measurement is in assets/demo."""
    figures = evaluation.evaluate(evaluation.with_gguf(DEMO / "demo.gguf"), 25, 424242, skills, 3)
    right, asked = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    assert right >= least * asked, figures
