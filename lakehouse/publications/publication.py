"""What a publication is: a target that shows one release, is given another one, and answers with what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from catalog.releases import Release

Step = Callable[[str], None]
"""Told of each thing that is begun, in a few words."""


@dataclass(frozen=True)
class Shown:
    """The release that a target shows."""

    id: str
    sequence: int
    as_of_date: date

    @classmethod
    def of(cls, release: Release) -> Shown:
        """Return how a target shows this release."""
        return cls(release.id, release.sequence, release.as_of_date)


@dataclass
class PublicationSummary:
    """What a publication did.

    Attributes:
        release_id: the release that the target shows now.
        is_new: whether it showed another one before, or none.
        tables: `stage.name` of the tables that were written -> their partitions that were; "" stands for a table that has none.
        rows: rows that were written.
        files, bytes: files of the release that were brought over, and their size.
        figures: what this target alone has to say, by name, with the unit in the name.
    """

    release_id: str
    is_new: bool = True
    tables: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    files: int = 0
    bytes: int = 0
    duration_s: float = 0.0
    figures: dict[str, int | float | str] = field(default_factory=dict)


class Publication(Protocol):
    """A target of releases. It is made without asking the target anything."""

    @property
    def name(self) -> str:
        """What the command line and the settings call it."""

    @property
    def description(self) -> str:
        """What it shows, and to whom, in a sentence."""

    def shown(self) -> Shown | None:
        """Return the release that the target shows; None before the first.

        Raises:
            PublishError: the target does not answer, or what is there isn't ours.
        """

    def publish(self, release: Release, step: Step) -> PublicationSummary:
        """Bring the target from the release that it shows to this one, which readers see as a whole or not at all.

        The release is the lake's current one, or a kept one before it. One that the target shows already changes nothing. What a publication that
        was killed has left is completed or removed.

        Raises:
            PublishError: the target refuses; it shows what it showed before.
            StorageError: a file of the lake can't be read.
        """
