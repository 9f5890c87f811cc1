"""The service that this desktop started last. It is a process of its own and outlives the desktop.

Two starters at once do no harm: the service's own lock lets one win and the other's exits; both
starters then find the winner's socket.
"""

from dmr_desktop.client.detached import Detached, start_detached
from dmr_desktop.settings import Settings, self_command


class LaunchError(Exception):
    """The process could not even be started; the text says why."""


class ServiceProcess:
    """Starts services, and knows whether they still run and what the last one printed."""

    def __init__(self, settings: Settings) -> None:
        self._log = settings.log_dir / "service.out"
        self._processes: list[Detached] = []

    def start(self) -> None:
        """Raises :class:`LaunchError`."""
        # One that is still on its way out is kept, so that its end is noticed and no zombie stays.
        self._processes = [process for process in self._processes if not process.has_ended]
        try:
            self._processes.append(start_detached(self_command("serve"), self._log))
        except OSError as error:
            raise LaunchError(f"The service cannot be started: {error}") from error

    def is_alive(self) -> bool:
        """Whether any service that was started here still runs."""
        return any(not process.has_ended for process in self._processes)

    def gave_way(self) -> bool:
        """Whether the last one ended because another service holds the lock, perhaps one that is stopping."""
        return bool(self._processes) and self._processes[-1].process.poll() == 0

    def was_killed(self) -> bool:
        """Whether a signal ended the last one: it did not end by itself, so another may fare better."""
        code = self._processes[-1].process.poll() if self._processes else None
        return code is not None and code < 0

    def last_words(self) -> str:
        """The end of what it printed, "" if nothing."""
        return self._processes[-1].last_output() if self._processes else ""
