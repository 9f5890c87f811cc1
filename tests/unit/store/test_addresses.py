"""How far inside an address is, in whatever wrapping."""

from ipaddress import ip_address

import pytest

from dmr_desktop.store.addresses import Rank, is_loopback_host, rank_of, refusal_of_host


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("8.8.8.8", Rank.PUBLIC),
        ("2606:4700::1111", Rank.PUBLIC),
        ("10.1.2.3", Rank.PRIVATE),
        ("172.31.0.1", Rank.PRIVATE),
        ("192.168.0.1", Rank.PRIVATE),
        ("100.64.0.1", Rank.PRIVATE),
        ("fd12::1", Rank.PRIVATE),
        ("127.0.0.1", Rank.LOOPBACK),
        ("127.255.0.9", Rank.LOOPBACK),
        ("::1", Rank.LOOPBACK),
        ("::ffff:127.0.0.1", Rank.LOOPBACK),
        ("2002:7f00:1::", Rank.LOOPBACK),
        ("64:ff9b::127.0.0.1", Rank.LOOPBACK),
        ("::ffff:169.254.169.254", Rank.NEVER),
        ("169.254.0.1", Rank.NEVER),
        ("fe80::1", Rank.NEVER),
        ("0.0.0.0", Rank.NEVER),
        ("0.1.2.3", Rank.NEVER),
        ("::", Rank.NEVER),
        ("239.1.1.1", Rank.NEVER),
        ("255.255.255.255", Rank.NEVER),
        ("fd00:ec2::254", Rank.NEVER),
        ("168.63.129.16", Rank.NEVER),
    ],
)
def test_rank(text: str, rank: Rank) -> None:
    assert rank_of(ip_address(text)) is rank


def test_only_plain_loopback_counts_as_loopback() -> None:
    assert is_loopback_host("localhost")
    assert is_loopback_host("127.0.0.1")
    assert is_loopback_host("::1")
    for other in ("localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "example.com"):
        assert not is_loopback_host(other)


def test_names_are_not_refused() -> None:
    for name in ("example.com", "localhost", "r1.example", "1and1.example", "127.0.0.1.nip.example"):
        assert refusal_of_host(name) == ""
