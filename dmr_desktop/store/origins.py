"""Origins: where credentials and trust belong. Pure; opens nothing."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import refusal_of_host

WRONG_HINT = "the registry, or something between you and it, is broken or hostile"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port together."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL without user info. Raises :class:`RegistryError`."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise bad_address() from None
    if scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise bad_address()
    if "@" in parts.netloc or "\\" in url or refusal_of_host(host) or host.endswith("."):
        raise bad_address()
    return Origin(scheme, host, port or {"http": 80, "https": 443}[scheme])


def bad_address() -> RegistryError:
    return RegistryError("the registry sends us to an address that cannot be used", hint=WRONG_HINT)
