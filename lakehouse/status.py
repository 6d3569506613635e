"""What is loaded, what is missing, which release is current, and which one each target shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from catalog.catalogs import catalog_answers, open_catalog
from catalog.errors import OsslakeError, PublishError
from catalog.raw_tables import DIRECTORY_COLLECTIONS, DIRECTORY_PROJECTS, GHARCHIVE_HOURS, GIT_REPOSITORIES, RAW_TABLES, REJECTED
from catalog.releases import Release, kept_ids, read_latest, read_release
from catalog.settings import Settings
from catalog.snapshots import content_snapshot_id
from lakehouse.ingest import ledger_rows
from lakehouse.publications import Publication, named_publications
from lakehouse.publications.changes import shown_release

MISSING_SHOWN = 5


@dataclass(frozen=True)
class LakeStatus:
    """The state of a lake.

    Attributes:
        sources: per source its name, its figures and a line of text.
        release: id, as_of_date, created_at and how many releases are kept; None before the first.
        is_behind: whether raw tables changed since the release.
        targets: per target that the settings name its name, the release that it shows (id, sequence, as_of_date; None: none yet, or it can't be
            asked), how many releases and days of the as-of date it is behind the current one, and a line of text.
    """

    folder: str
    sources: list[dict[str, Any]] = field(default_factory=list)
    release: dict[str, Any] | None = None
    is_behind: bool = False
    targets: list[dict[str, Any]] = field(default_factory=list)


def lake_status(settings: Settings) -> LakeStatus:
    """Read the state of a lake."""
    if not settings.folder.is_dir():
        return LakeStatus(str(settings.folder))
    catalog = open_catalog(settings)
    sources = [
        *_hours(settings, catalog),
        *_directories(settings, catalog),
        *_repositories(settings, catalog),
        *_rejected(settings, catalog),
    ]
    if read_latest(settings) is None:
        return LakeStatus(str(settings.folder), sources)
    release = read_release(settings)
    shown = {"id": release.id, "as_of_date": release.as_of_date, "created_at": release.created_at, "kept": _kept(settings)}
    is_behind = _is_behind(catalog, release.document.inputs)
    return LakeStatus(
        str(settings.folder), sources, shown, is_behind, [_target(settings, one, release) for one in named_publications(settings)]
    )


def _target(settings: Settings, publication: Publication, release: Release) -> dict[str, Any]:
    """Ask a target what it shows; one that can't be asked is no error of the lake's."""
    answer: dict[str, Any] = {"target": publication.name, "shown": None, "releases_behind": None, "days_behind": None}
    try:
        shown = publication.shown()
    except OsslakeError as error:
        return answer | {"text": f"can't be asked: {error}"}
    if shown is None:
        return answer | {"text": "shows nothing yet"}
    try:
        shown_release(settings, shown, "it")
    except PublishError as error:
        return answer | {"shown": shown, "text": str(error)}
    releases, days = release.sequence - shown.sequence, max((release.as_of_date - shown.as_of_date).days, 0)
    counts = [f"{count:,} {what}{'' if count == 1 else 's'}" for count, what in ((releases, "release"), (days, "day")) if count]
    behind = f"{' and '.join(counts)} behind" if counts else "the current one"
    text = f"release {shown.id[:16]}, as of {shown.as_of_date}: {behind}"
    return answer | {"shown": shown, "releases_behind": releases, "days_behind": days, "text": text}


def _kept(settings: Settings) -> int:
    from catalog.bucket import open_bucket

    return len(kept_ids(open_bucket(settings)))


def _is_behind(catalog: Any, inputs: dict[str, str]) -> bool:
    for dataset in RAW_TABLES:
        if dataset is REJECTED:
            continue
        with catalog_answers(f"looking up table {dataset.full_name}"):
            table = catalog.load_table(dataset.identifier)
        released = inputs.get(dataset.full_name)
        if content_snapshot_id(table) != (content_snapshot_id(table, int(released)) if released else None):
            return True
    return False


def _hours(settings: Settings, catalog: Any) -> list[dict[str, Any]]:
    rows = ledger_rows(settings, catalog, GHARCHIVE_HOURS, "hour, state, period_start, record_count, loaded_count, rejected_count")
    if not rows:
        return []
    states = {state: sum(row[1] == state for row in rows) for state in ("loaded", "empty", "missing", "partial")}
    missing = sorted((row[2], row[0]) for row in rows if row[1] == "missing")
    first, last = min(row[2] for row in rows), max(row[2] for row in rows)
    figures = {"records": sum(row[3] for row in rows), "loaded": sum(row[4] for row in rows), "rejected": sum(row[5] for row in rows)}
    text = f"hours {first:%Y-%m-%dT%H} to {last:%Y-%m-%dT%H} UTC{_other_clock(rows)}: " + ", ".join(
        f"{count:,} {state}" for state, count in states.items()
    )
    text += f"; {figures['records']:,} records = {figures['loaded']:,} loaded + {figures['rejected']:,} rejected"
    if missing:
        names = [name for _, name in missing]
        text += f"; missing: {', '.join(names[:MISSING_SHOWN])}{', ...' if len(names) > MISSING_SHOWN else ''}"
    return [{"source": "gharchive", "text": text, "hours": states, "missing": [name for _, name in missing], **figures}]


def _other_clock(rows: list[tuple[Any, ...]]) -> str:
    """Tell of hours whose files are named by another clock than UTC's, as those of old records are."""
    shifted = sorted((row[2], row[0]) for row in rows if row[0] != f"{row[2]:%Y-%m-%d}-{row[2].hour}")
    if not shifted:
        return ""
    start, name = shifted[0]
    return f" ({len(shifted):,} files are named by another clock, as their records' times are: {name} begins at {start:%Y-%m-%dT%H} UTC)"


def _directories(settings: Settings, catalog: Any) -> list[dict[str, Any]]:
    current = "directory, count(*) FILTER (WHERE valid_to IS NULL), max(directory_commit)"
    projects = ledger_rows(settings, catalog, DIRECTORY_PROJECTS, current, "GROUP BY directory ORDER BY directory")
    collections = {
        row[0]: row[1] for row in ledger_rows(settings, catalog, DIRECTORY_COLLECTIONS, current, "GROUP BY directory ORDER BY directory")
    }
    return [
        {
            "source": "oss_directory",
            "directory": name,
            "projects": count,
            "collections": collections.get(name, 0),
            "text": f"{name}: {count:,} projects, {collections.get(name, 0):,} collections",
        }
        for name, count, _ in projects
    ]


def _repositories(settings: Settings, catalog: Any) -> list[dict[str, Any]]:
    rows = ledger_rows(settings, catalog, GIT_REPOSITORIES, "count(*), coalesce(sum(commit_count), 0)")
    if not rows or not rows[0][0]:
        return []
    return [
        {
            "source": "git",
            "repositories": rows[0][0],
            "commits": int(rows[0][1]),
            "text": f"{rows[0][0]:,} repositories, {int(rows[0][1]):,} commits",
        }
    ]


def _rejected(settings: Settings, catalog: Any) -> list[dict[str, Any]]:
    rows = ledger_rows(settings, catalog, REJECTED, "source, reason, count(*)", "GROUP BY source, reason ORDER BY source, reason")
    if not rows:
        return []
    text = ", ".join(f"{source} {reason} {count:,}" for source, reason, count in rows)
    return [{"source": "rejected", "text": text, "reasons": [{"source": s, "reason": r, "count": c} for s, r, c in rows]}]
