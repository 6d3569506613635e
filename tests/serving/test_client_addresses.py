"""Who is taken for the client, with and without proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from serving.clients import MAX_HOPS, UNKNOWN, Clients, client_key

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("10.0.0.1", "10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "[2001:db8::7]:80, 2001:db8:ffff::1", "2001:db8::7"),
        ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "nonsense, 10.1.1.1", "10.1.1.1"),
        ("10.0.0.1", ",", "10.0.0.1"),
        ("192.0.2.66", "198.51.100.9", "192.0.2.66"),
        ("192.0.2.66", "10.0.0.1", "192.0.2.66"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "192.0.2.7", UNKNOWN),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_trusted_proxy(peer: str, said: str, client: str) -> None:
    """X-Forwarded-For is read from the right, as far as those who wrote it are trusted, and never from a peer that isn't."""
    assert Clients(PROXIES, "X-Forwarded-For").address(peer, said.encode()) == client


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("for=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7"),
        ('For="[2001:db8::7]:4711"', "2001:db8::7"),
        ("for=198.51.100.9, for=192.0.2.7, for=10.1.1.1", "192.0.2.7"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden, for=10.1.1.1", "10.1.1.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_like_it(said: str, client: str) -> None:
    """Forwarded (RFC 7239) names the client in its `for`."""
    assert Clients(PROXIES, "Forwarded").address("10.0.0.1", said.encode()) == client


def test_a_chain_is_followed_for_some_hops_only() -> None:
    """A header of very many trusted addresses costs no more than twenty of them."""
    said = ", ".join(["192.0.2.7", *["10.1.1.1"] * 5_000])
    assert Clients(PROXIES, "X-Forwarded-For").address("10.0.0.1", said.encode()) == "10.1.1.1"
    near = ", ".join(["192.0.2.7", *["10.1.1.1"] * (MAX_HOPS - 1)])
    assert Clients(PROXIES, "X-Forwarded-For").address("10.0.0.1", near.encode()) == "192.0.2.7"


def test_without_proxies_no_header_is_looked_at() -> None:
    """Where no proxy is trusted there is no header that names a client."""
    assert Clients([], "X-Forwarded-For").header == b""
    assert Clients(PROXIES, "Forwarded").header == b"forwarded"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        (UNKNOWN, UNKNOWN),
    ],
)
def test_ipv6_clients_are_counted_by_their_network(address: str, key: str) -> None:
    """Limits count an IPv4 address, and the /64 that an IPv6 address is in."""
    assert client_key(address) == key
