"""Which proxy leads to a host: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``, else the system's own.

Loopback never goes through a proxy. ``NO_PROXY`` may hold names, domains, ``host:port``, ``*`` and, as with docker,
networks (``10.0.0.0/8``).
"""

import ipaddress
import urllib.request
from urllib.parse import urlsplit

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import is_loopback_host, literal


def proxy_for(scheme: str, host: str, port: int) -> str | None:
    """The URL of the proxy for ``scheme://host:port``; None: go there directly. Raises :class:`RegistryError`."""
    if is_loopback_host(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or _is_exempt(host, port, proxies.get("no", "")):
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise RegistryError(
            "the proxy that the environment names cannot be used",
            hint="set HTTPS_PROXY to http://host:port, or NO_PROXY for this registry",
        )
    return url


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    if urllib.request.proxy_bypass(host) or urllib.request.proxy_bypass(f"{host}:{port}"):
        return True
    address = literal(host)
    return address is not None and any(_holds(item.strip(), address) for item in no_proxy.split(","))


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
