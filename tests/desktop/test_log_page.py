"""The Logs page against the fake service, and its pure parts."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QFileInfo
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.bug_report import without_secrets
from dmr_desktop.desktop.icons import panel_icon
from dmr_desktop.desktop.log_lines import Level, for_reading, matches, parts_of
from dmr_desktop.desktop.panel.logs import SHOWN_LINES
from dmr_desktop.desktop.panel.save_dialog import SaveDialog
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

STAMP = "[2026-07-22T10:11:12.345678Z]"
LOG = f"""{STAMP} dmr-desktop 0.1.0 serves
{STAMP} WARNING: slow
{STAMP} [ai/alpha] llama_model_loader: fine
{STAMP} ERROR: bad
Traceback (most recent call last):
"""


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (f"{STAMP} hello", Level.INFO),
        (f"{STAMP} WARNING: x", Level.WARNING),
        (f"{STAMP} ERROR: x", Level.ERROR),
        (f"{STAMP} CRITICAL: x", Level.ERROR),
        (f"{STAMP} [ai/alpha] text", Level.ENGINE),
        ("  File x", Level.ERROR),
    ],
)
def test_levels(line: str, level: Level) -> None:
    assert parts_of(line).level is level
    assert line[: parts_of(line).stamp_end] in ("", STAMP)


def test_a_line_is_read_with_the_clock_on_the_wall() -> None:
    at = datetime.fromisoformat("2026-07-22T10:11:12.345678+00:00").astimezone()
    line = f"{STAMP} ERROR: bad"
    assert for_reading(line, at.date()) == f"[{at:%H:%M:%S}.345] ERROR: bad"
    other_day = for_reading(line, at.date() + timedelta(days=1))
    assert other_day == f"[{at:%Y-%m-%d %H:%M:%S}.345] ERROR: bad"
    for shown in (for_reading(line, at.date()), other_day):
        assert parts_of(shown).level is Level.ERROR
        assert shown[: parts_of(shown).stamp_end].endswith(".345]")
    assert for_reading("  File x") == "  File x"
    assert for_reading("[2026-99-99T99:99:99.1Z] x") == "[2026-99-99T99:99:99.1Z] x"
    assert for_reading("[2026-07-22T10:11:12.345678901Z] x", at.date()).endswith(".345] x")


def test_filter() -> None:
    at = datetime.fromisoformat("2026-07-22T10:11:12.345678+00:00").astimezone()
    assert matches(f"{STAMP} Loading", f"{at:%H:%M:%S}.345]", Level.ENGINE)
    assert matches(f"{STAMP} Loading", "load", Level.ENGINE)
    assert not matches(f"{STAMP} Loading", "", Level.WARNING)


@pytest.fixture
def page(qtbot: QtBot, parts: Parts, service: FakeService) -> Parts:
    service.answer("GET", "/logs?follow=true", 200, LOG)
    parts.panel.open_page("logs")
    qtbot.waitUntil(lambda: "Traceback" in parts.panel.logs.text.toPlainText())
    return parts


def test_the_log_is_shown_and_filtered(page: Parts) -> None:
    logs = page.panel.logs
    lines = [for_reading(line) for line in LOG.splitlines()]
    assert logs.text.toPlainText().splitlines() == lines
    logs.level.setCurrentIndex(logs.level.findData(Level.WARNING))
    assert logs.text.toPlainText().splitlines() == [lines[i] for i in (1, 3, 4)]
    logs.filter.setText("BAD")
    assert logs.text.toPlainText() == lines[3]
    assert logs.count.text() == "1 of 5 lines"


def test_the_lines_shown_can_be_saved(page: Parts, tmp_path: Path) -> None:
    page.panel.logs.save(str(tmp_path / "x.log"))
    assert (tmp_path / "x.log").read_text() == LOG
    page.panel.logs.save(str(tmp_path / "none" / "x.log"))
    assert page.problems


def test_the_dialog_begins_in_the_users_folder_with_the_panels_icons(
    page: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sub").mkdir()
    page.panel.logs.save_button.click()
    (dialog,) = page.panel.findChildren(SaveDialog)
    assert dialog.directory().absolutePath() == str(tmp_path)
    assert [url.toLocalFile() for url in dialog.sidebarUrls()] == [str(tmp_path)]
    back = dialog.findChild(QToolButton, "backButton")
    assert isinstance(back, QToolButton)
    assert back.icon().cacheKey() == panel_icon("arrow-left", page.theme.tokens.text).cacheKey()
    folder, file = (dialog.iconProvider().icon(QFileInfo(str(path))) for path in (tmp_path, tmp_path / "x"))
    assert folder.cacheKey() != file.cacheKey()
    dialog.fileSelected.emit(str(tmp_path / "saved.log"))
    assert (tmp_path / "saved.log").read_text() == LOG
    dialog.reject()


def test_leaving_the_page_ends_the_connection(qtbot: QtBot, page: Parts) -> None:
    page.panel.open_page("overview")
    qtbot.waitUntil(lambda: not page.sources.log.is_open)


def test_a_flood_keeps_the_last_lines_and_the_window_alive(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    flood = "".join(f"{STAMP} line {number}\n" for number in range(30_000))
    service.answer("GET", "/logs?follow=true", 200, flood)
    parts.panel.open_page("logs")
    qtbot.waitUntil(lambda: "line 29999" in parts.panel.logs.text.toPlainText(), timeout=15_000)
    assert parts.panel.logs.text.blockCount() <= 5000


def test_what_is_copied_is_more_than_what_is_drawn(qtbot: QtBot, page: Parts) -> None:
    logs = page.panel.logs
    logs._take([f"{STAMP} line {number}" for number in range(4 * SHOWN_LINES)])
    assert logs.text.blockCount() == SHOWN_LINES
    logs.filter.setText("line 1")
    logs.copy_button.click()
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0].endswith("line 1")
    assert copied[-1].endswith("line 1999")


SECRETS = """[s] Authorization: Bearer abcdef123456.xyz
HF_TOKEN=hf_abcdefghijkl and api_key: sk-proj-1234567890
{"password": "hunter22", "model": "ai/x"} https://me:secret@registry.example.com/v2/
pulled /home/me/models/blobs/sha256/0123456789abcdef
"""


def test_a_bug_report_has_no_secrets(page: Parts, tmp_path: Path) -> None:
    text = without_secrets(SECRETS, Path("/home/me"))
    for secret in ("abcdef123456", "hf_abc", "sk-proj", "hunter22", "me:secret", "/home/me"):
        assert secret not in text
    for kept in ("Authorization", "registry.example.com", '"model": "ai/x"', "~/models/blobs/sha256/0123456789abcdef"):
        assert kept in text
    logs = page.panel.logs
    logs._take([f"{STAMP} token=abcdefgh"])
    logs.filter.setText("nothing has this")
    logs.save_report(str(tmp_path / "report.txt"))
    report = (tmp_path / "report.txt").read_text()
    assert report.startswith("DMR Desktop ")
    assert "Python 3." in report
    assert "llama_model_loader: fine" in report, "all lines, whatever the filter"
    assert "abcdefgh" not in report
