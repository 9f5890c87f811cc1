"""Where requests may go, judged before anything is connected to."""

import socket
from typing import Any

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import Rank
from dmr_desktop.store.origins import Origin, origin_of
from dmr_desktop.store.transport import Transport, Unreachable


@pytest.mark.parametrize(
    ("url", "origin", "netloc"),
    [
        ("https://r.example/v2/", Origin("https", "r.example", 443), "r.example"),
        ("https://r.example:443/", Origin("https", "r.example", 443), "r.example"),
        ("http://127.0.0.1:5000/x?y=1", Origin("http", "127.0.0.1", 5000), "127.0.0.1:5000"),
        ("http://[::1]:5000/", Origin("http", "::1", 5000), "[::1]:5000"),
        ("https://R.Example/", Origin("https", "r.example", 443), "r.example"),
    ],
)
def test_origins(url: str, origin: Origin, netloc: str) -> None:
    assert origin_of(url) == origin
    assert origin.netloc == netloc


@pytest.mark.parametrize(
    "url",
    [
        "", "/relative", "file:///etc/passwd", "ftp://r.example/", "gopher://r.example/", "https://", "https:///x",
        "https://user:pw@r.example/", "https://r.example@evil.example/", "https://r.example:99999/", "https://r.example:x/",
        "https://r.example\\@evil.example/", "https://r.example/a b", "https://r.example/\r\nX: y", "https://é.example/",
        "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://169.254.169.254/", "https://[fe80::1]/",
        "https://localhost./", "https://[::1", "http://[::ffff:127.0.0.1]/",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(RegistryError):
        origin_of(url)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The whole of DNS; a connection to what it gives fails the test."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def visit(transport: Transport, url: str, inside: Rank | None = None) -> None:
    with transport.open(url, headers={}, inside=inside):
        pytest.fail("connected")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "0.0.0.0", "127.0.0.1", "::1", "fd00:ec2::254", "::ffff:127.0.0.1"]
)
def test_names_that_lead_where_no_registry_is(names: dict[str, list[str]], address: str) -> None:
    names["r.example"] = [address]
    with pytest.raises(RegistryError, match="no registry can be"):
        visit(Transport(), "https://r.example/v2/")


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.0.1", "127.0.0.1", "fd12::1"])
def test_a_public_registry_cannot_send_us_inside(names: dict[str, list[str]], address: str) -> None:
    names["r.example"] = [address]
    with pytest.raises(RegistryError, match="no registry can be"):
        visit(Transport(), "https://r.example/v2/", inside=Rank.PUBLIC)


def test_how_far_inside_a_host_is(names: dict[str, list[str]]) -> None:
    names |= {
        "r.example": ["8.8.8.8"],
        "lan.example": ["10.0.0.1"],
        "localhost": ["127.0.0.1"],
        "dev.example": ["127.0.0.1"],
    }
    assert Transport().rank_at("https://r.example/") is Rank.PUBLIC
    assert Transport().rank_at("https://lan.example/") is Rank.PRIVATE
    assert Transport().rank_at("http://localhost:5000/") is Rank.LOOPBACK
    assert Transport(insecure=["dev.example"]).rank_at("http://dev.example/") is Rank.LOOPBACK


def test_plain_http_is_for_loopback_and_listed_registries(names: dict[str, list[str]]) -> None:
    transport = Transport(insecure=["lan.example:5000"])
    assert transport.scheme_for("r.example", "r.example") == "https"
    assert transport.scheme_for("localhost:5000", "localhost") == "http"
    assert transport.scheme_for("lan.example:5000", "lan.example") == "http"
    assert transport.scheme_for("lan.example:5001", "lan.example") == "https"
    for url in ("http://r.example/", "http://lan.example:5001/"):
        with pytest.raises(RegistryError, match="plain HTTP"):
            visit(transport, url)


def test_an_unknown_name(names: dict[str, list[str]]) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        visit(Transport(), "https://nowhere.example/")
