"""Who lists what: the directory's newest state, each entry with the time when it was first listed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ingest.world.truth.gitlog import Snapshot
from ingest.world.truth.keys import Key
from ingest.world.truth.names import Names


@dataclass(slots=True)
class Listing:
    """Projects by slug with their entries (lower-case owner or owner/name) and since when; collections' projects."""

    entries: dict[str, dict[str, int]] = field(default_factory=dict)
    collections: dict[str, set[str]] = field(default_factory=dict)

    def artifacts(self, names: Names, repositories: Iterable[Key]) -> dict[str, set[Key]]:
        """Return the artifacts of each project; `repositories` are all canonical ones, for entries that name an owner."""
        owners: dict[str, set[Key]] = {}
        for key in repositories:
            owners.setdefault(names.current(key).split("/")[0], set()).add(key)
        return {
            slug: {key for entry, since in entries.items() for key in _leads_to(entry, since, names, owners)}
            for slug, entries in self.entries.items()
        }


def _leads_to(entry: str, since: int, names: Names, owners: dict[str, set[Key]]) -> set[Key]:
    if "/" not in entry:
        return owners.get(entry, set())
    return {names.repository_at(entry, since)}


def read_listing(snapshots: Iterable[Snapshot]) -> Listing:
    """Return the listing of the last snapshot; an entry counts from the snapshot since which it has stood there."""
    listing = Listing()
    parsed: dict[str, Any] = {}
    for snapshot in snapshots:
        before, listing = listing, Listing()
        for path, text in snapshot.files.items():
            parsed[text] = parsed.get(text) or yaml.safe_load(text)
            document = parsed[text]
            if path.startswith("data/projects/"):
                since = before.entries.get(document["name"], {})
                entries = {entry: since.get(entry, snapshot.second) for entry in _entries(document)}
                listing.entries[document["name"]] = entries
            else:
                listing.collections[document["name"]] = set(document["projects"])
    return listing


def _entries(document: dict[str, Any]) -> Iterator[str]:
    for item in document.get("github") or []:
        path = item["url"].lower().split("github.com/", 1)[1].strip("/").split("/")
        if path[0] == "orgs":
            yield path[1]
        elif len(path) == 1:
            yield path[0].removeprefix("@")
        else:
            yield f"{path[0].removeprefix('@')}/{path[1].removesuffix('.git')}"
