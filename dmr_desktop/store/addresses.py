"""Which network addresses a registry may live at. Pure; opens nothing.

Addresses fall into ranks of how far inside they are. Link-local, unspecified, multicast and cloud metadata
addresses are never talked to. An answer from a registry (redirect, token realm) may not lead further inside
than the registry itself is.
"""

import ipaddress
import re
from enum import IntEnum
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Rank(IntEnum):
    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    NEVER = 3


# Metadata services outside 169.254/16: AWS over IPv6, Alibaba, Oracle, Azure's wire server.
_METADATA = {
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)


def rank_of(address: Address) -> Rank:
    """How far inside ``address`` is; an IPv4 address wrapped in IPv6 counts as what it wraps."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return rank_of(inner)
    if address in _METADATA or address.is_link_local or address.is_unspecified or address.is_multicast:
        return Rank.NEVER
    if address.is_loopback:
        return Rank.LOOPBACK
    if isinstance(address, ipaddress.IPv4Address) and (address.is_reserved or int(address) >> 24 == 0):
        return Rank.NEVER
    return Rank.PUBLIC if address.is_global else Rank.PRIVATE


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def literal(host: str) -> Address | None:
    """The address that ``host`` spells in its one plain form, without brackets; None for names."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback_host(host: str) -> bool:
    """``localhost`` or a loopback address. A name that merely resolves to loopback does not count."""
    address = literal(host)
    return host == "localhost" if address is None else rank_of(address) is Rank.LOOPBACK


def refusal_of_host(host: str) -> str:
    """Why ``host`` (a name or an address, without port or brackets) may not be a registry; "" if it may.

    Resolvers read ``127.1``, ``0x7f000001``, ``0177.0.0.1`` and ``2130706433`` as addresses: a host whose last
    label is a number must be a plain dotted quad.
    """
    address = literal(host)
    if address is None:
        if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
            return "the address is not in its plain form"
        return ""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or _wrapped(address) is not None):
        return "the address is not in its plain form"
    if rank_of(address) is Rank.NEVER:
        return "no registry can live at this address"
    return ""
