"""A lake of six small marts that bring up what publication has to cope with, and its releases: quickly made, and with values that are hard to carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from end_to_end.lakes import Lake
from released_lake import EVENTS as RAW
from released_lake import FIRST_EVENTS as RAW_ROWS
from released_lake import ReleasedLake, Rows

from catalog.catalogs import open_catalog
from catalog.datasets import Column, Dataset, Partitioning
from catalog.iceberg import commit_files, data_files, ensure_table
from catalog.releases import read_release

SERIES = Dataset(
    "marts",
    "series_v1",
    "A metric's value for a project on a day.",
    (Column("metric_name", "string", "the metric"), Column("project_id", "string", "the project"), Column("sample_date", "date", "the day"))
    + (Column("amount", "double", "the value"),),
    grain=("metric_name", "project_id", "sample_date"),
    partitioning=Partitioning("sample_date", "month"),
)
EVENTS = Dataset(
    "marts",
    "events_v1",
    "Something that happened; its grain lacks the column that it is cut by.",
    (
        Column("time", "timestamptz", "when"),
        Column("event_source_id", "string", "the source's own id"),
        Column("to_artifact_id", "string", "to what"),
    )
    + (
        Column("from_artifact_id", "string", "who; null where unknown"),
        Column("is_bot", "boolean", "whether"),
        Column("amount", "double", "much"),
    ),
    grain=("event_source_id", "to_artifact_id"),
    partitioning=Partitioning("time", "month"),
)
PROJECTS = Dataset(
    "marts",
    "projects_v1",
    "A project; its texts are people's own.",
    (
        Column("project_name", "string", "slug"),
        Column("display_name", "string", "it's for people"),
        Column("artifact_count", "long", "how many"),
    ),
    grain=("project_name",),
)
ALIASES = Dataset(
    "marts",
    "aliases_v1",
    "A name; the namespace, part of the grain, is null for some.",
    (Column("artifact_id", "string", "whose"), Column("artifact_namespace", "string", "owner")),
    grain=("artifact_id", "artifact_namespace"),
)
COVERAGE = Dataset(
    "marts",
    "coverage_v1",
    "An hour; two may have the same start, so that the grain doesn't hold.",
    (Column("period_start", "timestamptz", "start"), Column("record_count", "int", "records")),
    grain=("period_start",),
)
GAPS = Dataset("marts", "gaps_v1", "A gap; there is none.", (Column("reason", "string", "why"),), grain=("reason",))
MARTS = (SERIES, EVENTS, PROJECTS, ALIASES, COVERAGE, GAPS)
FIRST_DAY, DAYS = date(2023, 11, 20), 55
"""To 2024-01-13: three months."""
NAMES = ["plain", "", "line\n\\.\nline", "quote \" and ' and \\", "Grüße, 你好 \t😀", None]


def series_rows(first: date, days: int) -> Rows:
    """Return values of two metrics for three projects on some days."""
    return [
        {"metric_name": metric, "project_id": project, "sample_date": first + timedelta(days=day), "amount": amount}
        for day in range(days)
        for metric in ("commits", "stars")
        for project, amount in (("p1", day + 0.1), ("p2", -0.0), ("p3", 1e300 if day == 3 else None))
    ]


def event_rows(first: date, days: int) -> Rows:
    """Return four events a day."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return [
        {"time": start + timedelta(days=day, hours=6 * number, microseconds=number), "event_source_id": f"{first}-{day}-{number}"}
        | {"to_artifact_id": "a", "from_artifact_id": None if number else "b", "is_bot": number == 1, "amount": number / 3}
        for day in range(days)
        for number in range(4)
    ]


class MartLake(ReleasedLake):
    """A lake with the six marts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (RAW, *MARTS))
        (self.settings.folder / "osslake.toml").write_text('dataset = "small-lake"\n')
        self.day = FIRST_DAY + timedelta(days=DAYS - 1)

    def release_months(self) -> None:
        """Fill all tables and release them."""
        self.append(RAW, RAW_ROWS)
        for first, days in ((FIRST_DAY, 11), (date(2023, 12, 1), 31), (date(2024, 1, 1), 13)):
            self.append(SERIES, series_rows(first, days))
            self.append(EVENTS, event_rows(first, days))
        self.append(
            PROJECTS, [{"project_name": f"p{at}", "display_name": name, "artifact_count": at or None} for at, name in enumerate(NAMES)]
        )
        self.append(ALIASES, [{"artifact_id": "a", "artifact_namespace": name} for name in ("x", None)])
        self.append(COVERAGE, [{"period_start": datetime(2024, 1, 1, tzinfo=UTC), "record_count": count} for count in (1, 2)])
        self.release(self.day)

    def release_next_day(self) -> None:
        """Add a day to January, and release."""
        self.day += timedelta(days=1)
        self.append(SERIES, series_rows(self.day, 1))
        self.append(EVENTS, event_rows(self.day, 1))
        self.append(COVERAGE, [{"period_start": datetime(2024, 1, 2, tzinfo=UTC), "record_count": 3}])
        self.release(self.day)


def reopened(lake: Lake) -> MartLake:
    """Return a lake that was built before, to add to it."""
    found = MartLake.__new__(MartLake)
    found.settings, found.catalog, found.datasets, found.releases = lake.settings, open_catalog(lake.settings), (RAW, *MARTS), []
    found.day = lake.release().as_of_date
    return found


def with_column(lake: MartLake) -> Dataset:
    """Give the series a column that it has on the newest day alone, and release."""
    wider = replace(SERIES, columns=(*SERIES.columns, Column("unit", "string", "of the value")))
    ensure_table(lake.catalog, wider)
    lake.datasets = (RAW, wider, *MARTS[1:])
    lake.day += timedelta(days=1)
    lake.append(wider, [row | {"unit": "people"} for row in series_rows(lake.day, 1)])
    lake.release(lake.day)
    return wider


def without_month(lake: MartLake, dataset: Dataset, month: str) -> None:
    """Take a month's files away from a table, and release."""
    table = lake.catalog.load_table(dataset.identifier)
    released = next(one for one in read_release(lake.settings).tables if one.full_name == dataset.full_name)
    paths = {file.path for file in released.data_files if file.partition == month}
    commit_files(table, [], removed=[file for file in data_files(table) if file.file_path in paths])
    lake.release(lake.day)
