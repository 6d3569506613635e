"""What users of a published lake import: one whole release of it, in DuckDB.

    import osslake

    lake = osslake.connect("https://lake.example.org")
    lake.sql("SELECT project_name, artifact_count FROM projects_v1")
    lake.sql("FROM daily_by_project('github_contributors_rolling_30_days')")

The address is that of `osslake serve`, or of a static export behind any web server. docs/query/ shows other clients.
"""

from __future__ import annotations

import json
import re
from datetime import date
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from catalog import duck
from catalog.duck import DuckConnection, DuckError
from catalog.errors import OsslakeError, ReleaseError, SettingsError, StorageError

__all__ = ["DuckConnection", "OsslakeError", "connect"]

TIMEOUT_S = 30.0
LEVELS = ("artifact", "project", "collection")
_RELEASE_ID = re.compile(r"([0-9]{6,})-[0-9a-f]{64}")
_DAILY = """
CREATE MACRO memory.main.daily_by_{level}(metric) AS TABLE
SELECT metric_id, metric_name, {level}_id, CAST(unnest(generate_series(sample_date, last_date, INTERVAL 1 DAY)) AS DATE) AS sample_date, amount, unit
FROM (
  SELECT *, coalesce(lead(sample_date) OVER (PARTITION BY {level}_id ORDER BY sample_date) - 1, DATE '{as_of_date}') AS last_date
  FROM lake.marts.timeseries_metrics_by_{level}_v1
  WHERE metric_name = metric AND (
    SELECT CASE WHEN count(*) = 1 THEN true ELSE error(concat(metric, ' is no metric of a rolling window; metrics_v1 lists those')) END
    FROM lake.marts.metrics_v1 WHERE metric_name = metric AND starts_with(window_name, 'rolling_')
  )
)"""


def connect(url: str, release: str | int | None = None) -> DuckConnection:
    """Open DuckDB with one release of a published lake attached as `lake`.

    All queries of the connection see that release, whatever is published meanwhile. Tables stand under their stage
    (`lake.marts.projects_v1`, `lake.raw.gharchive__events`), those of the marts under their plain names too; what a query creates is in
    memory. `getvariable('release')` and `getvariable('as_of_date')` tell which release it is.

    Rolling windows are kept as steps. `daily_by_project(metric)`, `daily_by_collection(metric)` and `daily_by_artifact(metric)` are tables
    with the columns of the series and a row for each day, from an entity's first value on to the as-of date; an entity without a value on any
    day isn't there.

    Args:
        url: the lake's address, http:// or https://.
        release: a release's id, or its sequence number, which is looked for from the newest release on, a document each; None: the newest one.

    Raises:
        SettingsError: the address is none, or no lake is there; or the release is neither an id nor a number.
        StorageError: nothing answers, or it answers with an error of its own.
        ReleaseError: nothing was released yet, or this release isn't kept there.
    """
    base = _checked(url)
    found = _find_release(base, release)
    root = f"{base}/releases/{found}"
    tables, properties = _read(f"{root}/v1/namespaces/marts/tables"), _read(f"{root}/v1/namespaces/marts")
    if tables is None or properties is None:
        raise ReleaseError(f"{base} keeps no release {found}; its latest.json names the newest", release=found)
    as_of_date = date.fromisoformat(properties["properties"]["as_of_date"])
    connection = duck.connect(extensions=True)
    try:
        connection.execute(f"ATTACH 'osslake' AS lake (TYPE iceberg, ENDPOINT '{duck.quoted(root)}', AUTHORIZATION_TYPE 'none')")
        _add_names(connection, {table["name"] for table in tables["identifiers"]}, as_of_date)
    except DuckError as error:
        connection.close()
        raise StorageError(f"DuckDB can't read the catalog at {root}: {error}", url=root) from error
    connection.execute("SET VARIABLE release = $1", [found])
    connection.execute("SET VARIABLE as_of_date = $1", [as_of_date])
    return connection


def _add_names(connection: DuckConnection, tables: set[str], as_of_date: date) -> None:
    """Make the marts known by their plain names, and the days of rolling windows where the release has series."""
    for level in LEVELS:
        if {f"timeseries_metrics_by_{level}_v1", "metrics_v1"} <= tables:
            connection.execute(_DAILY.format(level=level, as_of_date=as_of_date))
    connection.execute("SET search_path = 'memory.main,lake.marts'")


def _checked(url: str) -> str:
    """Return the address without a slash at its end."""
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except (ValueError, AttributeError):  # no text at all
        is_address = False
    if not is_address:
        raise SettingsError(
            f"{url!r} is no address of a lake: it is to be like https://lake.example.org, as `osslake serve` prints it", url=url
        )
    return url.strip().rstrip("/")


def _find_release(base: str, release: str | int | None) -> str:
    """Return the id of the release that is asked for; of one that is given by its id, it is not known yet whether it is there."""
    if release is not None and _RELEASE_ID.fullmatch(str(release)):
        return str(release)
    if release is not None and not re.fullmatch(r"[0-9]{1,18}", str(release)):
        raise SettingsError(
            f"{release!r} is no release: neither an id such as 000003-<64 hex digits> nor a sequence number", release=release
        )
    newest = _newest(base)
    if release is None:
        return newest
    current: str | None = newest
    while current is not None and _sequence(current) > int(release):
        current = (_read(f"{base}/releases/{current}.json") or {"previous": None})["previous"]
    if current is None or _sequence(current) != int(release):
        raise ReleaseError(f"{base} keeps no release {int(release)}; the newest is {_sequence(newest)}", release=release)
    return current


def _sequence(release_id: str) -> int:
    return int(release_id.partition("-")[0])


def _newest(base: str) -> str:
    """Return the id that latest.json names."""
    latest = _read(f"{base}/latest.json")
    if latest is not None:
        release_id = str(latest.get("id"))
        if _RELEASE_ID.fullmatch(release_id):
            return release_id
    elif (_read(f"{base}/healthz") or {}).get("release", "") is None:
        raise ReleaseError(f"nothing was released yet in the lake at {base}; `osslake run` makes a release", url=base)
    raise SettingsError(f"no osslake lake is at {base}: its latest.json names no release", url=base)


def _read(address: str) -> dict[str, Any] | None:
    """Return the JSON object at an address; None if there is nothing."""
    try:
        with urlopen(address, timeout=TIMEOUT_S) as response:  # noqa: S310 - the scheme was checked
            found = json.load(response)
    except HTTPError as error:
        with error:
            if error.code == 404:
                return None
        raise StorageError(f"{address} answers {error.code} {error.reason}; try again when it answers", url=address) from error
    except ValueError as error:
        raise SettingsError(f"no osslake lake is at {address}: what it answers is no JSON", url=address) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise StorageError(f"nothing answers at {address}: {reason}; is `osslake serve`, or the web server, up?", url=address) from error
    if not isinstance(found, dict):
        raise SettingsError(f"no osslake lake is at {address}: what it answers is no JSON object", url=address)
    return found
