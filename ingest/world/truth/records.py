"""Hour files as records: parsed, redacted where that matters (ids of old records), the unfit ones left out."""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest.world.truth.keys import NOBODY, Key, Kind, Person, kind_of_login

DAY_S = 86_400
_ADDRESS = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)|([A-Za-z0-9._%+-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
"""An address, or an escape of JSON, whose letters belong to no address."""
_HASHED = re.compile(r"[0-9a-f]{40}")


class RejectedError(ValueError):
    """The line is no record."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A key was called `name` (lower-case) at a time; `is_old` in a record that knows no numbers."""

    key: Key
    name: str
    second: int
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What events are made from; `repository` is None where the record tells none."""

    id: str
    type: str
    second: int
    repository: Key | None
    actor: Person
    payload: dict[str, Any]
    sightings: tuple[Sighting, ...]

    @property
    def day(self) -> int:
        """Days since 1970 of created_at, in UTC."""
        return self.second // DAY_S


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Return the records among the lines."""
    for line in lines:
        try:
            yield parse(line)
        except RejectedError:
            continue


def read_lines(folder: Path) -> Iterator[bytes]:
    """All lines of a folder of hour files."""
    for path in sorted(folder.glob("*.json.gz")):
        yield from gzip.decompress(path.read_bytes()).split(b"\n")[:-1]


def parse(line: bytes) -> Record:
    """Return a line as a record.

    Raises:
        RejectedError: the line is not JSON, or lacks what a record needs.
    """
    try:
        fields = json.loads(line.decode(), parse_int=_fitting)
    except ValueError as error:
        raise RejectedError(str(error)) from error
    if not isinstance(fields, dict):
        raise RejectedError("not an object")
    is_old = "id" not in fields and "repo" not in fields and _has_old_traits(fields)
    kind, second = fields.get("type"), to_second(fields.get("created_at"))
    if not isinstance(kind, str):
        raise RejectedError("no type")
    payload = fields.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    identity = _line_hash(line) if is_old else _identity(fields.get("id"))
    finder = _Finder(second)
    repository = finder.old_repository(fields) if is_old else finder.repository(fields)
    actor = finder.login(fields.get("actor")) if is_old else finder.user(fields.get("actor"))
    finder.user((payload.get("pull_request") or {}).get("user"))
    return Record(identity, kind, second, repository, actor, payload, tuple(finder.sightings))


def _has_old_traits(fields: dict[str, Any]) -> bool:
    """Tell whether the actor is a name, or there is none but an address or repository, which records since 2015 lack."""
    if fields.get("actor") is None:
        return bool(fields.get("url") or fields.get("repository"))
    return not isinstance(fields["actor"], dict)


def person_of(user: object) -> Person:
    """Return the person that a user object of a payload tells."""
    return _Finder(0).user(user)


def _fitting(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{text} does not fit 64 bits")
    return number


def to_second(text: object) -> int:
    """Return the Unix time of a time as text; without an offset it is UTC.

    Raises:
        RejectedError: it is no time.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise RejectedError(f"no time: {text}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _identity(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RejectedError("no id")
    return str(value)


def _line_hash(line: bytes) -> str:
    return hashlib.sha256(_ADDRESS.sub(_hidden, line.decode()).encode()).hexdigest()


def _hidden(match: re.Match[str]) -> str:
    local, domain = match.groups()
    if local is None or local == "git" or _HASHED.fullmatch(local):
        return match[0]
    return f"{hashlib.sha1(local.encode(), usedforsecurity=False).hexdigest()}@{domain}"


class _Finder:
    """Takes keys out of a record and notes under which names they were sighted."""

    def __init__(self, second: int) -> None:
        self.second, self.sightings = second, list[Sighting]()

    def repository(self, fields: dict[str, Any]) -> Key | None:
        repo = fields.get("repo")
        if not isinstance(repo, dict) or not isinstance(repo.get("id"), int):
            return None
        return self._see(Key(Kind.REPOSITORY, repo["id"]), repo.get("name"))

    def old_repository(self, fields: dict[str, Any]) -> Key | None:
        repository = fields.get("repository")
        if not isinstance(repository, dict) or not repository.get("owner") or not repository.get("name"):
            return None
        name = f"{repository['owner']}/{repository['name']}".lower()
        return self._see(Key(Kind.REPOSITORY_NAME, name), name, is_old=True)

    def user(self, user: object) -> Person:
        if not isinstance(user, dict):
            return NOBODY
        login, number = user.get("login"), user.get("id")
        if not isinstance(number, int):
            return self.login(login)
        return Person(self._see(Key(Kind.ACCOUNT, number), login), kind_of_login(login))

    def login(self, login: object) -> Person:
        if not isinstance(login, str) or not login:
            return NOBODY
        name = login.lower()
        return Person(self._see(Key(Kind.ACCOUNT_NAME, name), name, is_old=True), kind_of_login(name))

    def _see(self, key: Key, name: str | None, *, is_old: bool = False) -> Key:
        if name:
            self.sightings.append(Sighting(key, name.lower(), self.second, is_old))
        return key
