"""At which addresses of this computer the service would let the local network in."""

from collections.abc import Mapping

from PySide6.QtCore import QObject

from dmr_desktop.desktop.lookup import Lookup
from dmr_desktop.desktop.names import printable
from dmr_desktop.desktop.transport import Transport


def read_addresses(answer: object) -> tuple[str, ...] | None:
    """Of the answer of ``GET /settings``; None if it does not tell."""
    found = answer.get("network_addresses") if isinstance(answer, Mapping) else None
    return tuple(printable(str(address), 60) for address in found) if isinstance(found, list) else None


class NetworkAddresses(Lookup):
    """Answers with a tuple of addresses."""

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(transport, read_addresses, parent)

    def ask(self) -> None:
        self.get("/settings")
