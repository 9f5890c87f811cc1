"""Which proxy leads where."""

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.proxies import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_any() -> None:
    assert proxy_for("https", "r.example", 443) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_by_scheme(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, PROXY)
    assert proxy_for("https", "r.example", 443) == PROXY
    assert proxy_for("http", "r.example", 80) == (None if "s_" in name.lower() else PROXY)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_never_to_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for("https", host, 443) is None
    assert proxy_for("http", host, 5000) is None


@pytest.mark.parametrize(
    ("no_proxy", "is_exempt"),
    [
        ("r.example", True),
        (".example", True),
        ("example", True),
        ("r.example:5000", True),
        ("other.example, r.example", True),
        ("*", True),
        ("r.example:5001", False),
        ("xr.example", False),
        ("", False),
        ("10.0.0.0/8", False),
    ],
)
def test_exempt_names(monkeypatch: pytest.MonkeyPatch, no_proxy: str, is_exempt: bool) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_for("https", "r.example", 5000) is None) is is_exempt


def test_exempt_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "192.168.0.0/16,10.1.2.3,fd00::/8,nonsense/99")
    assert proxy_for("https", "192.168.7.7", 443) is None
    assert proxy_for("https", "10.1.2.3", 443) is None
    assert proxy_for("https", "fd00::7", 443) is None
    assert proxy_for("https", "10.1.2.4", 443) == PROXY


def test_a_bare_host_and_what_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy_for("https", "r.example", 443) == PROXY
    for useless in ("socks5://proxy.example:1080", "http://", "http://proxy.example:x", "ftp://proxy.example"):
        monkeypatch.setenv("HTTPS_PROXY", useless)
        with pytest.raises(RegistryError, match="proxy"):
            proxy_for("https", "r.example", 443)
