"""What fsspec's file systems fail with, told as ours: they have no base of errors, each raises its vendor's beside OSError. No message has a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote

from catalog.errors import OsslakeError, PublishError, TargetUnavailableError

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):(.+)@")
_REFUSALS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, NotImplementedError, PermissionError, ValueError)
_ADVICE = "see that it answers, and that address and credentials are right; then publish again"


def masked(address: str) -> str:
    """Return an address without the password that it may hold."""
    return _PASSWORD.sub(r"\1:***@", address)


@contextmanager
def answering(address: str) -> Iterator[None]:
    """Tell whatever a file system fails with as ours; nothing but calls of the file system may stand in the block.

    Raises:
        PublishError: it refused.
        TargetUnavailableError: it did not answer, or failed in a way that is its vendor's own.
    """
    try:
        yield
    except OsslakeError:
        raise
    except Exception as error:
        kind = PublishError if isinstance(error, _REFUSALS) else TargetUnavailableError
        raise kind(f"{masked(address)}: {_line(error, address)}; {_ADVICE}", target=masked(address)) from error


def _line(error: Exception, address: str) -> str:
    """Return what an error says as one line, without the address's password in any spelling."""
    text = " ".join(str(error).split()) or type(error).__name__
    found = _PASSWORD.search(address)
    for secret in (found[2], quote(found[2], safe=""), unquote(found[2])) if found else ():
        text = text.replace(secret, "***")
    return text
