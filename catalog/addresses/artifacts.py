"""What an entry of the directory names: an artifact, or nothing that is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact as an entry names it.

    Attributes:
        source: GITHUB, NPM, PYPI, ..., or a network's name in upper case.
        kind: repository_name, account_name, package, account, protocol or address.
        namespace: owner or scope; None where there is none.
        name: name without the namespace.
        key: what the artifact's id is made of, beside source and kind.
        url: its usual address; None for addresses on networks.
    """

    source: str
    kind: str
    namespace: str | None
    name: str
    key: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a text names no artifact: a short code, and words."""

    reason: str
    message: str
