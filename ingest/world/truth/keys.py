"""Natural keys of artifacts, and which actor is a bot."""

from enum import StrEnum
from typing import NamedTuple

Name = str


class Kind(StrEnum):
    """What a key identifies, and by what."""

    REPOSITORY = "repository"
    REPOSITORY_NAME = "repository_name"
    ACCOUNT = "account"
    ACCOUNT_NAME = "account_name"
    AUTHOR = "author"


class Key(NamedTuple):
    """The natural key of an artifact: a number, a lower-case name, or a hash."""

    kind: Kind
    key: int | str

    def text(self) -> str:
        """Such as GITHUB/repository/123."""
        return f"{'GIT' if self.kind == Kind.AUTHOR else 'GITHUB'}/{self.kind.value}/{self.key}"


class Person(NamedTuple):
    """An actor (None where nobody is told) and its kind: human, bot or unknown."""

    key: Key | None
    kind: str


NOBODY = Person(None, "unknown")

_BOT_LIST = frozenset({
    "dependabot", "dependabot-preview", "renovate", "greenkeeper", "greenkeeperio-bot",
    "codecov-io", "codecov-commenter", "coveralls", "travis-ci", "pyup-bot",
    "snyk-bot", "mergify", "github-actions", "allcontributors", "netlify",
    "vercel", "sonarcloud", "houndci-bot", "k8s-ci-robot", "rust-highfive",
    "bors", "googlebot", "web-flow",
})  # fmt: skip


def kind_of_login(login: str | None) -> str:
    """Human, bot, or unknown where there is no login."""
    if not login:
        return "unknown"
    login = login.lower()
    is_bot = login.endswith(("[bot]", "-bot")) or login in _BOT_LIST
    return "bot" if is_bot else "human"
