"""From hours that are asked for to loads: what is new or changed is fetched and parsed, and grouped into packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from catalog.duck import connect
from catalog.errors import SourceUnavailableError
from catalog.settings import LoadSettings
from ingest.gharchive.files import HourFile, HourFolder
from ingest.gharchive.hours import SUFFIXES, hour_name, period_start
from ingest.gharchive.lines import Unpacked, read_lines
from ingest.gharchive.records import parse_lines
from ingest.loads import Load, Replaced, load_id

ASK_MISSING_FOR = timedelta(days=30)
ASK_LOADED_FOR = timedelta(days=7)
HOUR_SECONDS = 3600
REJECTED_TOLD = 5
_REJECTED_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("source", "reason", "field", "message", "record", "_source_file")] + [("_source_line", pa.int64())]
)


@dataclass(frozen=True)
class KnownHour:
    """What the lake knows of an hour: a row of `raw.gharchive__hours`."""

    state: str
    sha256: str | None
    etag: str | None
    load_id: str


@dataclass
class _Package:
    """Hours that will be committed together."""

    names: list[str] = field(default_factory=list)
    identity: list[str] = field(default_factory=list)
    events: list[pa.Table] = field(default_factory=list)
    rejected: list[dict[str, object]] = field(default_factory=list)
    hours: list[dict[str, object]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    @property
    def records(self) -> int:
        return sum(int(table.num_rows) for table in self.events) + len(self.rejected)

    def as_load(self) -> Load:
        tables = {}
        if self.rejected:
            tables["rejected"] = pa.Table.from_pylist(self.rejected, schema=_REJECTED_SCHEMA)
        if self.events:
            tables["gharchive__events"] = pa.concat_tables(self.events)
        tables["gharchive__hours"] = pa.Table.from_pylist(self.hours, schema=_HOURS_SCHEMA)
        files = frozenset(name + suffix for name in self.names for suffix in SUFFIXES)
        return Load(
            load_id("gharchive", *self.identity),
            "gharchive",
            tables,
            {
                "rejected": Replaced("_source_file", files),
                "gharchive__events": Replaced("_source_file", files),
                "gharchive__hours": Replaced("hour", frozenset(self.names)),
            },
            files=self.files,
            units=len(self.hours),
            bytes=self.bytes,
            rejected=Counter(str(row["reason"]) for row in self.rejected),
            notes=(*self.problems, *(str(row["message"]) for row in self.rejected[:REJECTED_TOLD])),
            record_tables=frozenset({"gharchive__events"}),
        )


_HOURS_SCHEMA = pa.schema(
    [
        ("hour", pa.string()),
        ("period_start", pa.timestamp("us", "UTC")),
        ("period_seconds", pa.int64()),
        ("state", pa.string()),
        ("record_count", pa.int64()),
        ("loaded_count", pa.int64()),
        ("rejected_count", pa.int64()),
        ("content_sha256", pa.string()),
        ("content_bytes", pa.int64()),
        ("etag", pa.string()),
        ("_source_file", pa.string()),
        ("_source_line", pa.int64()),
    ]
)


class HourLoads:
    """The loads of hours at one address; after the iteration `unavailable` names those that could not be asked for.

    Args:
        recheck: ask for loaded and missing hours again however old they are.
    """

    def __init__(
        self,
        address: str,
        hours: Sequence[datetime],
        known: Mapping[str, KnownHour],
        settings: LoadSettings,
        *,
        recheck: bool = False,
    ) -> None:
        self.folder = HourFolder(address, settings)
        self.unavailable: list[SourceUnavailableError] = []
        self._hours, self._known, self._settings, self._recheck = hours, known, settings, recheck

    def __iter__(self) -> Iterator[Load]:
        package = _Package()
        connection = connect()
        for hour in self._hours:
            try:
                fetched = self._fetch(hour)
            except SourceUnavailableError as error:
                self.unavailable.append(error)
                continue
            if fetched is None:
                continue
            self._add(package, hour, fetched[0], connection)
            if package.records >= self._settings.package_records:
                yield package.as_load()
                package = _Package()
        if package.hours:
            yield package.as_load()
        connection.close()

    def _fetch(self, hour: datetime) -> tuple[HourFile | None] | None:
        """Return an hour's file (or that it is missing) where that is news; None where there is none."""
        known = self._known.get(hour_name(hour))
        age = datetime.now(UTC) - hour
        asked_for = ASK_MISSING_FOR if known is not None and known.state == "missing" else ASK_LOADED_FOR
        if known is not None and not (self._recheck or self.folder.is_local or age < asked_for):
            return None
        found = self.folder.find(hour)
        if found is None:
            return None if known is not None else (None,)
        path, etag = found
        if known is not None and etag is not None and known.etag == etag:
            return None
        file = self.folder.fetch(path, etag)
        if file is None or (known is not None and known.sha256 == file.sha256):
            return None
        return (file,)

    def _add(self, package: _Package, hour: datetime, file: HourFile | None, connection: object) -> None:
        name = hour_name(hour)
        known = self._known.get(name)
        row: dict[str, object] = {"hour": name, "period_seconds": HOUR_SECONDS, "_source_line": 0}
        package.names.append(name)
        package.identity.append(f"{name}={file.sha256 if file else 'missing'} after {known.load_id if known else 'nothing'}")
        if file is None:
            row |= {"period_start": hour, "state": "missing", "_source_file": f"{name}{SUFFIXES[0]}"}
            package.hours.append(row | dict.fromkeys(("record_count", "loaded_count", "rejected_count"), 0))
            return
        unpacked, loaded, rejected, first = Unpacked(), 0, 0, None
        limits = {"max_line_bytes": self._settings.max_record_bytes, "max_bytes": self._settings.max_hour_bytes}
        for lines in read_lines(file.content, unpacked, **limits, name=file.name):
            parsed = parse_lines(connection, lines, file.name)  # type: ignore[arg-type]
            first = first or parsed.first_created_at
            loaded, rejected = loaded + parsed.events.num_rows, rejected + len(parsed.rejected)
            package.events.append(parsed.events)
            package.rejected += parsed.rejected
        package.files += 1
        package.bytes += len(file.content)
        if unpacked.is_cut:
            package.problems.append(
                f"{file.name} is cut after line {unpacked.lines:,} ({unpacked.problem}): the hour is partial until its file changes"
            )
        row |= {
            "period_start": period_start(hour, first),
            "state": "partial" if unpacked.is_cut else "loaded" if loaded + rejected else "empty",
            "record_count": loaded + rejected,
            "loaded_count": loaded,
            "rejected_count": rejected,
            "content_sha256": file.sha256,
            "content_bytes": len(file.content),
            "etag": file.etag,
            "_source_file": file.name,
        }
        package.hours.append(row)
