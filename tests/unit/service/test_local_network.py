import ipaddress

from dmr_desktop.service.local_network import choose, local_addresses


def test_only_private_addresses_of_own_interfaces() -> None:
    interfaces = {
        "lo": ["127.0.0.1", "::1"],
        "eth0": ["fd12::7", "192.168.1.20", "52:54:00:12:34:56", "fe80::1%eth0", "2001:db8::1", "8.8.8.8"],
        "wlan0": ["10.1.2.3", "169.254.7.7", "100.64.0.9", "192.0.2.2"],
        "docker0": ["172.17.0.1"],
        "br-1f": ["172.18.0.1"],
        "tun0": ["10.8.0.2"],
        "wg0": ["10.9.0.2"],
        "Ethernet 2": ["192.168.1.20", "172.31.0.4"],
    }
    assert choose(interfaces) == ("192.168.1.20", "10.1.2.3", "172.31.0.4", "fd12::7")


def test_this_computers_are_addresses_that_can_be_bound() -> None:
    for text in local_addresses():
        assert ipaddress.ip_address(text).is_private
        assert not ipaddress.ip_address(text).is_loopback
