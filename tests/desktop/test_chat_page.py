"""The Chat page against the fake service, and its pure parts."""

import json
import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QTextDocument, QTextTable
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.chat import ChatOptions, Turn, as_markdown, code_blocks, request_body
from dmr_desktop.desktop.panel.markdown import fill
from dmr_desktop.desktop.theme import Theme
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

COMPLETIONS = "/engines/v1/chat/completions"
MODELS = [{"id": "sha256:" + "a" * 64, "tags": ["docker.io/ai/alpha:latest"], "config": {}, "size_bytes": 5}]


def frames(*chunks: object) -> bytes:
    return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks)


def delta(**fields: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": fields}]}


USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 3, "completion_tokens": 7},
    "timings": {"predicted_per_second": 41.6},
}


def ask(qtbot: QtBot, parts: Parts, service: FakeService, text: str) -> None:
    parts.panel.open_page("chat")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": MODELS})
    page = parts.panel.chat
    qtbot.waitUntil(page.models.isEnabled)
    page.draft.setPlainText(text)
    page.send_button.click()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)


def test_request_has_the_conversation_and_only_the_options_that_are_set() -> None:
    turns = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", ""))
    body = request_body(turns, ChatOptions("m"))
    assert [(item["role"], item["content"]) for item in body["messages"]] == [  # type: ignore[union-attr,index,call-overload]
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert "temperature" not in body
    body = request_body(turns, ChatOptions("m", "Be brief.", 0.0))
    assert body["temperature"] == 0.0
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}  # type: ignore[index]


def test_code_is_what_stands_between_fences() -> None:
    assert code_blocks("x\n```python\na = 1\n```\ny\n```\nb\n```") == "a = 1\nb"
    assert code_blocks("no code, `inline` only") == ""
    assert as_markdown((Turn("user", "q"), Turn("assistant", "a"))) == "**You**\n\nq\n\n**Model**\n\na\n"


def test_an_answer_streams_and_ends_with_its_figures(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    answer = frames(delta(role="assistant", content=""), delta(content="**He"), delta(content="llo**"), USAGE)
    service.answer("POST", COMPLETIONS, 200, answer + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    (sent,) = service.seen("POST", COMPLETIONS)
    assert sent.body["model"] == "ai/alpha"
    assert sent.body["messages"] == [{"role": "user", "content": "hi"}]
    question, reply = parts.sources.chat.turns
    assert (question.text, reply.text) == ("hi", "**Hello**")
    view = parts.panel.chat._views[1]
    assert view.text.toPlainText() == "Hello"  # Markdown, once it is complete
    assert reply.note.startswith("7 tokens · 42 tokens/s")
    assert parts.panel.chat.draft.toPlainText() == ""


def test_reasoning_is_apart_and_hidden_at_first(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer(
        "POST", COMPLETIONS, 200, frames(delta(reasoning_content="hm"), delta(content="7")) + b"data: [DONE]\n\n"
    )
    ask(qtbot, parts, service, "3+4")
    assert parts.sources.chat.turns[-1] == Turn("assistant", "7", reasoning="hm")
    view = parts.panel.chat._views[1]
    assert not view.reasoning.isVisibleTo(view)
    view.thinking_button.click()
    assert view.reasoning.isVisibleTo(view)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (507, b'{"error": {"message": "needs 9 GiB, 4 are free", "hint": "unload another"}}', "needs 9 GiB"),
        (200, frames(delta(content="a"), {"error": {"message": "the model's process died"}}), "process died"),
        (200, frames(delta(content="a")), "cut"),
        (200, b"data: {]\n\n", "no answer"),
    ],
)
def test_trouble_is_said_in_the_answer_and_asking_again_works(
    qtbot: QtBot, parts: Parts, service: FakeService, status: int, body: bytes, sentence: str
) -> None:
    service.answer("POST", COMPLETIONS, status, body)
    ask(qtbot, parts, service, "hi")
    assert sentence in parts.sources.chat.turns[-1].error
    view = parts.panel.chat._views[1]
    assert view.error.isVisibleTo(view)
    service.answer("POST", COMPLETIONS, 200, frames(delta(content="fine")) + b"data: [DONE]\n\n")
    parts.panel.chat.again_button.click()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)
    assert parts.sources.chat.turns[-1] == Turn("assistant", "fine")
    assert len(parts.sources.chat.turns) == 2


def test_what_a_model_writes_loads_nothing(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    text = "![x](file:///etc/hostname) <b>bold</b> [link](http://example.invalid)"
    service.answer("POST", COMPLETIONS, 200, frames(delta(content=text)) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    shown = parts.panel.chat._views[1].text
    assert "<b>bold</b>" in shown.toPlainText()
    assert shown.loadResource(2, "file:///etc/hostname") is None


def test_the_conversation_can_be_copied_and_cleared(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", COMPLETIONS, 200, frames(delta(content="yes")) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "really?")
    parts.panel.chat.copy_button.click()
    assert QGuiApplication.clipboard().text() == "**You**\n\nreally?\n\n**Model**\n\nyes\n"
    parts.panel.chat.new_button.click()
    assert parts.sources.chat.turns == ()
    assert parts.panel.chat._views == []


def held(service: FakeService, answer: str) -> threading.Event:
    """The next answers come when the event is set."""
    go = threading.Event()

    def act(_: object) -> tuple[int, bytes]:
        go.wait(10)
        return 200, frames(delta(content=answer)) + b"data: [DONE]\n\n"

    service.on("POST", COMPLETIONS, act)
    return go


def test_asking_again_takes_the_old_answer_away_at_once(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", COMPLETIONS, 200, frames(delta(content="old")) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    go = held(service, "new")
    parts.panel.chat.again_button.click()
    assert parts.sources.chat.is_running
    shown = parts.panel.chat._views[1].text.toPlainText()
    go.set()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)
    assert shown == ""
    assert parts.panel.chat._views[1].text.toPlainText() == "new"


def test_enter_does_not_stop_an_answer(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", COMPLETIONS, 200, frames(delta(content="a")) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    go = held(service, "b")
    page = parts.panel.chat
    for text in ("second", "third"):
        page.draft.setPlainText(text)
        qtbot.keyClick(page.draft, Qt.Key.Key_Return)
        assert parts.sources.chat.is_running
    go.set()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)
    assert page.draft.toPlainText() == "third"
    assert [turn.text for turn in parts.sources.chat.turns] == ["hi", "a", "second", "b"]


def test_the_focus_is_in_the_draft_after_asking(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", COMPLETIONS, 200, frames(delta(content="a")) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    page = parts.panel.chat
    qtbot.waitActive(parts.panel)
    for button in (page.again_button, page.send_button):
        page.draft.setPlainText("more")
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: not parts.sources.chat.is_running)
        assert page.draft.hasFocus()


def test_the_draft_grows_with_lines_that_wrap(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("chat")
    draft = parts.panel.chat.draft
    one = draft.height()
    draft.setPlainText("word " * 60)
    qtbot.waitUntil(lambda: draft.height() > 2 * one - 28)
    assert draft.verticalScrollBar().maximum() == 0
    draft.setPlainText("word\n" * 40)
    assert draft.height() == draft.fontMetrics().lineSpacing() * 7 + 28
    draft.clear()
    assert draft.height() == one


def test_the_chosen_model_is_chosen_again_when_the_service_is_back(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    two = [*MODELS, {"id": "sha256:" + "b" * 64, "tags": ["docker.io/ai/beta:latest"], "config": {}, "size_bytes": 5}]
    parts.panel.open_page("chat")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": two})
    box = parts.panel.chat.models
    qtbot.waitUntil(box.isEnabled)
    box.setCurrentIndex(1)
    service.crash()
    qtbot.waitUntil(lambda: box.count() == 0)
    qtbot.waitUntil(lambda: service.num_listeners == 1, timeout=15_000)
    service.emit("models", {"models": two})
    qtbot.waitUntil(box.isEnabled)
    assert box.currentText() == "ai/beta"


TABLE = "| name | size |\n|---|--:|\n| a | 1 |\n"


@pytest.mark.parametrize("before", ["", "Sizes:\n\n", "> quoted\n\n", "```\ncode\n```\n\n"])
def test_a_table_is_a_table(theme: Theme, before: str) -> None:
    document = QTextDocument()
    fill(document, before + TABLE, theme.tokens)
    (table,) = (frame for frame in document.rootFrame().childFrames() if isinstance(frame, QTextTable))
    cells = [table.cellAt(row, column).firstCursorPosition().block() for row in (0, 1) for column in (0, 1)]
    assert [cell.text() for cell in cells] == ["name", "size", "a", "1"]
    weights = [cell.begin().fragment().charFormat().fontWeight() for cell in cells]
    assert weights == [QFont.Weight.Bold] * 2 + [QFont.Weight.Normal] * 2
    assert table.format().borderBrush().color() == QColor(theme.tokens.line)


def test_nothing_of_an_answer_is_cut_by_its_scroll_bar(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    text = "# Title\n\n```\n" + "code " * 80 + "\n```\n\nThe end."
    service.answer("POST", COMPLETIONS, 200, frames(delta(content=text)) + b"data: [DONE]\n\n")
    ask(qtbot, parts, service, "hi")
    shown = parts.panel.chat._views[1].text
    qtbot.waitUntil(lambda: shown.horizontalScrollBar().maximum() > 0)
    qtbot.waitUntil(lambda: shown.verticalScrollBar().maximum() == 0)


def test_a_link_is_copied_and_not_opened(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer(
        "POST", COMPLETIONS, 200, frames(delta(content="[x](http://example.invalid/a)")) + b"data: [DONE]\n\n"
    )
    ask(qtbot, parts, service, "hi")
    shown = parts.panel.chat._views[1].text
    qtbot.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(3, 8))
    assert QGuiApplication.clipboard().text() == "http://example.invalid/a"
    assert parts.said[-1] == "http://example.invalid/a copied"


def test_an_answer_that_waits_for_its_model_says_so(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    go = held(service, "done")
    parts.panel.open_page("chat")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": MODELS})
    page = parts.panel.chat
    qtbot.waitUntil(page.models.isEnabled)
    page.draft.setPlainText("hi")
    page.send_button.click()
    note = page._views[-1].note
    assert note.text() == "…"
    model_id = str(MODELS[0]["id"])
    runner = RunnerStatus("llama.cpp", model_id, "ai/alpha", Mode.COMPLETION, RunnerState.STARTING)
    service.emit("runners", {"runners": [runner]})
    qtbot.waitUntil(lambda: note.text() == "Loading ai/alpha…")
    service.emit("runners", {"runners": [replace(runner, state=RunnerState.READY)]})
    qtbot.waitUntil(lambda: note.text() == "…")
    go.set()
    qtbot.waitUntil(lambda: not parts.sources.chat.is_running)
    assert note.text() != "…"


def test_a_long_list_of_models_is_in_order_and_no_higher_than_a_dozen(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    names = ["zeta", *(f"m{number}" for number in range(40, 0, -1))]
    many = [
        {"id": f"sha256:{number:064}", "tags": [f"docker.io/ai/{name}:latest"], "config": {}}
        for number, name in enumerate(names)
    ]
    parts.panel.open_page("chat")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": many})
    box = parts.panel.chat.models
    qtbot.waitUntil(box.isEnabled)
    assert box.currentText() == "ai/zeta", "the first one that the service names"
    assert [box.itemText(index) for index in (0, 1, 39, 40)] == ["ai/m1", "ai/m2", "ai/m40", "ai/zeta"]
    box.showPopup()
    qtbot.waitUntil(box.view().isVisible)
    assert box.view().height() < 14 * box.view().sizeHintForRow(0)
    box.hidePopup()
