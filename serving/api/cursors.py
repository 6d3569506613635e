"""Cursors: where a page ended, pinned to a release and to the question, and signed, so that nobody can write one.

base64url( signature (16 bytes) || JSON [release id, what was asked, what tells the last row] )
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from serving.api.errors import RequestError

_SIGNATURE_BYTES, _KEY_BYTES = 16, 32
_MAX_CHARACTERS = 4_000
KEY_FILE = "cursors.key"


@dataclass(frozen=True)
class Position:
    """A cursor's meaning: `asked` is a digest of the question, `values` tell the last row: its number, or what it has in the order."""

    release_id: str
    asked: str
    values: list[Any]


class Cursors:
    """Writes and reads cursors with a key that all workers share: a file in a folder, made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _key(self) -> bytes:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / KEY_FILE
        with FileLock(self._folder / f"{KEY_FILE}.lock"):
            if not file.exists() or file.stat().st_size != _KEY_BYTES:
                file.touch(mode=0o600)
                file.write_bytes(secrets.token_bytes(_KEY_BYTES))
            return file.read_bytes()

    def write(self, position: Position) -> str:
        """Return the cursor of a position.

        Raises:
            RequestError: the values are too long for an address, so that `read` would refuse them.
        """
        content = orjson.dumps([position.release_id, position.asked, position.values])
        text = base64.urlsafe_b64encode(self._sign(content) + content).decode().rstrip("=")
        if len(text) > _MAX_CHARACTERS:
            raise RequestError(400, "values of this order are too long to page by; another order would do", parameter="order")
        return text

    def read(self, text: str, asked: str) -> Position:
        """Return what a cursor means.

        Raises:
            RequestError: it isn't one of ours, or belongs to another question.
        """
        content = self._content(text)
        if content is None:
            raise RequestError(400, "this cursor was not made here; take it from `next` of a page", parameter="cursor")
        release_id, was_asked, values = orjson.loads(content)
        if was_asked != asked:
            raise RequestError(400, "this cursor belongs to another question: filter, select, order and path must stay", parameter="cursor")
        return Position(release_id, was_asked, values)

    def _content(self, text: str) -> bytes | None:
        """Return what a cursor holds if it bears our signature."""
        if len(text) > _MAX_CHARACTERS:
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        return content if hmac.compare_digest(signature, self._sign(content)) else None

    def _sign(self, content: bytes) -> bytes:
        return hmac.digest(self._key, b"osslake cursor\0" + content, "sha256")[:_SIGNATURE_BYTES]


def question_digest(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return what tells one question from another: path and parameters, whatever the size of a page."""
    return hashlib.sha256(orjson.dumps([path, sorted(parameters)])).hexdigest()[:16]
