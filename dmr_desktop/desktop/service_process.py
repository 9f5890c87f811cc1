"""The service that this desktop started last. It is a process of its own and outlives the desktop.

Two starters at once do no harm: the service's own lock lets one win and the other's exits; both
starters then find the winner's socket.
"""

from dmr_desktop.client.detached import Detached, start_detached
from dmr_desktop.settings import Settings, self_command


class LaunchError(Exception):
    """The process could not even be started; the text says why."""


class ServiceProcess:
    """Starts a service, and knows whether it still runs and what it printed."""

    def __init__(self, settings: Settings) -> None:
        self._log = settings.log_dir / "service.out"
        self._process: Detached | None = None

    def start(self) -> None:
        """Raises :class:`LaunchError`."""
        try:
            self._process = start_detached(self_command("serve"), self._log)
        except OSError as error:
            raise LaunchError(f"The service cannot be started: {error}") from error

    def is_alive(self) -> bool:
        return self._process is not None and not self._process.has_ended

    def last_words(self) -> str:
        """The end of what it printed, "" if nothing."""
        return self._process.last_output() if self._process else ""
