"""The first run: three steps on the Overview page, until they are taken or skipped."""

import pytest
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.starters import STARTERS, is_only_demo, starters_for
from dmr_desktop.desktop.state import DesktopState, ModelEntry
from dmr_desktop.protocol.json_types import JSONObject
from dmr_desktop.protocol.notices import GpuSample, TcpStatus, TelemetrySample
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

GIB = 1024**3
DEMO: JSONObject = {"id": "sha256:" + "d" * 64, "tags": ["dmr.local/demo:latest"], "size_bytes": 4_000_000}
OTHER: JSONObject = {"id": "sha256:" + "e" * 64, "tags": ["docker.io/ai/smollm2:latest"], "size_bytes": GIB}


@pytest.fixture
def fresh(qtbot: QtBot, parts: Parts, service: FakeService) -> Parts:
    """As after the installation: the demo model and nothing else."""
    parts.preferences.welcomed = False
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": [DEMO]})
    qtbot.waitUntil(parts.panel.overview.welcome.isVisible)
    return parts


def test_the_first_steps_say_where_models_are_and_let_programs_in(
    qtbot: QtBot, fresh: Parts, service: FakeService
) -> None:
    welcome = fresh.panel.overview.welcome
    assert not fresh.panel.overview.metrics.isVisible()
    assert "/models" in welcome.place.accessibleName()
    welcome.tcp.switch.click()
    qtbot.waitUntil(lambda: bool(service.seen("PUT", "/settings/tcp")))
    service.emit("tcp", TcpStatus(True, True, 12434))
    qtbot.waitUntil(welcome.tcp.switch.isChecked)


def test_the_demo_model_gives_a_first_answer_without_a_terminal(qtbot: QtBot, fresh: Parts) -> None:
    welcome = fresh.panel.overview.welcome
    fresh.commands.panel_wanted.connect(fresh.panel.open_page)
    welcome.demo_button.click()
    qtbot.waitUntil(fresh.panel.chat.isVisible)
    assert fresh.panel.chat.models.currentText() == "dmr.local/demo"
    assert fresh.preferences.welcomed


def test_a_first_model_is_pulled_with_one_click(qtbot: QtBot, fresh: Parts, service: FakeService) -> None:
    welcome = fresh.panel.overview.welcome
    fresh.commands.panel_wanted.connect(fresh.panel.open_page)
    welcome.pull_buttons[0].click()
    qtbot.waitUntil(lambda: len(service.pulls) == 1)
    assert service.seen("POST", "/models/create")[0].body == {"from": "ai/smollm2"}
    assert fresh.panel.models.isVisible()


def test_skipped_steps_do_not_come_back(qtbot: QtBot, fresh: Parts, service: FakeService) -> None:
    overview = fresh.panel.overview
    overview.welcome.skip_button.click()
    assert overview.metrics.isVisible()
    assert not overview.welcome.isVisible()
    service.emit("models", {"models": []})
    qtbot.waitUntil(lambda: fresh.link.state.models == ())
    assert not overview.welcome.isVisible()


def test_who_has_models_needs_no_first_steps(qtbot: QtBot, fresh: Parts, service: FakeService) -> None:
    service.emit("models", {"models": [DEMO, OTHER]})
    qtbot.waitUntil(fresh.panel.overview.metrics.isVisible)
    assert not fresh.panel.overview.welcome.isVisible()


def machine(memory: int, *cards: int) -> DesktopState:
    gpus = tuple(GpuSample("card", None, 0, size) for size in cards)
    return DesktopState(telemetry=(TelemetrySample(1.0, 0, 0, memory, 0, 0, 0, gpus),))


def test_only_models_that_fit_are_suggested() -> None:
    assert [starter.reference for starter in starters_for(DesktopState())] == ["ai/smollm2"]
    assert len(starters_for(machine(GIB // 2))) == 1
    assert len(starters_for(machine(4 * GIB))) == 3
    assert starters_for(machine(4 * GIB, 24 * GIB)) == STARTERS


def test_the_demo_model_by_any_of_its_names() -> None:
    demo = ModelEntry("sha256:1", "demo", ("dmr.local/demo:latest",), 1)
    assert is_only_demo(DesktopState(models=(demo,)))
    assert is_only_demo(DesktopState())
    assert not is_only_demo(DesktopState(models=(demo, ModelEntry("sha256:2", "x", ("docker.io/ai/x:latest",), 1))))
    assert not is_only_demo(DesktopState(models=(ModelEntry("sha256:2", "x", (), 1),)))
