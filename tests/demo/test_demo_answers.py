"""What the bundled model does with questions, names and values that it was never trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"
SKILLS = {
    "questions asked in other words": (0.9, ("smalltalk", "facts", "lists")),
    "conversations, results of tools, useless tools": (
        0.9,
        ("recall", "copy", "arithmetic", "tool_answer", "no_tool", "unknown"),
    ),
    # Choosing among several tools of unknown names is not as sure.
    "tools with other names and values": (0.85, ("tool_call", "new_tools")),
}


@pytest.fixture(scope="module")
def evaluation() -> ModuleType:
    """The script that measures the model, from its folder."""
    sys.path.insert(0, str(DEMO))
    try:
        import evaluate as module
    finally:
        sys.path.remove(str(DEMO))
    return module


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("least", "skills"), SKILLS.values(), ids=SKILLS)
def test_heldout_questions_are_answered(evaluation: ModuleType, least: float, skills: tuple[str, ...]) -> None:
    """Greedy answers of the file as llama.cpp runs it, judged exactly; the whole measurement is in assets/demo."""
    figures = evaluation.evaluate(evaluation.with_gguf(DEMO / "demo.gguf"), 25, 424242, skills, 3)
    right, asked = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    assert right >= least * asked, figures
