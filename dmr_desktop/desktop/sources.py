"""What the panel's pages read besides the state: a conversation, the log, bodies of requests, trial calls, estimates.

Each has connections of its own: a stream holds one for as long as it lasts.
"""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from dmr_desktop.desktop.chat import Chat
from dmr_desktop.desktop.fit import Fit
from dmr_desktop.desktop.load_options import Configured
from dmr_desktop.desktop.log_tail import LogTail
from dmr_desktop.desktop.network_addresses import NetworkAddresses
from dmr_desktop.desktop.remote import Remote
from dmr_desktop.desktop.request_bodies import RequestBodies
from dmr_desktop.desktop.transport import Transport
from dmr_desktop.desktop.trial import Trial


@dataclass(frozen=True, slots=True)
class Sources:
    chat: Chat
    log: LogTail
    bodies: RequestBodies
    trial: Trial
    fit: Fit
    remote: Remote
    configured: Configured
    network: NetworkAddresses

    @classmethod
    def of(cls, socket_path: Path, parent: QObject) -> "Sources":
        """All of one service's."""

        def transport() -> Transport:
            return Transport(socket_path, parent)

        return cls(
            Chat(transport(), parent),
            LogTail(transport(), parent),
            RequestBodies(transport(), parent),
            Trial(transport(), parent),
            Fit(transport(), parent),
            Remote(transport(), parent),
            Configured(transport(), parent),
            NetworkAddresses(transport(), parent),
        )

    def close(self) -> None:
        self.chat.stop()
        self.log.close()
        self.trial.cancel()
        self.fit.cancel()
        self.remote.cancel()
        self.configured.cancel()
        self.network.cancel()
