"""Entries over a project's versions: an entry that stays is one listing, from its first commit to its last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.oss_directory.documents import Entry
from ingest.oss_directory.histories import Version

Place = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Listing:
    """An entry's uninterrupted time in a project.

    Attributes:
        entry: the entry as it stood first: its line is that in `version`.
        version: the version of the file that listed it first.
        tags: those of the newest version in the listing.
        valid_to: when it was delisted, in seconds; None while it holds.
    """

    entry: Entry
    version: Version
    tags: tuple[str, ...]
    valid_to: int | None


def listings_of(versions: Iterable[tuple[Version, list[Entry]]]) -> list[Listing]:
    """Return the listings of one project from its versions, oldest first.

    Versions between which no time passes follow each other without interruption, whatever lay between them.
    """
    newest: dict[Place, Listing] = {}
    finished: list[Listing] = []
    for version, entries in versions:
        for place, (entry, tags) in _distinct(entries).items():
            listing = newest.get(place)
            if listing is not None and listing.valid_to is not None and listing.valid_to == version.valid_from:
                listing.tags, listing.valid_to = tags, version.valid_to
                continue
            if listing is not None:
                finished.append(listing)
            newest[place] = Listing(entry, version, tags, version.valid_to)
    return [*finished, *newest.values()]


def _distinct(entries: list[Entry]) -> dict[Place, tuple[Entry, tuple[str, ...]]]:
    """Return each entry once, that of the first line, with the tags of all its repetitions."""
    found: dict[Place, tuple[Entry, tuple[str, ...]]] = {}
    for entry in entries:
        artifact = entry.artifact
        place = (entry.field, entry.listed_as, artifact.source, artifact.kind, artifact.key)
        first, tags = found.get(place, (entry, ()))
        found[place] = (first, tuple(dict.fromkeys((*tags, *entry.tags))))
    return found
