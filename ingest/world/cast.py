"""Who acts and where: accounts and repositories with their numbers, names, owners and changes of name."""

from dataclasses import dataclass, field

import numpy as np

from ingest.world.draws import Floats, Ints, below, bits, unit
from ingest.world.settings import WorldSettings

BOTS = (
    "dependabot[bot]",
    "renovate[bot]",
    "github-actions[bot]",
    "acme-release-bot",
    "Deploy-Bot",
    "codecov-commenter",
    "k8s-ci-robot",
    "web-flow",
)
LOOKALIKES = ("robotnik", "abbott", "botany-bay", "dependabot-fan", "bot-maker", "chatbot")
"""People whose logins look like a bot's and are not one's."""

_FIRST = [
    "amber", "brisk", "cedar", "delta", "ember", "fjord", "gusty", "hazel", "ivory",
    "jolly", "kelp", "lunar", "mossy", "noble", "ochre", "pixel", "quiet", "rusty",
]  # fmt: skip
_SECOND = [
    "badger", "comet", "dingo", "egret", "finch", "gecko", "heron", "ibis", "jackal",
    "koala", "lemur", "marten", "newt", "otter", "puffin", "quail", "raven",
]  # fmt: skip
_THINGS = [
    "api", "app", "atlas", "bench", "cache", "cli", "core", "data", "docs",
    "engine", "forge", "graph", "http", "index", "json", "kit", "lib", "node",
    "ops", "proxy",
]  # fmt: skip

FIRST_NUMBER, NUMBER_STEP = 20_011, 13
"""Accounts and repositories count from the same number, so that a mix-up of the two kinds shows."""
MAX_REPOSITORIES, MAX_ACCOUNTS = 200_000, 400_000


@dataclass(frozen=True, slots=True)
class NameChange:
    """From the start of `hour` on the account or repository of this index bears `name`."""

    hour: int
    is_account: bool
    index: int
    name: str


@dataclass(slots=True)
class Cast:
    """Accounts and repositories by index; `logins` and `names` are those at the hour that is being written.

    `renamed` has the index of each change of name so far, accounts' and repositories' alike.
    Accounts: first the bots, then people; from `extra_accounts` on those that only scripted records use.
    Repositories: by falling activity; from `extra_repositories` on those that only scripted records use.
    """

    logins: list[str]
    names: list[str]
    owners: list[int]
    extra_accounts: int
    extra_repositories: int
    changes: list[NameChange] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)
    _next_change: int = 0

    def add_account(self, login: str) -> int:
        """Append an account for scripted records; its index."""
        self.logins.append(login)
        return len(self.logins) - 1

    def add_repository(self, name: str, owner: int = -1) -> int:
        """Append a repository for scripted records; its index. `owner` is an account's index, -1 an organisation."""
        self.names.append(name)
        self.owners.append(owner)
        return len(self.names) - 1

    def schedule(self, changes: list[NameChange]) -> None:
        """Add changes of name to come."""
        self.changes = sorted([*self.changes, *changes], key=lambda change: change.hour)

    def advance(self, hour: int) -> None:
        """Apply the changes up to and including the hour; hours must not fall."""
        while self._next_change < len(self.changes) and self.changes[self._next_change].hour <= hour:
            change = self.changes[self._next_change]
            (self.logins if change.is_account else self.names)[change.index] = change.name
            self._next_change += 1
            self.renamed.append(change.index)

    def members(self, repositories: Ints, ranks: Ints) -> Ints:
        """Return the accounts at the given ranks (from 0) of the repositories' teams; rank 0 is the owner's own account."""
        return member_accounts(repositories, ranks, self.extra_accounts)


def number_of(index: int) -> int:
    """GitHub's number of an account or repository."""
    return FIRST_NUMBER + NUMBER_STEP * index


def member_accounts(repositories: Ints, ranks: Ints, account_count: int) -> Ints:
    """Return the account at a rank of a repository's team: the same one on every call."""
    keys = bits((repositories * 100_003 + ranks).astype(np.uint64), 7)
    people = account_count - len(BOTS)
    return len(BOTS) + zipf_like(unit(keys, 8), people)


def zipf_like(units: Floats, size: int) -> Ints:
    """Indexes below size, the small ones more often (people in several teams are the active ones)."""
    return (units**1.7 * size).astype(np.int64)


def make_cast(settings: WorldSettings) -> Cast:
    """Return the accounts and repositories of a world before any change of name."""
    repository_count = min(max(60, settings.projects * 3, settings.events // 60), MAX_REPOSITORIES)
    account_count = min(max(90, settings.events // 12), MAX_ACCOUNTS)
    logins = [*BOTS, *LOOKALIKES]
    logins += [_login(index) for index in range(len(logins), account_count)]
    indexes: Ints = np.arange(repository_count, dtype=np.int64)
    keys = bits(indexes.astype(np.uint64) + np.uint64(settings.seed % 2**32), 9)
    is_personal = (unit(keys, 1) < 0.6).tolist()
    organisations = below(keys, 2, max(6, repository_count // 4)).tolist()
    accounts = member_accounts(indexes, np.zeros_like(indexes), account_count).tolist()
    things = below(keys, 3, len(_THINGS)).tolist()
    owners = [account if personal else -1 for account, personal in zip(accounts, is_personal, strict=True)]
    names = [
        _repository_name(index, logins[owner] if owner >= 0 else _organisation(organisation), thing)
        for index, owner, organisation, thing in zip(range(repository_count), owners, organisations, things, strict=True)
    ]
    return Cast(logins, names, owners, extra_accounts=account_count, extra_repositories=repository_count)


def _login(index: int) -> str:
    first, second = _FIRST[index % len(_FIRST)], _SECOND[index // len(_FIRST) % len(_SECOND)]
    login = f"{first}-{second}{index}" if index % 4 else f"{first}{index}"
    return login.title() if index % 9 == 0 else login


def _organisation(number: int) -> str:
    name = f"{_SECOND[number % len(_SECOND)]}-{_THINGS[number // len(_SECOND) % len(_THINGS)]}-org{number}"
    return name.upper() if number % 11 == 0 else name


def _repository_name(index: int, owner: str, thing: int) -> str:
    if index % 23 == 0:
        return f"{owner}/{owner}-{index}"
    name = f"{_THINGS[thing]}{index}"
    return f"{owner}/{name.capitalize()}" if index % 5 == 0 else f"{owner}/{name}"
