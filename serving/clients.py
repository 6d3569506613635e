"""Who asks: the peer's address or, behind proxies that are trusted, the one that they name; IPv6 clients are told apart by their /64."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
UNKNOWN = "unknown"
MAX_HOPS = 20
"""Proxies that a request may have passed."""
_PREFIX = 64


class Clients:
    """Tells the address of a client.

    Attributes:
        header: name of the header that proxies name the client in, as ASGI writes it; empty where no proxy is trusted.
    """

    def __init__(self, trusted: Sequence[Network], header: str) -> None:
        self._trusted = tuple(trusted)
        self._is_forwarded = header.lower() == "forwarded"
        self.header = header.lower().encode() if trusted else b""

    def address(self, peer: str, said: bytes) -> str:
        """Return the client's address.

        From the peer on, each proxy that is trusted is believed what it says of the one before it. Who isn't trusted is the client, and what it
        says itself is not looked at.

        Args:
            peer: address of who is connected.
            said: the header; several of them joined by commas.
        """
        if not said:
            return peer or UNKNOWN
        address = _address(peer)
        for item in reversed(said.decode("latin-1").rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
            before = _address(_node(item) if self._is_forwarded else item)
            if address is None or before is None or not self._is_trusted(address):
                break
            address = before
        return str(address) if address else peer or UNKNOWN

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


@lru_cache(65_536)
def client_key(address: str) -> str:
    """Return what limits are counted by: an IPv4 address, the /64 of an IPv6 address, or a text that is no address as it is."""
    found = _address(address)
    if found is None or found.version == 4:
        return str(found or address)
    return str(IPv6Network((int(found) >> _PREFIX << _PREFIX, _PREFIX)))


def _node(item: str) -> str:
    """Return who an item of Forwarded (RFC 7239) speaks for; empty where it doesn't say."""
    for pair in item.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""


def _address(text: str) -> Address | None:
    """Return the address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `"[2001:db8::1]:80"`; None where there is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
