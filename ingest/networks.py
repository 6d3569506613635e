"""Which network addresses a source may lead to: what the user named, and public ones.

A server that redirects to a private, loopback or link-local address would have this machine ask what only it can reach. Each connection's address is
judged as it is opened, after its name was resolved, so that neither a name nor a redirect after a redirect leads around it.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from catalog.errors import SourceError

Address = IPv4Address | IPv6Address
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets, beside the link-local 169.254.169.254."""


def parse_address(text: str) -> Address:
    """Return an IP address; one of IPv4 that is written as IPv6 is one of IPv4."""
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def may_lead_to(address: Address, named: frozenset[Address]) -> bool:
    """Tell whether a server of the addresses `named` may lead to another address.

    A public address always, a private or loopback one where all that are named are so too, a link-local one or one of a cloud's metadata never.
    """
    if address in named:
        return True
    if address.is_link_local or address in _METADATA:
        return False
    return address.is_global or (bool(named) and not any(one.is_global for one in named))


async def resolve(url: str) -> frozenset[Address]:
    """Return the addresses of a URL's host; none where its name isn't known."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(urlsplit(url).hostname, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset(parse_address(str(one[4][0])) for one in found)


def guarded_session(named: frozenset[Address], **options: Any) -> aiohttp.ClientSession:
    """Return an HTTP session that connects only where `may_lead_to` allows it; elsewhere its requests end with SourceError."""

    def open_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, place = info
        if not may_lead_to(parse_address(str(place[0])), named):
            raise SourceError(f"it redirects to {place[0]}, which is no public address, and isn't followed there", address=place[0])
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=open_socket), **options)
