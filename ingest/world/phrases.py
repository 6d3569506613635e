"""The columns of one act's records in one hour, as Python lists ready to be put into JSON text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.world.batches import Rows
from ingest.world.cast import BOTS, Cast, number_of
from ingest.world.draws import Ints, Words

_FACTORS = [2 * 0x9E3779B97F4A7C15 * purpose + 1 for purpose in range(30)]
"""A number's purpose decides the factor by which the die is multiplied, so that a record's numbers differ."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one act; all columns are of equal length.

    `created` is the text of created_at, `seconds` its Unix time; `ids` the records' own numbers.
    """

    cast: Cast
    keys: Words
    dice: list[int]
    sources: Words
    ids: list[int]
    created: list[str]
    seconds: Ints
    repositories: list[int]
    actors: list[int]
    authors: list[int]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.ids)

    def choose(self, purpose: int, options: Sequence[str]) -> list[str]:
        """One of the options for each record."""
        return [options[at] for at in self.numbers(purpose, len(options), first=0)]

    def numbers(self, purpose: int, limit: int, first: int = 1) -> list[int]:
        """Return a number from `first` on, below first + limit, for each record."""
        factor = _FACTORS[purpose]
        return [(die * factor >> 40) % limit + first for die in self.dice]

    def moments(self, earlier_s: Sequence[int]) -> list[str]:
        """Return the texts of the times that lie the given seconds before created_at."""
        return [zulu(second - earlier) for second, earlier in zip(self.seconds.tolist(), earlier_s, strict=True)]


def make_batch(cast: Cast, rows: Rows, where: slice, ids: Sequence[int], created: Sequence[str], dice: Sequence[int]) -> Batch:
    """Return the rows of one act with their numbers and times as text, and 64 random bits (`dice`) for each."""
    return Batch(
        cast=cast,
        keys=rows.keys[where],
        dice=list(dice[where]),
        sources=rows.sources[where],
        ids=list(ids[where]),
        created=list(created[where]),
        seconds=rows.seconds[where],
        repositories=rows.repositories[where].tolist(),
        actors=rows.actors[where].tolist(),
        authors=rows.authors[where].tolist(),
    )


def zulu(second: int) -> str:
    """Return a Unix time as GitHub writes it, such as 2024-01-01T05:00:00Z."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Fragments(dict[int, str]):
    """JSON texts by index, made on first use, forgotten when the index is renamed or there are too many."""

    LIMIT = 50_000

    def __init__(self, make: Callable[[Cast, int], str], cast: Cast) -> None:
        super().__init__()
        self._make, self._cast, self._renames = make, cast, len(cast.renamed)

    def __missing__(self, index: int) -> str:
        """Make the text of an index."""
        text = self[index] = self._make(self._cast, index)
        return text

    def fresh(self) -> "Fragments":
        """Return itself, without what was renamed since; emptied where it grew over its limit."""
        for index in self._cast.renamed[self._renames :]:
            self.pop(index, None)
        self._renames = len(self._cast.renamed)
        if len(self) > self.LIMIT:
            self.clear()
        return self


def actor_json(cast: Cast, index: int) -> str:
    """Return the actor of a record since 2015."""
    login, number = cast.logins[index], number_of(index)
    return (
        f'{{"id":{number},"login":"{login}","display_login":"{login.removesuffix("[bot]")}","gravatar_id":"",'
        f'"url":"https://api.github.com/users/{login}","avatar_url":"https://avatars.githubusercontent.com/u/{number}?"}}'
    )


def repository_json(cast: Cast, index: int) -> str:
    """Return the repository of a record since 2015."""
    name = cast.names[index]
    return f'{{"id":{number_of(index)},"name":"{name}","url":"https://api.github.com/repos/{name}"}}'


def organisation_json(cast: Cast, index: int) -> str:
    """Return the end of a record since 2015: its organisation, where an organisation owns the repository."""
    if cast.owners[index] >= 0:
        return ""
    owner, number = cast.names[index].split("/")[0], 90_000_000 + index
    return (
        f',"org":{{"id":{number},"login":"{owner}","gravatar_id":"","url":"https://api.github.com/orgs/{owner}",'
        f'"avatar_url":"https://avatars.githubusercontent.com/u/{number}?"}}'
    )


def user_json(cast: Cast, index: int) -> str:
    """Return a user inside a payload, shortened to what tells users apart."""
    login, number = cast.logins[index], number_of(index)
    kind = "Bot" if index < len(BOTS) and login.endswith("[bot]") else "User"
    return (
        f'{{"login":"{login}","id":{number},"avatar_url":"https://avatars.githubusercontent.com/u/{number}?v=4",'
        f'"gravatar_id":"","url":"https://api.github.com/users/{login}","html_url":"https://github.com/{login}",'
        f'"type":"{kind}","site_admin":false}}'
    )
