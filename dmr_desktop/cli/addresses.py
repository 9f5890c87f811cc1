"""The addresses that other programs are given. Pure."""

import sys
from dataclasses import dataclass

from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint
from dmr_desktop.protocol.notices import TcpStatus


def root_url(tcp: TcpStatus) -> str:
    """Where programs on this machine reach the service."""
    return f"http://localhost:{tcp.port}"


def network_urls(tcp: TcpStatus) -> list[str]:
    """Where other machines of the local network reach the service."""
    addresses = (f"[{address}]" if ":" in address else address for address in tcp.network.addresses)
    return [f"http://{address}:{tcp.port}" for address in addresses]


def openai_url(tcp: TcpStatus) -> str:
    """The OpenAI base URL in the form that n8n and LangChain are documented with."""
    return f"{root_url(tcp)}/engines/llama.cpp/v1"


def connection_lines(tcp: TcpStatus) -> list[str]:
    """What to type into other programs; ``tcp`` is a door that is open."""
    return [
        f"Base URL  {openai_url(tcp)}",
        "API key   any text, e.g. dmr",
    ]


@dataclass(frozen=True, slots=True)
class Doors:
    """How the service can be reached. ``are_known`` is False when it did not tell, and they are guessed."""

    endpoint: Endpoint
    tcp: TcpStatus
    containers: TcpStatus
    are_known: bool = True

    @property
    def host_root(self) -> str:
        """The root URL for programs on this machine, without a final slash."""
        return self.endpoint.url if isinstance(self.endpoint, TcpEndpoint) else root_url(self.tcp)

    def container_root(self, platform: str = sys.platform) -> str:
        """The root URL for programs in containers, without a final slash.

        The container door's if it is open. Else, on Linux, this machine's own, which only containers with the host's
        network reach; elsewhere Docker Desktop's name for the host, which all reach.
        """
        if isinstance(self.endpoint, TcpEndpoint):
            return self.endpoint.url
        if self.containers.listening and self.containers.addresses:
            address = self.containers.addresses[0]
            return f"http://{f'[{address}]' if ':' in address else address}:{self.containers.port}"
        return root_url(self.tcp) if platform == "linux" else f"http://host.docker.internal:{self.tcp.port}"

    @property
    def is_open(self) -> bool:
        """Whether any other program gets in."""
        return isinstance(self.endpoint, TcpEndpoint) or self.tcp.listening or self.containers.listening

    def is_open_to_containers(self, platform: str = sys.platform) -> bool:
        """Whether containers with a network of their own get in."""
        if isinstance(self.endpoint, TcpEndpoint) or self.containers.listening:
            return True
        return self.tcp.listening and platform != "linux"
