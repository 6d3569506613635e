"""Where a stack lives: its settings, its folder, its credentials."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.errors import StackError
from catalog.local_files import write_whole
from catalog.settings import Settings, StackSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "127.0.0.1"
DATABASE = DATABASE_USER = "osslake"
DATASET = "osslake"
DOCUMENTS = "osslake-documents"
"""The buckets of deploy/seaweedfs/mini.options: of the tables, and of the release documents."""


@dataclass(frozen=True)
class Credentials:
    """Keys of the object store (and so of the REST catalog), and the database's password."""

    s3_access_key: str
    s3_secret_key: str
    postgres_password: str


@dataclass(frozen=True)
class Site:
    """A stack's place on this machine.

    Attributes:
        lake: the lake's folder or settings file, which the API serves.
        settings: of that lake.
        folder: holds a folder of state per server, `logs/`, `run/` and `credentials.json`.
    """

    lake: Path
    settings: Settings
    folder: Path
    credentials: Credentials

    @property
    def stack(self) -> StackSettings:
        """The branch of the settings that speaks of the stack."""
        return self.settings.stack

    def state(self, server: str) -> Path:
        """Return the folder that a server keeps its state in."""
        return self.folder / server

    def log(self, server: str) -> Path:
        """Return the file that a server writes its messages to."""
        return self.folder / "logs" / f"{server}.log"

    def record(self, server: str) -> Path:
        """Return the file that says which process a server is."""
        return self.folder / "run" / f"{server}.json"


def open_site(lake: Path, settings: Settings) -> Site:
    """Return the site that the settings name; its folder and credentials are made on first use.

    Raises:
        StackError: the folder can't be written, or its credentials can't be read.
    """
    folder = settings.stack.home
    try:
        for part in (folder, folder / "logs", folder / "run"):
            part.mkdir(parents=True, exist_ok=True)
        return Site(lake.absolute(), settings, folder, _credentials(folder / "credentials.json"))
    except OSError as error:
        raise StackError(f"the stack's folder {folder} can't be used ({error.strerror}); set stack.folder", folder=str(folder)) from error


def _credentials(file: Path) -> Credentials:
    if not file.exists():
        made = Credentials(secrets.token_hex(10), secrets.token_hex(20), secrets.token_hex(20))
        old_mask = os.umask(0o077)
        try:
            write_whole(file, json.dumps(asdict(made)).encode())
        finally:
            os.umask(old_mask)
        return made
    try:
        return Credentials(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise StackError(f"{file} does not hold the stack's credentials: {error}", file=str(file)) from error
