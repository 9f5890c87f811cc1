"""Loading with options: the estimate follows the choice, and the choice reaches the service."""

import pytest
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.fit import Estimate, read_estimate
from dmr_desktop.desktop.panel.load_dialog import LoadDialog
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

GIB = 1024**3
REFERENCE = "docker.io/ai/alpha:1B"
MODELS = [{"id": "sha256:" + "b" * 64, "tags": [REFERENCE], "config": {}, "size_bytes": GIB}]
FIT = {"total_bytes": 2 * GIB, "available_bytes": 8 * GIB, "fits": True, "max_context_that_fits": 65536}


@pytest.fixture
def dialog(qtbot: QtBot, parts: Parts, service: FakeService) -> LoadDialog:
    service.answer("GET", f"/models/{REFERENCE}/fit", 200, FIT)
    service.answer(
        "GET", f"/models/{REFERENCE}/fit?context_size=131072", 200, FIT | {"total_bytes": 9 * GIB, "fits": False}
    )
    parts.panel.open_page("models")
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("models", {"models": MODELS})
    qtbot.waitUntil(parts.panel.models.options_button.isEnabled)
    parts.panel.models.options_button.click()
    (found,) = parts.panel.findChildren(LoadDialog)
    return found


def test_the_verdict_follows_the_context(qtbot: QtBot, dialog: LoadDialog) -> None:
    qtbot.waitUntil(lambda: dialog.verdict.text() == "Fits")
    assert dialog.details.text() == "Needs about 2.0 GiB; 8.0 GiB are free."
    dialog.context.setCurrentIndex(dialog.context.findData(131072))
    qtbot.waitUntil(lambda: dialog.verdict.text() == "Does not fit")
    assert "Up to 65,536 tokens" in dialog.details.text()
    dialog.show_estimate(Estimate(9, 10, True))
    assert dialog.verdict.text() == "Tight"
    dialog.show_estimate(None)
    assert dialog.verdict.text() == "Unknown"


def test_the_choice_is_configured_then_loaded(qtbot: QtBot, dialog: LoadDialog, service: FakeService) -> None:
    dialog.context.setCurrentIndex(dialog.context.findData(8192))
    dialog.keep_alive.setCurrentIndex(dialog.keep_alive.findData("-1"))
    dialog.load_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("POST", "/engines/v1/chat/completions")))
    (configured,) = service.seen("POST", "/engines/_configure")
    assert configured.body == {"model": REFERENCE, "context-size": 8192, "keep_alive": "-1"}


def test_a_refused_choice_loads_nothing(qtbot: QtBot, dialog: LoadDialog, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/engines/_configure", 409, "it is in use")
    dialog.load_button.click()
    qtbot.waitUntil(lambda: bool(parts.problems))
    assert not service.seen("POST", "/engines/v1/chat/completions")


@pytest.mark.parametrize("answer", [None, [], {}, {"total_bytes": "1", "available_bytes": 2, "fits": True}])
def test_what_is_no_estimate(answer: object) -> None:
    assert read_estimate(answer) is None
