"""At which addresses this computer is in a local network. Reads the system's interfaces, keeps nothing."""

import ipaddress
from collections.abc import Iterable, Mapping

from dmr_desktop.service.machine import psutil

_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_OTHER_NETWORKS = ("docker", "br-", "veth", "virbr", "vnet", "lxc", "cni", "podman", "vmnet", "vboxnet", "vethernet",
                   "tun", "tap", "utun", "wg", "ppp", "zt", "tailscale")  # fmt: skip
"""How interfaces of containers, virtual machines and tunnels are called: another network lies behind them."""


def local_addresses() -> tuple[str, ...]:
    """The private addresses of this computer's own interfaces that are up, IPv4 first."""
    stats = psutil.net_if_stats()
    found: dict[str, list[str]] = {
        name: [entry.address for entry in entries]
        for name, entries in psutil.net_if_addrs().items()
        if name in stats and stats[name].isup
    }
    return choose(found)


def choose(interfaces: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Of the addresses of each interface those that a local network uses, IPv4 first; what is none is skipped."""
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for name, texts in interfaces.items():
        if name.lower().startswith(_OTHER_NETWORKS):
            continue
        for text in texts:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:  # a hardware address, or one with a scope
                continue
            if any(address in network for network in _PRIVATE) and address not in found:
                found.append(address)
    return tuple(str(address) for address in sorted(found, key=lambda address: address.version))
