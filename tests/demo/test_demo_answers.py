"""What the bundled model does with questions, names and values that it was never trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"
SKILLS = {
    # Choosing among many tools of unknown names is not as sure; its figures are in assets/demo/README.md.
    "questions asked in other words": ("smalltalk", "facts", "lists"),
    "conversations, tools' results and useless tools": (
        "recall",
        "copy",
        "arithmetic",
        "tool_answer",
        "no_tool",
        "unknown",
    ),
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
@pytest.mark.parametrize("skills", SKILLS.values(), ids=SKILLS)
def test_nine_of_ten_heldout_questions_are_right(evaluation: ModuleType, skills: tuple[str, ...]) -> None:
    """Greedy answers of the file as llama.cpp runs it, judged exactly; the whole measurement is in assets/demo."""
    figures = evaluation.evaluate(evaluation.with_gguf(DEMO / "demo.gguf"), 25, 424242, skills, 3)
    right, asked = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    assert right >= 0.9 * asked, figures
