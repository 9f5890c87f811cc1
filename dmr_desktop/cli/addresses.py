"""The addresses that other programs are given. Pure."""

import ipaddress
import sys

from dmr_desktop.client.endpoint import Endpoint, TcpEndpoint
from dmr_desktop.protocol.notices import TcpStatus


def root_url(tcp: TcpStatus) -> str:
    """Where programs on this machine reach the service."""
    return f"http://localhost:{tcp.port}"


def openai_url(tcp: TcpStatus) -> str:
    """The OpenAI base URL in the form that n8n and LangChain are documented with."""
    return f"{root_url(tcp)}/engines/llama.cpp/v1"


def connection_lines(tcp: TcpStatus) -> list[str]:
    """What to type into other programs; ``tcp`` is a door that is open."""
    return [
        f"Base URL  {openai_url(tcp)}",
        "API key   any text, e.g. dmr",
    ]


def host_root(endpoint: Endpoint, tcp: TcpStatus) -> str:
    """The root URL for programs on this machine, without a final slash."""
    return endpoint.url if isinstance(endpoint, TcpEndpoint) else root_url(tcp)


def container_root(endpoint: Endpoint, tcp: TcpStatus, platform: str = sys.platform) -> str:
    """The root URL for programs in containers, without a final slash.

    An address beyond loopback if the service listens on one. Else, on Linux, that of this machine, which only
    containers with the host's network reach; elsewhere Docker Desktop's name for the host, which all reach.
    """
    if isinstance(endpoint, TcpEndpoint):
        return endpoint.url
    for address in tcp.addresses:
        if _is_reachable_from_outside(address):
            host = f"[{address}]" if ":" in address else address
            return f"http://{host}:{tcp.port}"
    return root_url(tcp) if platform == "linux" else f"http://host.docker.internal:{tcp.port}"


def is_reachable_from_containers(tcp: TcpStatus, platform: str = sys.platform) -> bool:
    """Whether containers with a network of their own get through."""
    return tcp.listening and (platform != "linux" or any(map(_is_reachable_from_outside, tcp.addresses)))


def _is_reachable_from_outside(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified)
