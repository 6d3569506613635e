"""Which version of which file holds from when to when, over a line of commits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

_FILE = re.compile(r"data/(?P<kind>projects|collections)/(?:[^/]+/)*(?P<stem>[^/]+)\.ya?ml\Z")


class Key(NamedTuple):
    """What a file is about: `projects` or `collections`, and the slug, which is the file's name in lower case."""

    kind: str
    slug: str


@dataclass(frozen=True)
class Change:
    """A commit: its id, its time in seconds since 1970, and the files that it wrote (content's id) or deleted (None).

    Both are None for a folder without git, the time also where the history isn't read.
    """

    commit: str | None
    seconds: int | None
    files: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a file, from the commit that wrote it up to the one that changed or deleted it.

    Attributes:
        content: the content's id: a blob, or the path for a folder without git.
        shadowed_by: path of another file of the same slug that is read instead.
    """

    key: Key
    path: str
    content: str
    commit: str | None
    valid_from: int | None
    valid_to: int | None = None
    shadowed_by: str | None = None


def key_of(path: str) -> Key | None:
    """Return what a file is about; None if it is none of the directory's YAML files."""
    match = _FILE.match(path)
    return Key(match["kind"], match["stem"].lower()) if match else None


def versions_of(changes: Iterable[Change]) -> list[Version]:
    """Return the versions that a line of commits, oldest first, makes; those of one key together, in their order.

    Times of commits that go back are lifted to the latest before them, so that a version never ends before it begins.
    """
    timeline = _Timeline()
    for change in changes:
        timeline.apply(change)
    return timeline.finished()


@dataclass
class _Timeline:
    """The files as they stand, and the versions so far."""

    files: dict[str, str] = field(default_factory=dict)
    paths: dict[Key, set[str]] = field(default_factory=dict)
    current: dict[Key, Version] = field(default_factory=dict)
    past: list[Version] = field(default_factory=list)
    shadowed: dict[tuple[str, str], Version] = field(default_factory=dict)
    now: int | None = None

    def apply(self, change: Change) -> None:
        """Take one commit."""
        if change.seconds is not None:
            self.now = max(self.now or 0, change.seconds)
        touched = dict.fromkeys(key for path, content in change.files.items() if (key := self._write(path, content)))
        for key in touched:
            self._settle(key, change.commit)

    def finished(self) -> list[Version]:
        """Return all versions in order."""
        order = {"projects": 0, "collections": 1}
        all_versions = [*self.past, *self.current.values(), *self.shadowed.values()]
        return sorted(all_versions, key=lambda version: (order[version.key.kind], version.key.slug))

    def _write(self, path: str, content: str | None) -> Key | None:
        key = key_of(path)
        if key is None:
            return None
        paths = self.paths.setdefault(key, set())
        if content is None:
            self.files.pop(path, None)
            paths.discard(path)
        else:
            self.files[path] = content
            paths.add(path)
        return key

    def _settle(self, key: Key, commit: str | None) -> None:
        """Close the version that no longer holds and open the one that does: of the first path that bears the slug."""
        paths = sorted(self.paths[key])
        first = paths[0] if paths else None
        before = self.current.get(key)
        if before and (before.path, before.content) == (first, self.files.get(before.path)):
            return
        if before:
            self.past.append(replace(self.current.pop(key), valid_to=self.now))
        if first is not None:
            self.current[key] = Version(key, first, self.files[first], commit, self.now)
        for path in paths[1:]:
            version = Version(key, path, self.files[path], commit, self.now, shadowed_by=first)
            self.shadowed.setdefault((path, version.content), version)
