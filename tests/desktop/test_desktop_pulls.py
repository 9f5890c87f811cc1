"""Pulls: the request, its end in every way, and the rows that show it."""

from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.problems import Problem
from dmr_desktop.protocol.notices import PullStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService, PullScript

GIB = 1024**3


def start(qtbot: QtBot, parts: Parts, service: FakeService, reference: str = "ai/gemma3") -> PullScript:
    parts.panel.open_page("models")
    parts.panel.models.field.setText(reference)
    parts.panel.models.pull_button.click()
    qtbot.waitUntil(lambda: len(service.pulls) == 1 and service.num_listeners == 1)
    return service.pulls[0]


def test_the_request_and_its_success(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    (request,) = service.seen("POST", "/models/create")
    assert request.body == {"from": "ai/gemma3"}
    assert request.headers["Accept"] == "application/json"
    assert parts.panel.models.field.text() == ""
    script.say(type="success", message="Model pulled successfully")
    script.end()
    qtbot.waitUntil(lambda: parts.said == ["ai/gemma3 is ready to use"])
    assert parts.commands.pulls.references == ()
    assert parts.problems == []


def test_progress_comes_from_the_events(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    start(qtbot, parts, service)
    (row,) = parts.panel.models.pulls.rows
    assert row.details.text() == "Asking the registry…"
    assert row.bar.maximum() == 0
    status = PullStatus("docker.io/ai/gemma3:latest", "running", GIB, 4 * GIB, GIB // 4)
    service.emit("pull", status)
    qtbot.waitUntil(lambda: row.bar.value() == 250)
    assert row.details.text() == "1.0 / 4.0 GiB · 256 MiB/s · 12 s left"
    assert len(parts.panel.models.pulls.rows) == 1
    assert row.cancel.isVisible()


def test_a_pull_of_another_program_is_shown_without_cancel(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.panel.open_page("models")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("pull", PullStatus("docker.io/ai/other:latest", "running", 1, 4))
    qtbot.waitUntil(lambda: len(parts.panel.models.pulls.rows) == 1)
    assert not parts.panel.models.pulls.rows[0].cancel.isVisible()
    service.emit("pull", PullStatus("docker.io/ai/other:latest", "done", 4, 4))
    qtbot.waitUntil(lambda: parts.panel.models.pulls.rows == ())


def test_cancel_leaves_and_is_no_problem(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    script.say(type="progress", message="Downloaded: 1 MB", total=10)
    parts.panel.models.pulls.rows[0].cancel.click()
    qtbot.waitUntil(script.left.is_set)
    qtbot.waitUntil(lambda: parts.commands.pulls.references == ())
    assert parts.problems == []
    assert parts.said == []


def test_an_error_in_the_stream(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    script.say(type="error", message="Error: no space left on device")
    script.lines.put(b"error while pulling model: no space left on device\n")
    script.end()
    qtbot.waitUntil(lambda: len(parts.problems) == 1)
    problem = parts.problems[0]
    assert isinstance(problem, Problem)
    assert (problem.title, problem.message) == ("Could not pull ai/gemma3", "no space left on device")
    assert "no space left on device" in parts.panel.banner.text


def test_an_error_before_the_stream(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/models/create", 404, "Model not found")
    parts.commands.pull("ai/nothing")
    qtbot.waitUntil(lambda: len(parts.problems) == 1)
    assert "Model not found" in parts.panel.banner.text


def test_a_cut_connection_is_a_problem(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    script.say(type="progress", message="x", total=10)
    script.end()
    qtbot.waitUntil(lambda: len(parts.problems) == 1)
    assert "cut" in parts.panel.banner.text


def test_the_same_model_is_not_asked_for_twice(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    start(qtbot, parts, service, "gemma3")
    parts.commands.pull("ai/gemma3:latest")
    qtbot.wait(50)
    assert len(service.seen("POST", "/models/create")) == 1
