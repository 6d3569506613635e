"""Where a source may lead, by the addresses of what the user named."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from end_to_end.server import hour_server

from catalog.errors import SourceError
from ingest.networks import guarded_session, may_lead_to, parse_address, resolve

PUBLIC, LOCAL = frozenset({parse_address("93.184.215.14")}), frozenset({parse_address("127.0.0.1")})


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_open_to_all(address: str) -> None:
    """A public and a local server may lead to a public one."""
    assert may_lead_to(parse_address(address), PUBLIC)
    assert may_lead_to(parse_address(address), LOCAL)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fd12::1"],
)
def test_local_addresses_are_open_to_local_ones(address: str) -> None:
    """A private or loopback address may follow on one that is so too; a public server, or one whose address isn't known, may not lead there."""
    assert may_lead_to(parse_address(address), LOCAL)
    assert not may_lead_to(parse_address(address), PUBLIC)
    assert not may_lead_to(parse_address(address), PUBLIC | LOCAL) or address in ("127.0.0.1", "::ffff:127.0.0.1")
    assert not may_lead_to(parse_address(address), frozenset())


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"]
)
def test_no_server_may_lead_to_metadata(address: str) -> None:
    """Link-local addresses, and where clouds tell secrets, are open to nobody, but for who named them."""
    assert not may_lead_to(parse_address(address), PUBLIC)
    assert not may_lead_to(parse_address(address), LOCAL)
    assert may_lead_to(parse_address(address), frozenset({parse_address(address)}))


def test_a_connection_is_refused_before_it_is_made(tmp_path: Path) -> None:
    """What a public server leads to on this machine is never asked, by number or by name; what was named is."""

    async def ask(url: str, named: str) -> int:
        async with guarded_session(await resolve(named)) as session, session.get(url) as answer:
            return answer.status

    with hour_server(tmp_path) as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(SourceError, match="no public address"):
                asyncio.run(ask(f"{url}/x", "http://93.184.215.14"))
        assert server.asked == []
        assert asyncio.run(ask(f"{server.url}/x", server.url)) == 404
