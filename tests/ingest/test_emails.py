"""E-mail addresses are made unreadable in all that is read, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.emails import hash_emails, hash_emails_text, hashed_address

_CLEAR = re.compile(r"(?<![A-Za-z0-9._%+'-])([A-Za-z0-9._%+-]+)@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")


def sha1(text: str) -> str:
    """Return the SHA-1 hex of a local part."""
    return hashlib.sha1(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "local", ["jane", "jane.doe", "jane+lists", "jane_d", "o'neil", "Jane", "jane%x", "a-b", "jürgen", "李", "0", "a" * 41, "a=b", "{x}"]
)
@pytest.mark.parametrize("around", ["{}", "<{}>", "mailto:{}", "({})", "write to {}, please", "[x](mailto:{})"])
def test_the_local_part_becomes_its_sha1(local: str, around: str) -> None:
    """In plain text of any kind the local part becomes its SHA-1; domain and surroundings stay."""
    text = around.format(f"{local}@mail.example.org")
    assert hash_emails_text(text) == around.format(f"{sha1(local)}@mail.example.org")


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:owner/name.git",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709@example.org",
        "@heron could you have a look?",
        "npm i @scope/name@1.2.3",
        "x @ y.org",
        "",
    ],
)
def test_what_is_nobodys_address_stays(text: str) -> None:
    """Ssh addresses, addresses that are hashed already, mentions and versions stay as they are."""
    assert hash_emails_text(text) == text


def test_hashing_twice_is_hashing_once() -> None:
    """What was hashed is left alone by a second pass."""
    once = hash_emails(b"a@example.org, <b.c@example.com>")
    assert hash_emails(once) == once


@pytest.mark.parametrize(
    ("written", "local"), [("\\nfoo", "foo"), ("\\u003cfoo", "foo"), ("j\\u00fcrgen", "jürgen"), ('\\"foo', "foo"), ("\\\\foo", "foo")]
)
def test_json_escapes_stay_whole(written: str, local: str) -> None:
    """Before an address in a JSON string an escape is no part of it, but for a letter's; the line parses as before."""
    line = f'{{"text": "{written}@example.org"}}'.encode()
    before, after = json.loads(line)["text"], json.loads(hash_emails(line))["text"]
    assert after == before.replace(f"{local}@", f"{sha1(local)}@")


@pytest.mark.parametrize("address", ["jens@müller.de", "jens@m\u00fcller.example.org", "info@пример.рф", "x@example.xn--p1ai"])
def test_domains_outside_ascii(address: str) -> None:
    """An address at a domain of any alphabet is hashed, as it stands or escaped as JSON."""
    local, _, domain = address.partition("@")
    assert hash_emails_text(address) == f"{sha1(local)}@{domain}"
    assert json.loads(hash_emails(json.dumps(address).encode())) == f"{sha1(local)}@{domain}"


def test_an_escaped_at_sign() -> None:
    r"""An at sign that JSON has as `\\u0040` makes an address too."""
    assert json.loads(hash_emails(b'"foo\\u0040example.org"')) == f"{sha1('foo')}@example.org"


_TEXTS = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[a-z\\\"<>\n ü.+-]{0,6}[a-z.]{1,8}@[a-z]{1,5}\.(org|com)[ a-z\"\\\n]{0,5}", fullmatch=True),
)


@given(_TEXTS)
def test_json_stays_json(text: str) -> None:
    """Of any text, however escaped: the JSON line parses after hashing, and what it says is the text with its addresses hashed."""
    for line in (json.dumps({"text": text}), json.dumps({"text": text}, ensure_ascii=False)):
        after = json.loads(hash_emails(line.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass"))["text"]
        left = [local for local in _CLEAR.findall(after) if not re.fullmatch(r".*[0-9a-f]{40}|git", local)]
        assert left == []


@given(st.binary(max_size=80))
def test_lines_stay_lines(data: bytes) -> None:
    """Whatever bytes come, as many lines leave."""
    assert hash_emails(data).count(b"\n") == data.count(b"\n")


def test_one_address_has_one_hash() -> None:
    """A git author's address gives the same key however it is written: case, blanks around it, hashed before."""
    assert hashed_address(" Jane@Example.org ") == hashed_address("jane@example.org") == f"{sha1('jane')}@example.org"
    assert hashed_address(f"{sha1('jane')}@example.org") == f"{sha1('jane')}@example.org"
    assert hashed_address("nobody") == sha1("nobody")
