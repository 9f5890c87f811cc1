import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.cli import desktop_verb
from dmr_desktop.cli.desktop_verb import StartedDesktop, desktop, outcome, why_headless
from dmr_desktop.cli.parser import parse
from dmr_desktop.client.detached import start_detached
from dmr_desktop.protocol.errors import DMRError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="displays are found otherwise elsewhere")


def started(code: str, folder: Path) -> StartedDesktop:
    return StartedDesktop(start_detached([sys.executable, "-c", code], folder / "desktop.out"), 0.0)


@pytest.fixture(autouse=True)
def instance_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(desktop_verb, "default_socket_path", lambda: tmp_path / "dmr.sock")
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "reason"),
    [({}, "no display"), ({"DISPLAY": ""}, "no display"), ({"DISPLAY": ":0"}, ""), ({"WAYLAND_DISPLAY": "w"}, "")],
)
def test_where_windows_can_be_shown(environ: dict[str, str], reason: str) -> None:
    pytest.importorskip("PySide6")
    assert (reason in why_headless(environ)) if reason else why_headless(environ) == ""


def test_without_a_display_it_says_so(screen_for: Callable[..., Any]) -> None:
    screen = screen_for()
    assert desktop(screen.session, parse(["desktop", "--detach"])) == 1
    assert "there is no display" in screen.err


def test_one_that_ends_well_speaks_for_itself(tmp_path: Path) -> None:
    assert outcome(started("print('it runs already\\x1b')", tmp_path)) == "it runs already\\x1b"


def test_one_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(DMRError) as caught:
        outcome(started("import sys; sys.exit('no Qt here')", tmp_path))
    assert caught.value.evidence == "no Qt here"


def test_one_that_made_its_socket_runs(tmp_path: Path) -> None:
    (tmp_path / "desktop-1.sock").touch()
    app = started("import sys, time; time.sleep(60)", tmp_path)
    try:
        assert outcome(app).startswith("The tray app is running")
        assert not StartedDesktop(app.process, at=9e12).is_up
    finally:
        app.process.process.kill()
        app.process.process.wait()
