"""The addresses that other programs are given. Pure."""

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
