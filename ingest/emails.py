"""E-mail addresses are made unreadable before anything is written: the local part becomes its SHA-1, as GH Archive does.

`jane.doe@example.org` becomes `<sha1 hex of jane.doe>@example.org`. Left as they are: local parts that are 40 hex digits
already, and `git@` (the user name of ssh addresses, nobody's mailbox).
"""

from __future__ import annotations

import hashlib
import json
import re

_LETTER = rb"(?:[A-Za-z0-9\x80-\xff-]|\\u[0-9a-fA-F]{4})"
_NAME = rb"(?=" + _LETTER + rb"+\.)" + _LETTER + rb"+(?:\." + _LETTER + rb"+)*\.(?:[A-Za-z\x80-\xff]|\\u[0-9a-fA-F]{4}){2,}"
_DOMAIN = re.compile(rb"@(?:(?<![0-9a-f]{40}@)|(?<=[A-Za-z0-9._%+-][0-9a-f]{40}@))" + _NAME)
_ESCAPED_AT = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0040(?=" + _NAME + rb")")
_HASHED = re.compile(rb"[0-9a-f]{40}@")
_LONGEST_LOCAL = 256
_KEPT = frozenset({b"git"})
_ATOMS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+=?^_`{|}~.-") | frozenset(range(0x80, 0x100))
_ATOM_OR_BLANK = bytes(0x61 if byte in _ATOMS else 0x20 for byte in range(256))
_BACKSLASH = 0x5C


def hash_emails(data: bytes) -> bytes:
    r"""Return `data` (text, or lines of JSON) with the local part of every address hashed.

    Inside JSON strings escapes stay whole: in `\nfoo@x.org` the local part is `foo`.
    """
    if b"\\u0040" in data:
        data = _ESCAPED_AT.sub(rb"\1@", data)
    pieces: list[bytes] = []
    done = 0
    for match in _DOMAIN.finditer(data):
        at = match.start()
        start = _local_start(data, max(done, at - _LONGEST_LOCAL), at)
        local = data[start:at]
        if local and local not in _KEPT and not _HASHED.fullmatch(local + b"@"):
            pieces += (data[done:start], hashlib.sha1(_unescaped(local), usedforsecurity=False).hexdigest().encode())
            done = at
    return b"".join((*pieces, data[done:])) if pieces else data


def hash_emails_text(text: str) -> str:
    """Return text with the local part of every address hashed."""
    return hash_emails(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") if "@" in text else text


def hashed_address(address: str) -> str:
    """Return `sha1(local)@domain`, lower-case, of one address (a git author's, which need not look like one)."""
    local, at, domain = address.strip().lower().rpartition("@")
    if not at:
        return hashlib.sha1(domain.encode(), usedforsecurity=False).hexdigest()
    if _HASHED.fullmatch(f"{local}@".encode()):
        return f"{local}@{domain}"
    return f"{hashlib.sha1(local.encode(), usedforsecurity=False).hexdigest()}@{domain}"


def _local_start(data: bytes, lowest: int, at: int) -> int:
    r"""Return where the local part before `at` begins; of a JSON escape before it only a letter's `\u00fc` belongs to it."""
    end = at
    while True:
        start = lowest + data[lowest:end].translate(_ATOM_OR_BLANK).rfind(b" ") + 1
        if not _is_escaped(data, start):
            return start
        length = 5 if data[start : start + 1] == b"u" else 1
        if length == 1 or not _is_letter(data[start + 1 : start + 5]) or start - 1 <= lowest:
            return min(start + length, at)
        end = start - 1


def _is_escaped(data: bytes, position: int) -> bool:
    """Tell whether the byte at `position` is the second one of a JSON escape."""
    first = position
    while first > 0 and data[first - 1] == _BACKSLASH:
        first -= 1
    return (position - first) % 2 == 1


def _is_letter(digits: bytes) -> bool:
    r"""Tell whether the code point of a `\u` escape may stand in a local part."""
    try:
        point = int(digits, 16)
    except ValueError:
        return False
    return point >= 0x80 or point in _ATOMS


def _unescaped(local: bytes) -> bytes:
    r"""Return a local part with its JSON escapes resolved, so that one address has one hash."""
    if b"\\u" not in local:
        return local
    try:
        text: str = json.loads(b'"' + local + b'"')
        return text.encode("utf-8", "surrogatepass")
    except ValueError:
        return local
