"""The columns of one act's records in one hour, as Python lists ready to be put into JSON text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from ingest.world.batches import Rows
from ingest.world.cast import BOTS, Cast, number_of
from ingest.world.draws import Ints, Words, below, unit


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one act; all columns are of equal length.

    `created` is the text of created_at, `seconds` its Unix time; `ids` the records' own numbers.
    """

    cast: Cast
    keys: Words
    sources: Words
    ids: list[int]
    created: list[str]
    seconds: Ints
    repositories: list[int]
    actors: list[int]
    authors: list[int]

    def __len__(self) -> int:
        """The number of records."""
        return len(self.ids)

    def choose(self, purpose: int, options: Sequence[str]) -> list[str]:
        """One of the options for each record."""
        return [options[at] for at in below(self.keys, purpose, len(options)).tolist()]

    def numbers(self, purpose: int, limit: int, first: int = 1) -> list[int]:
        """A number from `first` on, below first + limit, for each record."""
        numbers: list[int] = (below(self.keys, purpose, limit) + first).tolist()
        return numbers

    def flags(self, purpose: int, share: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """True for about the given share of the records."""
        return unit(self.keys, purpose) < share

    def moments(self, earlier_s: Ints) -> list[str]:
        """The texts of the times that lie the given seconds before created_at."""
        return [zulu(second) for second in (self.seconds - earlier_s).tolist()]


def make_batch(cast: Cast, rows: Rows, where: slice, ids: Sequence[int], created: Sequence[str]) -> Batch:
    """The rows of one act with their numbers and times as text."""
    return Batch(
        cast=cast,
        keys=rows.keys[where],
        sources=rows.sources[where],
        ids=list(ids[where]),
        created=list(created[where]),
        seconds=rows.seconds[where],
        repositories=rows.repositories[where].tolist(),
        actors=rows.actors[where].tolist(),
        authors=rows.authors[where].tolist(),
    )


def zulu(second: int) -> str:
    """A Unix time as GitHub writes it, such as 2024-01-01T05:00:00Z."""
    return f"{datetime.fromtimestamp(second, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


class Fragments(dict[int, str]):
    """JSON texts by index, made on first use and forgotten when names change or there are too many."""

    LIMIT = 50_000

    def __init__(self, make: Callable[[Cast, int], str], cast: Cast) -> None:
        super().__init__()
        self._make, self._cast, self._revision = make, cast, cast.revision

    def __missing__(self, index: int) -> str:
        """Make the text of an index."""
        text = self[index] = self._make(self._cast, index)
        return text

    def fresh(self) -> "Fragments":
        """Itself, emptied where the names changed since or where it grew over its limit."""
        if self._revision != self._cast.revision or len(self) > self.LIMIT:
            self.clear()
            self._revision = self._cast.revision
        return self


def actor_json(cast: Cast, index: int) -> str:
    """The actor of a record since 2015."""
    login, number = cast.logins[index], number_of(index)
    return (
        f'{{"id":{number},"login":"{login}","display_login":"{login.removesuffix("[bot]")}","gravatar_id":"",'
        f'"url":"https://api.github.com/users/{login}","avatar_url":"https://avatars.githubusercontent.com/u/{number}?"}}'
    )


def repository_json(cast: Cast, index: int) -> str:
    """The repository of a record since 2015."""
    name = cast.names[index]
    return f'{{"id":{number_of(index)},"name":"{name}","url":"https://api.github.com/repos/{name}"}}'


def organisation_json(cast: Cast, index: int) -> str:
    """The end of a record since 2015: its organisation, where an organisation owns the repository."""
    if cast.owners[index] >= 0:
        return ""
    owner, number = cast.names[index].split("/")[0], 90_000_000 + index
    return (
        f',"org":{{"id":{number},"login":"{owner}","gravatar_id":"","url":"https://api.github.com/orgs/{owner}",'
        f'"avatar_url":"https://avatars.githubusercontent.com/u/{number}?"}}'
    )


def user_json(cast: Cast, index: int) -> str:
    """A user inside a payload, shortened to what tells users apart."""
    login, number = cast.logins[index], number_of(index)
    kind = "Bot" if index < len(BOTS) and login.endswith("[bot]") else "User"
    return (
        f'{{"login":"{login}","id":{number},"avatar_url":"https://avatars.githubusercontent.com/u/{number}?v=4",'
        f'"gravatar_id":"","url":"https://api.github.com/users/{login}","html_url":"https://github.com/{login}",'
        f'"type":"{kind}","site_admin":false}}'
    )
