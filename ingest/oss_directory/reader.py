"""One directory's load: all its rows, in place of those that it had."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from catalog.errors import SourceFormatError
from ingest.loads import Load, Replaced, load_id
from ingest.oss_directory.directories import Directory, Identity, identify_directory, name_of, open_directory
from ingest.oss_directory.documents import Document, read_document
from ingest.oss_directory.histories import Version, versions_of
from ingest.oss_directory.listings import listings_of
from ingest.oss_directory.rows import DirectoryRows

_HALF = 32


def directory_load_id(address: str, *, position: int, history: bool, known_load_id: str | None = None) -> str:
    """Return the id of the load that a directory would make now, without parsing it; the known one if nothing is new.

    For a URL only its HEAD is asked for. The first half of an id tells the directory and its state, the second also the
    load before: a directory that comes back to a former state makes a load of its own.

    Raises:
        SourceMissingError, SourceUnavailableError, SourceFormatError: there is no directory, or it can't be reached.
    """
    return _load_id(identify_directory(address), position, known_load_id, history=history)


def directory_name(address: str) -> str:
    """Return the name that a directory's rows bear, without asking a remote.

    Raises:
        SourceMissingError, SourceFormatError: the address is a path that names no directory.
    """
    return name_of(address)


def read_directory(
    address: str, *, position: int, history: bool, known_load_id: str | None, cut_load_ids: frozenset[str] = frozenset()
) -> Load | None:
    """Read a directory, of its newest state or with all its history.

    Args:
        address: a folder, a git repository, a bundle or a git URL.
        position: place among the configured directories.
        history: read every version over the first-parent history.
        known_load_id: id of the load whose rows the lake has.
        cut_load_ids: ids of later loads that were cut off: some tables have their rows, so all is read again.

    Returns:
        All rows of the directory for oss_directory__entries, oss_directory__collections, rejected and
        oss_directory__projects; None if nothing is new.

    Raises:
        SettingsError: the history of a folder without git is asked for.
        SourceMissingError, SourceUnavailableError, SourceFormatError: there is no directory, or it can't be read.
    """
    known = None if cut_load_ids else known_load_id
    if known and known == directory_load_id(address, position=position, history=history, known_load_id=known):
        return None
    with open_directory(address, history=history) as directory, _collector_paused():
        rows = DirectoryRows(directory.identity.name, position)
        _read(directory, rows)
        before = "\x1f".join(("cut", known_load_id or "", *sorted(cut_load_ids))) if cut_load_ids else known_load_id
        new_id = _load_id(directory.identity, position, before, history=history)
    if not rows.files:
        raise SourceFormatError(f"{address} has no YAML files in data/projects or data/collections", address=address)
    load = _load(new_id, directory.identity, rows, cut_load_ids | ({known_load_id} if known_load_id else set()))
    if not load.tables["oss_directory__projects"].num_rows:  # by whose rows a later load knows this one
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(load.rejected.items()))
        why = f" (rejected: {told})" if told else ""
        raise SourceFormatError(f"{address} has no project that can be read{why}; what was loaded of it before stays", address=address)
    return load


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector of cycles from going through millions of nodes that hold none: half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(directory: Directory, rows: DirectoryRows) -> None:
    """Read version after version; those of one project are at hand together, and only those."""
    versions = versions_of(directory.changes())
    read = zip(versions, directory.contents(versions), strict=True)
    for _, group in groupby(_documents(read, rows), key=lambda pair: pair[0].key):
        listed = [(version, document.entries) for version, document in group]
        rows.add_listings(listings_of(listed))


def _documents(read: Iterator[tuple[Version, bytes]], rows: DirectoryRows) -> Iterator[tuple[Version, Document]]:
    """Yield the versions that hold, with what is in them; equal contents in a row are parsed once."""
    document, parsed = Document(), None
    for version, content in read:
        rows.count(content)
        if version.shadowed_by:
            rows.reject_shadowed(version, content)
            continue
        if parsed != (version.key, version.content):
            document = read_document(content, is_project=version.key.kind == "projects")
            parsed = (version.key, version.content)
        rows.add_version(version, document)
        yield version, document


def _load_id(identity: Identity, position: int, known_load_id: str | None, *, history: bool) -> str:
    extent = "history" if history else "newest"
    state = load_id("oss_directory", identity.name, str(position), extent, identity.state)
    if known_load_id and known_load_id[:_HALF] == state[:_HALF]:
        return known_load_id
    return state[:_HALF] + load_id("oss_directory", state, known_load_id or "")[:_HALF]


def _load(new_id: str, identity: Identity, rows: DirectoryRows, earlier_load_ids: frozenset[str]) -> Load:
    own = Replaced("directory", frozenset({rows.directory}))
    replaces = {f"oss_directory__{name}": own for name in ("entries", "collections", "projects")}
    if earlier_load_ids:
        replaces["rejected"] = Replaced("_load_id", earlier_load_ids)
    return Load(
        new_id,
        "oss_directory",
        rows.tables(),
        {"directory": identity.name, "state": identity.state},
        replaces,
        files=rows.files,
        bytes=rows.bytes,
        rejected=Counter(rows.rejected_reasons),
        record_tables=frozenset(own_name for own_name in replaces if own_name != "rejected"),
    )
