"""Loading with options: the estimate follows the choice, and the choice reaches the service."""

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.fit import Estimate, read_estimate
from dmr_desktop.desktop.load_options import LoadOptions, read_options
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


def test_what_was_set_before_is_where_it_begins(qtbot: QtBot, dialog: LoadDialog) -> None:
    config = {
        "context-size": 12288,
        "keep_alive": "45m0s",
        "runtime-flags": ["--threads", "4", "--flash-attn", "on", "--n-gpu-layers", "20"],
    }
    before = read_options([{"Backend": "llama.cpp", "Config": config}])
    assert before == LoadOptions(12288, "45m", "--threads 4 --flash-attn on --n-gpu-layers 20")
    dialog.show_options(before)
    assert (dialog.context.currentText(), dialog.keep_alive.currentText()) == ("12,288 tokens", "After 45m")
    assert (dialog.threads.text(), dialog.layers.text(), dialog.flags.text()) == ("4", "20", "--flash-attn on")
    assert dialog.options == LoadOptions(12288, "45m", "--n-gpu-layers 20 --threads 4 --flash-attn on")
    dialog.show_options(LoadOptions(2048))
    assert dialog.options.context_size == 12288, "what was chosen meanwhile stays"


def test_flags_reach_the_service_as_words(qtbot: QtBot, dialog: LoadDialog, service: FakeService) -> None:
    dialog.threads.setText("4")
    dialog.flags.setText("--chat-template-kwargs '{\"a\": 1}'")
    dialog.load_button.click()
    qtbot.waitUntil(lambda: bool(service.seen("POST", "/engines/_configure")))
    (configured,) = service.seen("POST", "/engines/_configure")
    assert configured.body == {
        "model": REFERENCE,
        "runtime-flags": ["--threads", "4", "--chat-template-kwargs", '{"a": 1}'],
    }


def test_flags_with_an_open_quote_cannot_be_sent(qtbot: QtBot, dialog: LoadDialog) -> None:
    dialog.flags.setText("--jinja 'open")
    assert not dialog.load_button.isEnabled()
    dialog.flags.setText("--jinja")
    assert dialog.load_button.isEnabled()


def test_the_choice_as_a_command(qtbot: QtBot, dialog: LoadDialog) -> None:
    dialog.keep_alive.setCurrentIndex(dialog.keep_alive.findData("30m"))
    dialog.command_button.click()
    assert QGuiApplication.clipboard().text() == "dmr configure --keep-alive=30m ai/alpha:1B"


def test_an_encoder_is_configured_for_embedding() -> None:
    assert LoadOptions(512).as_body("m", is_embedding=True) == {"model": "m", "context-size": 512, "mode": "embedding"}


@pytest.mark.parametrize(
    ("text", "short"), [("1h0m0s", "1h"), ("30m0s", "30m"), ("45s", "45s"), ("1h30m0s", "1h30m"), ("-1", "-1")]
)
def test_durations_as_people_write_them(text: str, short: str) -> None:
    found = read_options([{"Config": {"keep_alive": text}}])
    assert found is not None
    assert found.keep_alive == short


@pytest.mark.parametrize("answer", [None, [], {}, [7], [{"Config": 3}]])
def test_nothing_is_configured(answer: object) -> None:
    assert read_options(answer) is None


@pytest.mark.parametrize("answer", [None, [], {}, {"total_bytes": "1", "available_bytes": 2, "fits": True}])
def test_what_is_no_estimate(answer: object) -> None:
    assert read_estimate(answer) is None
