"""Whether the server can answer, from which release, and whether that release is fresh enough."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from catalog.errors import OsslakeError
from catalog.releases import Release
from catalog.settings import ServeSettings
from serving.prometheus import Value
from serving.releases import ServedReleases
from serving.replica.keeper import Replicas
from serving.replica.layout import columns_of, loaded_value
from serving.replica.replica import Replica, once_for_each

READY, BEHIND, PREPARING, NO_RELEASE = "ready", "behind", "preparing", "no release"
_COVERAGE = """
SELECT event_source, min(period_start), max(period_start), sum(period_seconds), sum(period_seconds) FILTER (WHERE state IN ('loaded', 'empty'))
FROM event_coverage_v1 GROUP BY event_source ORDER BY event_source
"""
_GAPS = "SELECT count(*), sum(gap_end IS NULL) FROM source_gaps_v1 WHERE event_source = ?"


class Health:
    """What one worker knows of itself."""

    def __init__(self, serve: ServeSettings, releases: ServedReleases, replicas: Replicas) -> None:
        self._serve, self._releases, self._replicas = serve, releases, replicas

    def release(self) -> Release | None:
        """Return the newest release; None where there is none, or none can be read."""
        try:
            return self._releases.newest()
        except (OsslakeError, OSError):
            return None

    @property
    def _is_cut_off(self) -> bool:
        return self._releases.store.is_away

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Return status and document of `/readyz`."""
        return self._ready(self.release(), self._replicas.newest())

    def _ready(self, release: Release | None, replica: Replica | None) -> tuple[int, dict[str, Any]]:
        if replica is None:
            missing = (
                f"the serving replica of release {release.sequence}"
                if release
                else "an answer of the store"
                if self._is_cut_off
                else "a release"
            )
            return 503, {"state": NO_RELEASE if release is None else PREPARING, "missing": missing}
        is_newest = release is None or release.id == replica.release.id
        told = {"state": READY if is_newest else BEHIND, "replica": replica.release.id}
        return 200, told | {"release": release.id if release else None}

    def status(self, now: datetime | None = None) -> dict[str, Any]:
        """Return the document of `/v1/status`."""
        release, replica = self.release(), self._replicas.newest()
        age_hours = _age_hours(release, now) if release else None
        return {
            "state": self._ready(release, replica)[1]["state"],
            "release": release and _told(release) | {"age_hours": round(age_hours or 0.0, 2)},
            "objective": {"fresh_hours": self._serve.fresh_hours, "holds": age_hours is not None and age_hours <= self._serve.fresh_hours},
            "data_age_days": (now or datetime.now(UTC)).date().toordinal() - release.as_of_date.toordinal() if release else None,
            "replica": replica and _told(replica.release),
            "kept_replicas": self._replicas.sequences(),
            "coverage": coverage(replica) if replica else [],
        }

    def gauges(self) -> list[Value]:
        """Return what `/metrics` shows of the lake."""
        release, replica = self.release(), self._replicas.newest()
        found: list[Value] = [
            ("osslake_release_objective_seconds", "age that a release is not to have", self._serve.fresh_hours * 3600),
            ("osslake_store_answers", "whether the lake's store answered when it was asked last", float(not self._is_cut_off)),
        ]
        if release is not None:
            found.append(("osslake_release_age_seconds", "since the newest release was made", _age_hours(release) * 3600))
            found.append(("osslake_data_age_seconds", "since the end of the newest release's as-of date", _data_age_s(release)))
            found.append(("osslake_release_sequence", "number of the newest release", release.sequence))
        if replica is not None:
            found.append(("osslake_replica_sequence", "number of the release that is answered from", replica.release.sequence))
        return found


@once_for_each
def coverage(replica: Replica) -> list[dict[str, Any]]:
    """Return for each source from when to when its hours are known, which share of them was loaded, and how many gaps the source is known to have."""
    table, gaps = replica.tables.get("event_coverage_v1"), replica.tables.get("source_gaps_v1")
    if table is None or not {"event_source", "period_start", "period_seconds", "state"} <= columns_of(table).keys():
        return []
    has_gaps = gaps is not None and {"event_source", "gap_end"} <= columns_of(gaps).keys()
    found = []
    for source, first, last, seconds, loaded in replica.look_up(_COVERAGE):
        known, still = replica.look_up(_GAPS, (source,))[0] if has_gaps else (None, None)
        told = {"event_source": source, "first": _hour(first), "last": _hour(last), "hours": round(seconds / 3600, 2)}
        found.append(told | {"loaded_share": round((loaded or 0) / seconds, 4), "known_gaps": known, "gaps_that_last": still or 0})
    return found


def _told(release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "sequence": release.sequence,
        "created_at": f"{release.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "as_of_date": str(release.as_of_date),
    }


def _age_hours(release: Release, now: datetime | None = None) -> float:
    return ((now or datetime.now(UTC)) - release.created_at).total_seconds() / 3600


def _data_age_s(release: Release) -> float:
    end = datetime.combine(release.as_of_date + timedelta(days=1), time(), UTC)
    return (datetime.now(UTC) - end).total_seconds()


def _hour(stored: int) -> str:
    return f"{loaded_value(stored, 'timestamptz'):%Y-%m-%dT%H:%M:%SZ}"
