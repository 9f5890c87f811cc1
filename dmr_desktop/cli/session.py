"""What every verb gets: the terminal, the settings and a client that is made when first asked for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmr_desktop.cli.face import DMR, Face
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.settings import Settings

if TYPE_CHECKING:
    from dmr_desktop.client.client import Client
    from dmr_desktop.client.endpoint import Endpoint


@dataclass(slots=True)
class Session:
    terminal: Terminal
    settings: Settings
    face: Face = DMR
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _client: "Client | None" = None

    @property
    def endpoint(self) -> "Endpoint":
        from dmr_desktop.client.discovery import find_endpoint

        return find_endpoint(self.settings, self.environ)

    @property
    def client(self) -> "Client":
        from dmr_desktop.client.client import Client

        if self._client is None:
            self._client = Client(self.endpoint)
        return self._client

    def start_service(self) -> None:
        """Start the service if this machine's is meant and is not there; without a word, as Compose parses output.

        Raises :class:`ServiceUnreachable` when it does not come up.
        """
        from dmr_desktop.client.discovery import start_service
        from dmr_desktop.client.endpoint import UnixEndpoint

        is_allowed = self.environ.get("MODEL_RUNNER_NO_AUTO_INSTALL", "") in ("", "0", "false")
        if is_allowed and isinstance(self.endpoint, UnixEndpoint):
            start_service(self.settings)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
