"""What every verb gets: the terminal, the settings and a client that is made when first asked for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.settings import Settings

if TYPE_CHECKING:
    from dmr_desktop.client.client import Client
    from dmr_desktop.client.endpoint import Endpoint


@dataclass(slots=True)
class Session:
    terminal: Terminal
    settings: Settings
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

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
