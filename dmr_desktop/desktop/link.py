"""Keeps the desktop joined to the service: starts it when absent, rejoins it when lost.

Owns the one :class:`DesktopState`. Retries at most every 3 s; starts at most 3 services a minute; never
starts one that said it would stop.
"""

import logging
from typing import Protocol

from PySide6.QtCore import QDeadlineTimer, QElapsedTimer, QObject, QTimer, Signal

from dmr_desktop.desktop.event_stream import Closed, EventStream
from dmr_desktop.desktop.service_process import LaunchError
from dmr_desktop.desktop.state import DesktopState, Link, apply, with_link
from dmr_desktop.protocol.wire import WireError

RETRY_DELAYS_MS = (100, 200, 400, 800, 1500, 3000)
LAUNCHING_DELAY_MS = 300
START_TIMEOUT_MS = 15_000
GRACE_AFTER_EXIT_MS = 1500
"""A service that exited at once may have lost the race to another starter, whose socket comes soon."""
MAX_STARTS = 3
STARTS_WINDOW_MS = 60_000
CHANGES_DELAY_MS = 40
"""Events that come in a burst are shown together."""

log = logging.getLogger(__name__)


class Launcher(Protocol):
    """``ServiceProcess``, or a test's stand-in."""

    def start(self) -> None: ...
    def is_alive(self) -> bool: ...
    def gave_way(self) -> bool: ...
    def was_killed(self) -> bool: ...
    def last_words(self) -> str: ...


class ServiceLink(QObject):
    """Signals: ``changed(DesktopState)`` after the state changed, bursts merged."""

    changed = Signal(object)

    def __init__(self, stream: EventStream, launcher: Launcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stream = stream
        self._launcher = launcher
        self._state = DesktopState()
        self._stop_expected = False
        self._start_deadline: QDeadlineTimer | None = None
        self._exit_grace: QDeadlineTimer | None = None
        self._clock = QElapsedTimer()
        self._clock.start()
        self._starts: list[int] = []
        self._failures = 0
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.timeout.connect(stream.open)
        self._announce = QTimer(self)
        self._announce.setSingleShot(True)
        self._announce.setInterval(CHANGES_DELAY_MS)
        self._announce.timeout.connect(lambda: self.changed.emit(self._state))
        stream.received.connect(self._on_event)
        stream.closed.connect(self._on_closed)

    @property
    def state(self) -> DesktopState:
        return self._state

    def join(self) -> None:
        """Connects to the service and starts it if there is none."""
        self._stream.open()

    def start_service(self) -> None:
        """The user's wish after a stop or a failure: tries again with a fresh count."""
        self._stop_expected = False
        self._start_deadline = self._exit_grace = None
        self._starts.clear()
        self._failures = 0
        self._set(with_link(self._state, Link.CONNECTING))
        self._retry.stop()
        self._stream.open()

    def watch_telemetry(self, wanted: bool) -> None:
        """Whether what is measured each second is part of the state."""
        self._stream.want_telemetry(wanted)

    def check(self) -> None:
        """Asks the service anew, e.g. after a sleep; one that does not answer within ten seconds is lost."""
        if self._state.is_connected:
            self._stream.close()
            self._stream.open()

    def close(self) -> None:
        """Leaves the service alone and stops watching it."""
        self._retry.stop()
        self._announce.stop()
        self._stream.close()

    def _on_event(self, name: str, data: object) -> None:
        if name == "stopping":
            self._stop_expected = True
            return
        try:
            state = apply(self._state, name, data)  # type: ignore[arg-type]  # json.loads gives JSON
        except WireError as error:
            log.warning("event %s: %s", name, error)
            self._stream.close()
            self._fail(self.tr("The running service is of another version. Stop it, then start it again."))
            return
        if name == "snapshot":
            self._start_deadline = self._exit_grace = None
            self._stop_expected = False
            self._failures = 0
        self._set(state)

    def _on_closed(self, reason: Closed) -> None:
        self._failures += 1
        if reason is Closed.FOREIGN:
            self._fail(
                self.tr("Another program answers on the service's socket. Set MODEL_RUNNER_SOCK to another path.")
            )
        elif reason is Closed.SILENT:
            self._set(with_link(self._state, Link.LOST, self.tr("The service does not answer.")))
            self._retry_later()
        elif self._stop_expected:
            self._set(with_link(self._state, Link.STOPPED))
            self._retry_later()
        elif self._state.link in (Link.FAILED, Link.STOPPED):
            self._retry_later()
        elif self._start_deadline is None:
            if self._state.link is Link.CONNECTED:
                self._set(with_link(self._state, Link.LOST, self.tr("The service went away and is being restarted.")))
            self._launch()
        else:
            self._watch_start(self._start_deadline)

    def _launch(self) -> None:
        now = self._clock.elapsed()
        self._starts = [at for at in self._starts if now - at < STARTS_WINDOW_MS]
        if len(self._starts) >= MAX_STARTS:
            self._fail_start(self.tr("The service was started three times within a minute and went away each time."))
            return
        self._starts.append(now)
        self._start_deadline = QDeadlineTimer(START_TIMEOUT_MS)
        if self._state.link is not Link.LOST:
            self._set(with_link(self._state, Link.STARTING))
        self._start_process()

    def _start_process(self) -> None:
        self._exit_grace = None
        try:
            self._launcher.start()
        except LaunchError as error:
            self._fail(str(error))
            return
        self._retry.start(LAUNCHING_DELAY_MS)

    def _watch_start(self, deadline: QDeadlineTimer) -> None:
        if deadline.hasExpired():
            self._fail_start(self.tr("The service was started and does not answer."))
        elif self._launcher.is_alive():
            self._retry.start(LAUNCHING_DELAY_MS)
        elif self._launcher.was_killed():
            self._launch()
        elif self._exit_grace is None:
            self._exit_grace = QDeadlineTimer(GRACE_AFTER_EXIT_MS)
            self._retry.start(LAUNCHING_DELAY_MS)
        elif not self._exit_grace.hasExpired():
            self._retry.start(LAUNCHING_DELAY_MS)
        elif self._launcher.gave_way():
            self._start_process()
        else:
            self._fail_start(self.tr("The service ended right after its start."))

    def _fail_start(self, sentence: str) -> None:
        words = self._launcher.last_words()
        self._fail(f"{sentence}\n{words}" if words else sentence)

    def _fail(self, fault: str) -> None:
        self._start_deadline = self._exit_grace = None
        self._set(with_link(self._state, Link.FAILED, fault))
        self._retry_later()

    def _retry_later(self) -> None:
        """Goes on looking: whoever starts a service, the desktop joins it."""
        self._retry.start(RETRY_DELAYS_MS[min(self._failures, len(RETRY_DELAYS_MS) - 1)])

    def _set(self, state: DesktopState) -> None:
        if state != self._state:
            self._state = state
            if not self._announce.isActive():
                self._announce.start()
