"""What the app does, as commands: each is one that ``dmr`` understands."""

import shlex
from dataclasses import replace

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.cli.parser import parse
from dmr_desktop.desktop import terminal
from dmr_desktop.desktop.load_options import LoadOptions
from dmr_desktop.desktop.state import ModelEntry
from dmr_desktop.protocol.notices import TcpStatus
from tests.desktop.test_panel import show_models
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

MODEL = ModelEntry("sha256:" + "a" * 64, "ai/qwen3:8B-Q4_K_M", ("docker.io/ai/qwen3:8B-Q4_K_M",), 1)
TCP = TcpStatus(False, False, 12444)


def test_names_and_options() -> None:
    assert terminal.load_command(MODEL) == "dmr run --detach ai/qwen3:8B-Q4_K_M"
    assert terminal.unload_command(replace(MODEL, tags=())) == f"dmr unload {MODEL.id}"
    assert terminal.configure_command(MODEL, LoadOptions(keep_alive="-1", flags=" --threads 4 ")) == (
        "dmr configure --keep-alive=-1 ai/qwen3:8B-Q4_K_M -- --threads 4"
    )
    assert terminal.pull_command("a b; rm -rf /") == "dmr pull 'a b; rm -rf /'"


@pytest.mark.parametrize(
    "command",
    [
        terminal.load_command(MODEL),
        terminal.chat_command(MODEL),
        terminal.unload_command(MODEL),
        terminal.delete_command(MODEL),
        terminal.pull_command("hf.co/org/repo:Q4_K_M"),
        terminal.configure_command(MODEL, LoadOptions()),
        terminal.configure_command(MODEL, LoadOptions(8192, "30m")),
        terminal.configure_command(MODEL, LoadOptions(8192, "-1", "--threads 4 --flash-attn on")),
        terminal.tcp_command(TCP, True),
        terminal.tcp_command(TCP, False),
    ],
)
def test_the_command_line_understands_each(command: str) -> None:
    program, *words = shlex.split(command)
    assert program == "dmr"
    assert parse(words).verb == words[0]


def test_a_model_has_its_commands_in_its_menu(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    show_models(qtbot, parts, service)
    page = parts.panel.models
    model = page.selected
    assert model is not None
    menu = page.menu_for(model)
    entries = {action.text(): action for action in menu.actions() if action.text()}
    assert entries["Load"].isEnabled()
    assert not entries["Unload"].isEnabled()
    menu.as_command.actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == terminal.load_command(model)
    menu.chat.trigger()
    assert parts.panel.chat.isVisible()
    assert parts.panel.chat.models.currentText() == model.name
