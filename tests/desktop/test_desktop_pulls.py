"""Pulls: the request, its end in every way, and the rows that show it."""

from dataclasses import replace

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.fit import Estimate
from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.pulls import MAX_CUTS
from dmr_desktop.desktop.remote import RemoteModel, judge, read_remote, size_of
from dmr_desktop.desktop.state import DesktopState
from dmr_desktop.desktop.wording import remote_line
from dmr_desktop.protocol.notices import GpuSample, PullStatus, TelemetrySample
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService, PullScript

GIB = 1024**3


def start(qtbot: QtBot, parts: Parts, service: FakeService, reference: str = "ai/gemma3") -> PullScript:
    parts.panel.open_page("models")
    parts.panel.models.field.setText(reference)
    parts.panel.models.field.button.click()
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


def test_the_address_of_a_page_is_pulled_by_its_name(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    start(qtbot, parts, service, "https://hub.docker.com/r/ai/gemma3/tags")
    assert service.seen("POST", "/models/create")[0].body == {"from": "ai/gemma3"}


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
    row = parts.panel.models.pulls.rows[0]
    assert not row.cancel.isVisible()
    row.as_command.trigger()
    assert QGuiApplication.clipboard().text() == "dmr pull ai/other"
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
    assert "No space left on device" in parts.panel.banner.text
    (again,) = parts.panel.banner.buttons
    assert again.text() == "Pull again"
    again.click()
    assert parts.commands.pulls.references == ("ai/gemma3",)
    assert not parts.panel.banner.isVisible()


def test_an_error_before_the_stream(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/models/create", 404, "Model not found")
    parts.commands.pull("ai/nothing")
    qtbot.waitUntil(lambda: len(parts.problems) == 1)
    assert "Model not found" in parts.panel.banner.text
    assert parts.panel.banner.buttons == (), "the same name would not be found again"
    assert parts.panel.models.field.text() == "ai/nothing"


def test_a_pull_goes_on_when_the_service_is_back(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    script.say(type="progress", message="Downloaded: 1 MB", total=10)
    qtbot.waitUntil(lambda: not script.lines.qsize())
    service.crash()
    qtbot.waitUntil(lambda: parts.commands.pulls.paused == ("ai/gemma3",))
    qtbot.waitUntil(lambda: len(service.pulls) == 2, timeout=15_000)
    assert parts.commands.pulls.references == ("ai/gemma3",)
    assert parts.problems == []
    service.pulls[1].say(type="success", message="Model pulled successfully")
    service.pulls[1].end()
    qtbot.waitUntil(lambda: parts.said == ["ai/gemma3 is ready to use"])


def test_a_pull_that_brings_the_service_down_is_not_begun_for_ever(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    pulls = parts.commands.pulls
    start(qtbot, parts, service)
    pulls._cut["docker.io/ai/gemma3:latest"] = MAX_CUTS
    service.crash()
    qtbot.waitUntil(lambda: pulls.paused == ("ai/gemma3",))
    qtbot.waitUntil(lambda: parts.link.state.is_connected, timeout=15_000)
    assert pulls.references == ()
    (row,) = parts.panel.models.pulls.rows
    assert row.pause.text() == "Resume"


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


def test_a_paused_pull_keeps_its_row_and_goes_on(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    script = start(qtbot, parts, service)
    running = PullStatus("docker.io/ai/gemma3:latest", "running", GIB, 4 * GIB, GIB // 4)
    service.emit("pull", running)
    (row,) = parts.panel.models.pulls.rows
    qtbot.waitUntil(lambda: row.bar.value() == 250)
    assert row.pause.text() == "Pause"
    row.pause.click()
    qtbot.waitUntil(script.left.is_set)
    service.emit("pull", replace(running, state="cancelled"))
    qtbot.waitUntil(lambda: row.pause.text() == "Resume")
    qtbot.waitUntil(lambda: parts.link.state.pulls == ())
    assert parts.panel.models.pulls.rows == (row,)
    assert row.bar.value() == 250
    assert row.details.text() == "Paused"
    assert parts.problems == []
    row.pause.click()
    qtbot.waitUntil(lambda: len(service.pulls) == 2)
    assert row.pause.text() == "Pause"
    assert [request.body for request in service.seen("POST", "/models/create")] == [{"from": "ai/gemma3"}] * 2


def test_a_paused_pull_can_be_given_up(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    start(qtbot, parts, service)
    (row,) = parts.panel.models.pulls.rows
    row.pause.click()
    qtbot.waitUntil(lambda: row.pause.text() == "Resume")
    row.cancel.click()
    qtbot.waitUntil(lambda: parts.panel.models.pulls.rows == ())
    assert parts.commands.pulls.paused == ()


def test_what_the_registry_says_is_shown_before_the_pull(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    page = parts.panel.models
    parts.panel.open_page("models")
    answer = {"id": "sha256:1", "config": {"parameters": "1.24 B", "quantization": "Q4_K_M", "size": "900000 GiB"}}
    service.answer("GET", "/models/ai/gemma3/fit?remote=true", 200, answer)
    parts.panel.models.field.clear()
    qtbot.keyClicks(page.field, "ai/gemma3")
    assert not page.field.known.isVisible()
    qtbot.waitUntil(lambda: page.field.known.accessibleName().startswith("1.24 B · Q4_K_M · "))
    assert page.field.known.isVisible()
    assert len([request for request in service.requests if request.method == "GET"]) == 1
    service.answer("GET", "/models/ai/gemma3x/fit?remote=true", 404, "model not found")
    qtbot.keyClicks(page.field, "x")
    assert not page.field.known.isVisible()
    qtbot.waitUntil(lambda: page.field.known.accessibleName() == "The registry says nothing about this name.")
    page.field.button.click()
    assert not page.field.known.isVisible()


def test_sizes_as_registries_write_them() -> None:
    assert [size_of(text) for text in ("256 MiB", "1.9GB", "12 B", "", "many", "1e9 GB")] == [
        256 * 1024**2, 1_900_000_000, 12, 0, 0, 0,
    ]  # fmt: skip


def test_the_verdict_before_a_pull() -> None:
    sample = TelemetrySample(0, 0, 12 * GIB, 16 * GIB, 0, 0, 0)
    state = DesktopState(telemetry=(sample,))

    def found(size: int, free: int | None, state: DesktopState, estimate: Estimate | None = None) -> str | None:
        return judge(RemoteModel("", "", size, estimate), free, state)

    assert found(0, None, state) is None
    assert found(GIB, 2 * GIB, state) == "disk"
    assert found(GIB, None, DesktopState()) is None
    assert found(GIB, 100 * GIB, state) == "fits"
    assert found(8 * GIB, 100 * GIB, state) == "tight"
    assert found(20 * GIB, 100 * GIB, state) == "memory"
    with_card = replace(sample, gpus=(GpuSample("a", None, None, 24 * GIB),))
    assert found(20 * GIB, 100 * GIB, DesktopState(telemetry=(with_card,))) == "fits"
    # The service's own estimate goes before the size: a small model with a large context may not fit.
    assert found(GIB, 100 * GIB, state, Estimate(6 * GIB, 4 * GIB, False)) == "tight"
    assert found(GIB, 100 * GIB, state, Estimate(40 * GIB, 4 * GIB, False)) == "memory"
    assert found(8 * GIB, 100 * GIB, state, Estimate(9 * GIB, 14 * GIB, True)) == "fits"
    assert found(8 * GIB, 9 * GIB, state, Estimate(9 * GIB, 14 * GIB, True)) == "disk"


def test_the_services_estimate_is_told_before_the_pull() -> None:
    answer = {
        "size_bytes": 3 * GIB,
        "config": {"parameters": "3 B", "quantization": "Q4_K_M"},
        "context_size": 8192,
        "total_bytes": 4 * GIB,
        "available_bytes": 6 * GIB,
        "fits": True,
    }
    model = read_remote(answer)
    assert model == RemoteModel("3 B", "Q4_K_M", 3 * GIB, Estimate(4 * GIB, 6 * GIB, True), 8192)
    assert remote_line(model, "fits", None) == (
        "3 B · Q4_K_M · 3.0 GiB · needs about 4.0 GiB with context 8,192 · fits in memory"
    )
    assert read_remote([]) is None
