"""Fetching hour files from any fsspec address."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import fsspec

from catalog.errors import SettingsError, SourceError, SourceMissingError, SourceUnavailableError
from catalog.settings import LoadSettings
from ingest.gharchive.hours import SUFFIXES, hour_name
from ingest.networks import guarded_session, resolve

_WEB = ("http://", "https://")
_MISSING_STATUS = frozenset({404, 410})
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class HourFile:
    """An hour file as fetched.

    Attributes:
        name: file name with its suffix.
        content: its bytes, packed or plain.
        sha256: hex digest of them.
        etag: what tells whether it changed without reading it; None if the source tells nothing.
    """

    name: str
    content: bytes
    sha256: str
    etag: str | None


class HourFolder:
    """The place of hour files.

    Raises:
        SourceMissingError: a folder that doesn't exist.
        SourceError: a server that doesn't let itself be connected to.
        SettingsError: an address that fsspec doesn't know.
    """

    def __init__(self, address: str, settings: LoadSettings) -> None:
        self.address = address.rstrip("/")
        self._settings = settings
        try:
            if self.address.startswith(_WEB):
                _ = urlsplit(self.address).port  # raises ValueError where host or port are none
            self._fs, self._root = fsspec.core.url_to_fs(self.address, **self._options())
        except (ValueError, ImportError) as error:
            raise SettingsError(f"{address!r} is no address that can be read: {error}", address=address) from error
        except Exception as error:
            raise _wrap(address, error, settings.timeout_s) from error
        self.is_local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))
        if self.is_local and not self._fs.isdir(self._root):
            raise SourceMissingError(f"folder {address} does not exist (wanted: a folder of YYYY-MM-DD-H.json.gz files)", address=address)

    def _options(self) -> dict[str, Any]:
        if self.address.startswith(_WEB):
            timeout = aiohttp.ClientTimeout(total=None, connect=self._settings.timeout_s, sock_read=self._settings.timeout_s)
            as_it_lies = {"headers": {"Accept-Encoding": "identity"}, "auto_decompress": False}
            return {"client_kwargs": {"timeout": timeout, **as_it_lies}, "get_client": self._client, "skip_instance_cache": True}
        return {"skip_instance_cache": True}

    async def _client(self, **options: Any) -> aiohttp.ClientSession:
        return guarded_session(await resolve(self.address), **options)

    def find(self, hour: datetime) -> tuple[str, str | None] | None:
        """Return the path and the etag of an hour's file; None if there is none."""
        for suffix in SUFFIXES:
            path = f"{self._root}/{hour_name(hour)}{suffix}"
            info = self._patiently(path, self._info)
            if info is not None:
                return path, _etag(info)
        return None

    def fetch(self, path: str, etag: str | None) -> HourFile | None:
        """Return a file's bytes; None if it is gone meanwhile."""
        content = self._patiently(path, self._cat)
        if content is None:
            return None
        return HourFile(path.rsplit("/", 1)[1], content, hashlib.sha256(content).hexdigest(), etag)

    def _info(self, path: str) -> dict[str, Any] | None:
        """Ask what a file is; None if there is none.

        Over HTTP fsspec says "not found" whatever went wrong, and keeps the cause.
        """
        try:
            return dict(self._fs.info(path))
        except FileNotFoundError as error:
            if error.__cause__ is None or getattr(error.__cause__, "status", None) in _MISSING_STATUS:
                return None
            raise error.__cause__ from None

    def _cat(self, path: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(path))
        except FileNotFoundError:
            return None

    def _patiently(self, path: str, ask: Any) -> Any:
        """Ask again when a source is unavailable, waiting 0.5 s, 1 s, 2 s, ...

        Raises:
            SourceUnavailableError: it stays so.
            SourceError: it answers with something that won't change (401, 403, a redirect in circles or to where it may not lead, ...).
        """
        for attempt in range(self._settings.retries + 1):
            try:
                return ask(path)
            except Exception as error:
                wrapped = _wrap(path, error, self._settings.timeout_s)
                if not wrapped.is_transient or attempt == self._settings.retries:
                    raise wrapped from error
                time.sleep(0.5 * 2**attempt)
        raise AssertionError("unreachable")


def _etag(info: dict[str, Any]) -> str | None:
    if info.get("ETag"):
        return str(info["ETag"])
    if info.get("mtime") is not None:
        return f"{info.get('size')}-{info['mtime']}"
    return None


def _wrap(path: str, error: Exception, timeout_s: float) -> SourceError:
    """Say what a failed answer means for the user. What is no error of a connection (no credentials, ...) won't change by itself."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return SourceUnavailableError(f"{path}: no answer within {timeout_s:g} s", path=path)
    if isinstance(error, aiohttp.TooManyRedirects):
        return SourceError(
            f"{path}: the server redirects again and again, at last to {error.history[-1].headers.get('Location')}", path=path
        )
    if isinstance(error, SourceError):
        return SourceError(f"{path}: {error}", path=path, **error.values)
    status = getattr(error, "status", None)
    if status is not None:
        message = f"{path}: the server answered {status} {getattr(error, 'message', '')}".rstrip()
        return (SourceUnavailableError if status in _TRANSIENT_STATUS else SourceError)(message, path=path, status=status)
    if isinstance(error, PermissionError):
        return SourceError(f"{path}: may not be read: {error}", path=path)
    is_transient = isinstance(error, aiohttp.ClientError | OSError | EOFError)
    return (SourceUnavailableError if is_transient else SourceError)(f"{path}: {error or type(error).__name__}", path=path)
