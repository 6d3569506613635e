"""Authors and committers: names, hashed addresses, keys, and the GitHub accounts behind noreply addresses."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from ingest.emails import hash_emails_text, hashed_address

_NOREPLY = re.compile(r"(?:(?P<id>\d{1,18})\+)?(?P<login>[a-z0-9][a-z0-9_-]*(?:\[bot\])?)@users\.noreply\.github\.com\Z", re.IGNORECASE)
_BRACKETED_ADDRESS = re.compile(r"<([^<>]*@[^<>]*)>")
_CO_AUTHOR = re.compile(r"co-authored-by\s*:.*<([^<>]*)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """An author or a committer as the raw table has them.

    Attributes:
        name: a name that holds an address has its local part hashed.
        address: `sha1(local)@domain`, lower-case; None where the commit has none.
        key: HMAC-SHA256 in hex of that address (of the hashed name where there is no address).
        account_id: GitHub's number, from `123+login@users.noreply.github.com`.
        login: GitHub login in lower case, from a noreply address.
    """

    name: str
    address: str | None
    key: str
    account_id: int | None
    login: str | None


class People:
    """Makes persons of names and addresses, each pair once."""

    def __init__(self, author_key: bytes) -> None:
        self._author_key = author_key
        self._known: dict[tuple[bytes, bytes], Person] = {}

    def person(self, name: bytes, address: bytes) -> Person:
        """Return the person of a commit's name and address, whatever bytes they are."""
        found = self._known.get((name, address))
        if found is None:
            found = self._make(name.decode("utf-8", "replace"), address.decode("utf-8", "replace").strip())
            self._known[name, address] = found
        return found

    def key(self, hashed: str) -> str:
        """Return the key of a hashed address."""
        return hmac.new(self._author_key, hashed.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def trailers(self, block: bytes) -> tuple[list[str], list[str]]:
        """Return a commit's trailers with addresses hashed, and the keys of its co-authors, each once, in their order.

        A co-author's key is made as an author's is, for noreply addresses too: it equals `author_key` of that person's
        own commits.
        """
        if not block:
            return [], []
        lines = [line for line in block.decode("utf-8", "replace").split("\n") if line]
        addresses = [match[1].strip() for line in lines if (match := _CO_AUTHOR.match(line))]
        keys = dict.fromkeys(self.key(hashed_address(address)) for address in addresses if address)
        return [_hash_trailer(line) for line in lines], list(keys)

    def _make(self, name: str, address: str) -> Person:
        match = _NOREPLY.match(address)
        hashed = hashed_address(address) if address else None
        return Person(
            name=hash_emails_text(name),
            address=hashed,
            key=self.key(hashed or hashed_address(name.replace("@", " "))),
            account_id=int(match["id"]) if match and match["id"] else None,
            login=match["login"].lower() if match else None,
        )


def _hash_trailer(line: str) -> str:
    """Hash what stands in angle brackets as an author's address is hashed, and any other address."""
    if "@" not in line:
        return line
    return hash_emails_text(_BRACKETED_ADDRESS.sub(lambda match: f"<{hashed_address(match[1])}>", line))
