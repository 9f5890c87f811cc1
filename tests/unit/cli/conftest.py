"""A session whose terminal is two strings and whose service is a function."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dmr_desktop.cli.session import Session
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.client.client import Client
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.settings import Settings
from tests.fakes.played_http import Handler, PlayedHTTP


@dataclass
class Screen:
    session: Session

    @property
    def out(self) -> str:
        stream = self.session.terminal.out
        assert isinstance(stream, io.StringIO)
        return stream.getvalue()

    @property
    def err(self) -> str:
        stream = self.session.terminal.err
        assert isinstance(stream, io.StringIO)
        return stream.getvalue()


@pytest.fixture
def screen_for(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """``screen_for(handler, live=False, interactive=False)``; without a handler nobody answers."""
    made: list[Session] = []

    def make(handler: Handler | None = None, *, live: bool = False, interactive: bool = False) -> Screen:
        settings = Settings(
            models_path=tmp_path / "models",
            socket_path=tmp_path / "dmr.sock",
            state_dir=tmp_path / "state",
            config_dir=tmp_path / "config",
        )
        terminal = Terminal(io.StringIO(), io.StringIO(), color=False, live=live, interactive=interactive)
        session = Session(terminal, settings, environ={})
        if handler is not None:
            transport = PlayedHTTP(handler, "http://localhost")
            session._client = Client(UnixEndpoint(settings.socket_path), transport=transport)
        made.append(session)
        return Screen(session)

    yield make
    for session in made:
        session.close()
