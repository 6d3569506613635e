"""Authors, committers and trailers."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from ingest.git.people import People

KEY = b"a key"


def sha1(text: str) -> str:
    """Return SHA-1 in hex."""
    return hashlib.sha1(text.encode()).hexdigest()


def keyed(address: str) -> str:
    """Return HMAC-SHA256 in hex under the tests' key."""
    return hmac.new(KEY, address.encode(), hashlib.sha256).hexdigest()


def test_addresses_are_hashed_and_keyed() -> None:
    """The address is sha1(local)@domain in lower case, and the key its HMAC: one person for any case."""
    person = People(KEY).person(b"Jane", b"Jane.Doe@Example.ORG")
    expected = f"{sha1('jane.doe')}@example.org"
    assert (person.address, person.key) == (expected, keyed(expected))
    assert person.key == People(KEY).person(b"J.", b" jane.doe@example.org ").key
    assert person.key != People(b"another key").person(b"Jane", b"jane.doe@example.org").key


@pytest.mark.parametrize(
    ("address", "account_id", "login"),
    [
        (b"123+Octo-Cat@users.noreply.github.com", 123, "octo-cat"),
        (b"octocat@users.noreply.github.com", None, "octocat"),
        (b"49699333+dependabot[bot]@users.noreply.github.com", 49699333, "dependabot[bot]"),
        (b"12+jane_corp@Users.NoReply.GitHub.com", 12, "jane_corp"),
        (b"noreply@github.com", None, None),
        (b"123+@users.noreply.github.com", None, None),
        (b"x@users.noreply.github.com.evil.org", None, None),
        (b"99999999999999999999+big@users.noreply.github.com", None, None),
    ],
)
def test_noreply_addresses_name_accounts(address: bytes, account_id: int | None, login: str | None) -> None:
    """GitHub's noreply addresses give the account's number and login; their address is hashed all the same."""
    person = People(KEY).person(b"x", address)
    assert (person.account_id, person.login) == (account_id, login)
    local, _, domain = address.decode().lower().rpartition("@")
    assert person.address == f"{sha1(local)}@{domain}"


@pytest.mark.parametrize("address", [b"", b"root", b"a@b@c", b"\xff\xfe@x.org", b"jane at example dot org"])
def test_no_address_is_too_odd(address: bytes) -> None:
    """An address of any bytes gives a key, and its local part is nowhere to be read."""
    person = People(KEY).person(b"N", address)
    assert len(person.key) == 64
    assert person.address is None or address.decode("utf-8", "replace").rpartition("@")[0] not in (person.address, "x")


def test_authors_without_address_are_told_apart_by_name() -> None:
    """Where there is no address the key is made of the name, so that two such authors are two people."""
    people = People(KEY)
    ann, bob = people.person(b"Ann", b""), people.person(b"Bob", b"")
    assert ann.address is bob.address is None
    assert ann.key == people.person(b"ann", b"").key != bob.key


def test_names_that_hold_addresses_are_hashed() -> None:
    """A name that is an address has its local part hashed."""
    assert People(KEY).person(b"jane.doe@example.org", b"x@y.org").name == f"{sha1('jane.doe')}@example.org"
    assert People(KEY).person(b"Jane \xff", b"x@y.org").name == "Jane \ufffd"


def test_co_authors_have_the_keys_that_authors_have() -> None:
    """A co-author's key equals the author's key of the same address, noreply too; each stands once, in order."""
    people = People(KEY)
    block = (
        b"Co-authored-by: Ann <Ann@x.org>\nco-authored-by: Bob <7+bob@users.noreply.github.com>\n"
        b"CO-AUTHORED-BY: Ann again <ann@X.org>\nCo-authored-by: nobody\nCo-authored-by: None <>\n"
        b"Signed-off-by: Eve <eve@x.org>\n"
    )
    keys = people.trailers(block)[1]
    assert keys == [people.person(b"", b"ann@x.org").key, people.person(b"", b"7+bob@users.noreply.github.com").key]


def test_trailers_keep_no_local_part() -> None:
    """Trailers stand as `Key: value` with every address hashed, of hosts without a dot too where in angle brackets."""
    block = b"Signed-off-by: Root <root@localhost>\nReported-by: jane.doe@example.org\nLink: https://x.org/1\n"
    assert People(KEY).trailers(block)[0] == [
        f"Signed-off-by: Root <{sha1('root')}@localhost>",
        f"Reported-by: {sha1('jane.doe')}@example.org",
        "Link: https://x.org/1",
    ]
