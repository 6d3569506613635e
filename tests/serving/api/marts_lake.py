"""A lake with the marts that the REST API shows, a few rows each, so that every expected answer can be told by hand.

Two projects, `alpha` and `beta`; three metrics of commits; two releases: as of 2024-02-10, and a day later, with what that day brought to February.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from released_lake import EVENTS, FIRST_EVENTS, ReleasedLake, Rows

from catalog.datasets import Column, ColumnType, Dataset, Partitioning

TYPES: dict[str, ColumnType] = {
    "project_count": "long",
    "artifact_count": "long",
    "first_listed_at": "timestamptz",
    "listed_at": "timestamptz",
    "first_seen_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "first_event_at": "timestamptz",
    "last_event_at": "timestamptz",
    "includes_bots": "boolean",
    "is_period_complete": "boolean",
    "is_degraded": "boolean",
    "coverage": "double",
    "amount": "double",
    "event_count": "long",
    "sample_date": "date",
    "bucket_date": "date",
}


def dataset(name: str, columns: str, grain: str, partitioning: Partitioning | None = None) -> Dataset:
    """Declare a mart whose columns' types follow from their names."""
    declared = tuple(Column(column, TYPES.get(column, "string"), f"the {column}") for column in columns.split())
    return Dataset("marts", name, f"Rows of {name}.", declared, tuple(grain.split()), partitioning)


MONTHLY = Partitioning("sample_date", "month")
COLLECTIONS = dataset("collections_v1", "collection_id oso_id collection_name display_name project_count", "collection_name")
PROJECTS = dataset("projects_v1", "project_id oso_id project_name display_name description first_listed_at artifact_count", "project_name")
ARTIFACTS = dataset(
    "artifacts_v1",
    "artifact_id oso_id artifact_source artifact_kind artifact_namespace artifact_name artifact_url canonical_artifact_id first_event_at last_event_at",
    "artifact_id",
)
ALIASES = dataset(
    "artifact_aliases_v1",
    "artifact_id artifact_source artifact_namespace artifact_name first_seen_at last_seen_at canonical_artifact_id",
    "artifact_id artifact_name",
)
LISTED = dataset(
    "artifacts_by_project_v1", "project_id project_name artifact_id artifact_source listed_as listed_at", "project_name artifact_id"
)
METRICS = dataset(
    "metrics_v1",
    "metric_id metric_name event_source measure window_name includes_bots display_name description unit definition_sql event_types",
    "metric_name",
)
PERIODS = dataset(
    "metric_periods_v1",
    "metric_id metric_name sample_date is_period_complete coverage is_degraded gap_reason",
    "metric_name sample_date",
    MONTHLY,
)
SERIES = dataset(
    "timeseries_metrics_by_project_v1",
    "metric_id metric_name project_id sample_date amount unit",
    "metric_name project_id sample_date",
    MONTHLY,
)
DAILY = dataset(
    "events_daily_v1",
    "bucket_date event_type to_artifact_id from_artifact_id amount event_count",
    "bucket_date event_type to_artifact_id from_artifact_id",
    Partitioning("bucket_date", "month"),
)
DATASETS = (EVENTS, COLLECTIONS, PROJECTS, ARTIFACTS, ALIASES, LISTED, METRICS, PERIODS, SERIES, DAILY)
DAY_METRIC, WEEK_METRIC, ROLLING_METRIC = "github_commits_daily", "github_commits_weekly", "github_commits_rolling_7_days"
WINDOWS = {DAY_METRIC: "daily", WEEK_METRIC: "weekly", ROLLING_METRIC: "rolling_7_days"}
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
GAP = "the source lost records"


def identifier(*parts: str) -> str:
    """Return the id of an entity."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


ALPHA, BETA = identifier("OSS_DIRECTORY", "project", "alpha"), identifier("OSS_DIRECTORY", "project", "beta")
ENGINE, PACKAGE = identifier("GITHUB", "repository", "7"), identifier("NPM", "package", "@alpha/core")
AUTHOR = identifier("GITHUB", "account", "1")


def oso_id(name: str) -> str:
    """Return something of the form of OSO's ids, with all that base64 has."""
    return (name * 43)[:41] + "+/="


def project(name: str, count: int | None, listed_at: datetime | None = NOON) -> dict[str, Any]:
    """Return a project's row."""
    return {
        "project_id": identifier("OSS_DIRECTORY", "project", name),
        "oso_id": oso_id(name),
        "project_name": name,
        "display_name": name.title(),
        "description": f'"{name}", a project; with, commas',
        "first_listed_at": listed_at,
        "artifact_count": count,
    }


def points(metric: str, project_id: str, amounts: dict[date, float]) -> Rows:
    """Return rows of a series."""
    return [
        {
            "metric_id": identifier(metric),
            "metric_name": metric,
            "project_id": project_id,
            "sample_date": day,
            "amount": amount,
            "unit": "commits",
        }
        for day, amount in amounts.items()
    ]


JANUARY = {
    DAY_METRIC: {date(2024, 1, 30): 3.0, date(2024, 1, 31): 1.5},
    WEEK_METRIC: {date(2024, 1, 29): 4.5},
    ROLLING_METRIC: {date(2024, 1, 30): 3.0, date(2024, 1, 31): 4.5},
}
FEBRUARY = {
    DAY_METRIC: {date(2024, 2, 9): 2.0},
    WEEK_METRIC: {date(2024, 2, 5): 2.0},
    ROLLING_METRIC: {date(2024, 2, 1): 4.5, date(2024, 2, 6): 1.5, date(2024, 2, 7): 0.0, date(2024, 2, 9): 2.0},
}
ONE_MORE_DAY = {
    DAY_METRIC: FEBRUARY[DAY_METRIC] | {date(2024, 2, 11): 7.0},
    WEEK_METRIC: {date(2024, 2, 5): 9.0},
    ROLLING_METRIC: FEBRUARY[ROLLING_METRIC] | {date(2024, 2, 11): 9.0},
}


def series(month: dict[str, dict[date, float]]) -> Rows:
    """Return a month's rows of both projects, in the table's order; beta has the days alone."""
    rows = [row for metric, amounts in month.items() for row in points(metric, ALPHA, amounts)]
    rows += points(DAY_METRIC, BETA, {day: 10 * amount for day, amount in month[DAY_METRIC].items()})
    return sorted(rows, key=lambda row: (row["metric_name"], row["project_id"], row["sample_date"]))


def periods(first: date, last: date, as_of: date) -> Rows:
    """Return the marks of a month's periods; the 30th and 31st of January are degraded."""
    rows = []
    for metric, window in WINDOWS.items():
        for day in (first + timedelta(days=count) for count in range((last - first).days + 1)):
            if window == "weekly" and day.weekday():
                continue
            end = day + timedelta(days=6) if window == "weekly" else day
            is_degraded = date(2024, 1, 30) <= day <= date(2024, 1, 31)
            rows.append(
                {
                    "metric_id": identifier(metric),
                    "metric_name": metric,
                    "sample_date": day,
                    "is_period_complete": end <= as_of,
                    "coverage": 0.5 if is_degraded else 1.0,
                    "is_degraded": is_degraded,
                    "gap_reason": GAP if is_degraded else None,
                }
            )
    return sorted(rows, key=lambda row: (str(row["metric_name"]), row["sample_date"]))


def artifact(artifact_id: str, source: str, kind: str, namespace: str | None, name: str) -> dict[str, Any]:
    """Return an artifact's row."""
    return {
        "artifact_id": artifact_id,
        "oso_id": oso_id(name),
        "artifact_source": source,
        "artifact_kind": kind,
        "artifact_namespace": namespace,
        "artifact_name": name,
        "artifact_url": None,
        "canonical_artifact_id": artifact_id,
        "first_event_at": NOON,
        "last_event_at": NOON,
    }


def alias(name: str, last_seen: datetime) -> dict[str, Any]:
    """Return a name that the repository bears or bore."""
    return {
        "artifact_id": ENGINE,
        "artifact_source": "GITHUB",
        "artifact_namespace": "alpha",
        "artifact_name": name,
        "first_seen_at": NOON,
        "last_seen_at": last_seen,
        "canonical_artifact_id": ENGINE,
    }


class MartsLake(ReleasedLake):
    """The lake; its releases are made one by one."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, DATASETS, **settings)

    def release_first(self) -> Any:
        """Fill the tables and release them as of 2024-02-10."""
        as_of = date(2024, 2, 10)
        self.append(EVENTS, FIRST_EVENTS)
        self.append(
            COLLECTIONS,
            [
                {
                    "collection_id": identifier("c"),
                    "oso_id": oso_id("c"),
                    "collection_name": "both",
                    "display_name": "Both",
                    "project_count": 2,
                }
            ],
        )
        self.append(PROJECTS, [project("alpha", 2), project("beta", None, None)])
        rows = [
            artifact(ENGINE, "GITHUB", "repository", "alpha", "engine"),
            artifact(PACKAGE, "NPM", "package", "@alpha", "core"),
            artifact(AUTHOR, "GITHUB", "account", None, "ada"),
            *(artifact(identifier(source, "package", "sparrow"), source, "package", None, "sparrow") for source in ("NPM", "PYPI")),
        ]
        self.append(ARTIFACTS, sorted(rows, key=lambda row: str(row["artifact_id"])))
        self.append(ALIASES, [alias("engine", NOON), alias("motor", NOON - timedelta(days=99))])
        self.append(
            LISTED,
            [
                {
                    "project_id": ALPHA,
                    "project_name": "alpha",
                    "artifact_id": one,
                    "artifact_source": source,
                    "listed_as": "x",
                    "listed_at": NOON,
                }
                for one, source in sorted([(ENGINE, "GITHUB"), (PACKAGE, "NPM")])
            ],
        )
        self.append(
            METRICS,
            [
                {
                    "metric_id": identifier(metric),
                    "metric_name": metric,
                    "event_source": "GITHUB",
                    "measure": "commits",
                    "description": f"distinct commits; {window}",
                    "event_types": "COMMIT_CODE",
                    "display_name": f"Commits ({window})",
                    "unit": "commits",
                    "window_name": window,
                    "includes_bots": True,
                    "definition_sql": "SELECT 1",
                }
                for metric, window in sorted(WINDOWS.items())
            ],
        )
        self.append(PERIODS, periods(date(2024, 1, 1), date(2024, 1, 31), as_of))
        self.append(PERIODS, periods(date(2024, 2, 1), as_of, as_of))
        self.append(SERIES, series(JANUARY))
        self.append(SERIES, series(FEBRUARY))
        self.append(DAILY, [self.day(date(2024, 1, 30), 3.0), self.day(date(2024, 1, 31), 1.5)])
        return self.release(as_of)

    def release_second(self) -> Any:
        """Release what the 11th of February brought: rows of that month, and a project."""
        as_of = date(2024, 2, 11)
        self.replace_month(SERIES, series(ONE_MORE_DAY))
        self.replace_month(PERIODS, periods(date(2024, 2, 1), as_of, as_of))
        self.replace(PROJECTS, [project("alpha", 2), project("beta", None, None), project("gamma", 0)])
        return self.release(as_of)

    @staticmethod
    def day(day: date, amount: float) -> dict[str, Any]:
        """Return a day's row of events."""
        return {
            "bucket_date": day,
            "event_type": "COMMIT_CODE",
            "to_artifact_id": ENGINE,
            "from_artifact_id": AUTHOR,
            "amount": amount,
            "event_count": 1,
        }
