"""From hours that are asked for to loads: what is new or changed is fetched and parsed, and grouped into packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from catalog.duck import DuckConnection, connect
from catalog.errors import SourceError, SourceFormatError
from catalog.settings import LoadSettings
from ingest.ahead import read_ahead
from ingest.gharchive.files import HourFolder
from ingest.gharchive.hours import SUFFIXES, hour_name, period_start
from ingest.gharchive.lines import Lines, Unpacked, read_lines
from ingest.gharchive.records import parse_lines
from ingest.gharchive.seen import SeenFiles
from ingest.loads import Load, Replaced, load_id

ASK_MISSING_FOR = timedelta(days=30)
ASK_LOADED_FOR = timedelta(days=7)
HOUR_SECONDS = 3600
REJECTED_TOLD = 5
BATCH_BYTES = 32_000_000
BATCH_LINES = 100_000
PACKAGE_BYTES = 128_000_000
_REJECTED_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("source", "reason", "field", "message", "record", "_source_file")] + [("_source_line", pa.int64())]
)


@dataclass(frozen=True)
class KnownHour:
    """What the lake knows of an hour: a row of `raw.gharchive__hours`.

    Attributes:
        loaded_count: the good records that it has.
        is_cut: a later load of the hour was cut off, so that its events are not those that the row tells of.
    """

    state: str
    loaded_count: int
    sha256: str | None
    etag: str | None
    load_id: str
    is_cut: bool = False


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


@dataclass
class _Hour:
    """An hour that was read, with what was learned of its file; a missing one has none."""

    name: str
    start: datetime
    known: KnownHour | None
    file: str
    sha256: str | None = None
    etag: str | None = None
    bytes: int = 0
    unpacked: Unpacked = field(default_factory=Unpacked)

    @property
    def identity(self) -> str:
        """What tells a load of this hour from others."""
        return f"{self.name}={self.sha256 or 'missing'} after {self.known.load_id if self.known else 'nothing'}"


@dataclass
class _Batch:
    """Lines that are parsed at once, the hours that end among them, and the files that are refused after all."""

    pieces: list[Lines] = field(default_factory=list)
    bytes: int = 0
    lines: int = 0
    hours: list[_Hour] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    ends_package: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it should be parsed before more is read."""
        return self.bytes >= BATCH_BYTES or self.lines >= BATCH_LINES

    def add(self, lines: Lines) -> None:
        """Take in some lines of an hour."""
        self.pieces.append(lines)
        self.bytes += lines.texts.nbytes
        self.lines += len(lines.texts) + len(lines.bad)

    def refuse(self, file: str) -> None:
        """Leave out a file whose lines came already, here or in an earlier batch."""
        self.pieces = [lines for lines in self.pieces if lines.file != file]
        self.bytes = sum(lines.texts.nbytes for lines in self.pieces)
        self.refused.add(file)


@dataclass
class _Package:
    """Hours that will be committed together.

    Attributes:
        refused: files of which too many lines are rejected, and what is said of them.
        kept: what is said of files that are not taken, since the lake has better ones of their hours.
    """

    max_rejected: int
    hours: list[_Hour] = field(default_factory=list)
    events: list[pa.Table] = field(default_factory=list)
    rejected: list[pa.Table] = field(default_factory=list)
    loaded_counts: Counter[str] = field(default_factory=Counter)
    rejected_counts: Counter[str] = field(default_factory=Counter)
    first_times: dict[str, str] = field(default_factory=dict)
    refused: dict[str, SourceError] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def add(self, batch: _Batch, connection: DuckConnection) -> None:
        """Parse a batch and take in what it holds."""
        if batch.refused:
            self._leave_out(batch.refused)
            self.refused = {file: error for file, error in self.refused.items() if file not in batch.refused}
        self.hours += [hour for hour in batch.hours if hour.file not in self.refused]
        pieces = [lines for lines in batch.pieces if lines.file not in self.refused]
        if pieces:
            parsed = parse_lines(connection, pieces)
            self.events.append(parsed.events)
            self.loaded_counts.update(parsed.loaded_counts)
            self.first_times = parsed.first_times | self.first_times
            if parsed.rejected:
                self._reject(parsed.rejected)

    def _reject(self, rejected: list[dict[str, object]]) -> None:
        """Take in rejected lines, as columns that take little; a file that has too many of them is refused."""
        self.rejected.append(pa.Table.from_pylist(rejected, schema=_REJECTED_SCHEMA))
        self.rejected_counts.update(str(row["_source_file"]) for row in rejected)
        refused = {file for file, count in self.rejected_counts.items() if count > self.max_rejected}
        for file in refused:
            message = next(row["message"] for row in rejected if row["_source_file"] == file)
            self.refused[file] = SourceFormatError(
                f"{file}: more than {self.max_rejected:,} of its lines are rejected, such as {message}; if it is right, raise the setting "
                f"load.max_hour_rejected",
                file=file,
            )
        if refused:
            self._leave_out(refused)

    def _leave_out(self, files: set[str]) -> None:
        """Let go what came of files that are refused or not taken."""
        names = pa.array(sorted(files), pa.string())
        for tables in (self.events, self.rejected):
            tables[:] = [rows.filter(pc.invert(pc.is_in(rows.column("_source_file"), value_set=names))) for rows in tables]
        self.hours = [hour for hour in self.hours if hour.file not in files]
        for file in files:
            self.loaded_counts.pop(file, None)
            self.rejected_counts.pop(file, None)
            self.first_times.pop(file, None)

    def settle(self) -> None:
        """Leave out the files that would take more good records away than they bring, though they are cut or all rejected."""
        worse = {hour.file: hour for hour in self.hours if self._is_worse(hour)}
        self.kept = [self._why_kept(hour) for hour in worse.values()]
        if worse:
            self._leave_out(set(worse))

    def _is_worse(self, hour: _Hour) -> bool:
        known, loaded = hour.known, self.loaded_counts[hour.file]
        if known is None or known.is_cut or not known.loaded_count:
            return False
        if hour.unpacked.is_cut:
            return known.state != "partial" or loaded < known.loaded_count
        return not loaded and bool(self.rejected_counts[hour.file])

    def _why_kept(self, hour: _Hour) -> str:
        loaded, had = self.loaded_counts[hour.file], hour.known.loaded_count if hour.known else 0
        reason = f"is cut after line {hour.unpacked.lines:,} ({hour.unpacked.problem})" if hour.unpacked.is_cut else "is whole"
        return f"{hour.file} changed and was not taken: it {reason} and has {loaded:,} good records, the hour keeps its {had:,}"

    def as_load(self) -> Load:
        """Return the load of all that was added; the ledger of hours comes last."""
        tables = {}
        rejected = pa.concat_tables([_REJECTED_SCHEMA.empty_table(), *self.rejected])
        if rejected.num_rows:
            tables["rejected"] = rejected
        if self.events:
            tables["gharchive__events"] = pa.concat_tables(self.events)
        tables["gharchive__hours"] = pa.Table.from_pylist(self._hour_rows(), schema=_HOURS_SCHEMA)
        files = frozenset(hour.name + suffix for hour in self.hours for suffix in SUFFIXES)
        return Load(
            load_id("gharchive", *(hour.identity for hour in self.hours)),
            "gharchive",
            tables,
            {"first_hour": self.hours[0].name, "last_hour": self.hours[-1].name},
            {
                "rejected": Replaced("_source_file", files),
                "gharchive__events": Replaced("_source_file", files),
                "gharchive__hours": Replaced("hour", frozenset(hour.name for hour in self.hours)),
            },
            files=sum(hour.sha256 is not None for hour in self.hours),
            units=len(self.hours),
            bytes=sum(hour.bytes for hour in self.hours),
            rejected={entry["values"]: entry["counts"] for entry in pc.value_counts(rejected.column("reason")).to_pylist()},
            notes=(*self._cut_files(), *rejected.column("message").slice(0, REJECTED_TOLD).to_pylist()),
            record_tables=frozenset({"gharchive__events"}),
        )

    def _cut_files(self) -> list[str]:
        return [
            f"{hour.file} is cut after line {hour.unpacked.lines:,} ({hour.unpacked.problem}): the hour is partial until its file changes"
            for hour in self.hours
            if hour.unpacked.is_cut
        ]

    def _hour_rows(self) -> list[dict[str, object]]:
        return [self._hour_row(hour, self.loaded_counts[hour.file], self.rejected_counts[hour.file]) for hour in self.hours]

    def _hour_row(self, hour: _Hour, loaded: int, rejected: int) -> dict[str, object]:
        state = "missing" if hour.sha256 is None else "partial" if hour.unpacked.is_cut else "loaded" if loaded + rejected else "empty"
        return {
            "hour": hour.name,
            "period_start": period_start(hour.start, self.first_times.get(hour.file)),
            "period_seconds": HOUR_SECONDS,
            "state": state,
            "record_count": loaded + rejected,
            "loaded_count": loaded,
            "rejected_count": rejected,
            "content_sha256": hour.sha256,
            "content_bytes": hour.bytes if hour.sha256 else None,
            "etag": hour.etag,
            "_source_file": hour.file,
            "_source_line": 0,
        }


class HourLoads:
    """The loads of hours at one address.

    After the iteration `unavailable` tells of hours that could not be had, or were refused; `missing` names those that are so for the first time;
    `kept` tells of files that changed for the worse and were not taken.

    Args:
        seen: files that needn't be read to know that they hold what the lake has.
        recheck: ask for loaded and missing hours again however old they are.
    """

    def __init__(
        self,
        address: str,
        hours: Sequence[datetime],
        known: Mapping[str, KnownHour],
        seen: SeenFiles,
        settings: LoadSettings,
        *,
        recheck: bool = False,
    ) -> None:
        self.folder = HourFolder(address, settings)
        self.unavailable: list[SourceError] = []
        self.missing: list[str] = []
        self.kept: list[str] = []
        self._hours, self._known, self._seen, self._settings, self._recheck = hours, known, seen, settings, recheck

    def __iter__(self) -> Iterator[Load]:
        package = _Package(self._settings.max_hour_rejected)
        with connect() as connection:
            for batch in read_ahead(self._batches()):
                package.add(batch, connection)
                if batch.ends_package:
                    package.settle()
                    self.unavailable += package.refused.values()
                    self.kept += package.kept
                    if package.hours:
                        yield package.as_load()
                    package = _Package(self._settings.max_hour_rejected)

    def _batches(self) -> Iterator[_Batch]:
        """Unpack the files of the hours that are news."""
        batch, hours, package_bytes, package_lines = _Batch(), 0, 0, 0
        for start in self._hours:
            hour = None
            try:
                if (fetched := self._fetch(start)) is None:
                    continue
                hour, content = fetched
                for lines in self._read(hour, content):
                    batch.add(lines)
                    if batch.is_full:
                        yield batch
                        batch = _Batch()
            except SourceError as error:
                self.unavailable.append(error)
                if hour is not None:
                    batch.refuse(hour.file)
                continue
            batch.hours.append(hour)
            hours += 1
            package_lines, package_bytes = package_lines + hour.unpacked.lines, package_bytes + hour.unpacked.bytes
            if package_lines >= self._settings.package_records or package_bytes >= PACKAGE_BYTES:
                batch.ends_package = True
                yield batch
                batch, hours, package_bytes, package_lines = _Batch(), 0, 0, 0
        if hours:
            batch.ends_package = True
            yield batch

    def _read(self, hour: _Hour, content: bytes) -> Iterator[Lines]:
        limits = {"max_line_bytes": self._settings.max_record_bytes, "max_bytes": self._settings.max_hour_bytes}
        return read_lines(content, hour.unpacked, **limits, name=hour.file)

    def _fetch(self, start: datetime) -> tuple[_Hour, bytes] | None:
        """Return an hour and its file's content (empty where it is missing); None where that is no news."""
        name = hour_name(start)
        known = self._known.get(name)
        sure = known if known is not None and not known.is_cut else None
        age = datetime.now(UTC) - start
        asked_for = ASK_MISSING_FOR if known is not None and known.state == "missing" else ASK_LOADED_FOR
        if sure and not (self._recheck or self.folder.is_local or age < asked_for):
            return None
        found = self.folder.find(start)
        if found is None:
            if known is not None:
                return None
            self.missing.append(name)
            return _Hour(name, start, known, name + SUFFIXES[0]), b""
        path, etag = found
        if sure and sure.sha256 and etag is not None and (sure.etag == etag or sure.sha256 == self._seen.sha256(path, etag)):
            return None
        file = self.folder.fetch(path, etag)
        if file is None:
            return None
        if sure and sure.sha256 == file.sha256:
            self._seen.note(path, etag, file.sha256)
            return None
        return _Hour(name, start, known, file.name, file.sha256, etag, len(file.content)), file.content
