"""A run that another one overtook: it releases nothing, and breaks nothing of what the other one released."""

from __future__ import annotations

from datetime import date

import pytest
from small_lake import SERIES, SmallLake

from catalog.bucket import LATEST_KEY, open_bucket
from catalog.errors import LakeBusyError
from catalog.releases import kept_ids, list_releases
from lakehouse.releases import publication, verify_release
from lakehouse.releases.keys import load_key

OVERTAKEN = "another run has released since this one began"


def test_a_release_that_follows_an_older_one_is_refused(lake: SmallLake) -> None:
    """What was made to follow release 1, when there is release 2 already, is not written, and release 2 not removed as unfinished."""
    bucket, first = open_bucket(lake.settings), lake.release()
    stale = first.document.model_copy(update={"sequence": 2, "previous": first.id, "as_of_date": date(2024, 2, 1)})
    lake.write(SERIES, [(date(2024, 2, 2), 4.0, "news")])
    second = lake.release()
    before, key = bucket.read(LATEST_KEY), load_key(lake.settings.signing_key)
    with pytest.raises(LakeBusyError, match=OVERTAKEN):
        publication.publish_document(lake.settings, bucket, key, stale)
    with pytest.raises(LakeBusyError, match=OVERTAKEN):
        publication.point_latest(lake.settings, bucket, key, first)
    assert bucket.read(LATEST_KEY) == before
    assert kept_ids(bucket) == [first.id, second.id]
    assert verify_release(lake.settings).chain_length == 2


def test_a_release_in_the_last_moment_wins(lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run that releases between a run's look at `latest.json` and its move of it keeps its place; what was written meanwhile is gone."""
    bucket, first = open_bucket(lake.settings), lake.release()
    lake.write(SERIES, [(date(2024, 2, 2), 4.0, "news")])
    other, visits = SmallLake(lake.settings.folder), list[str]()
    other.as_of = date(2024, 2, 1)

    def overtake(point: str) -> None:
        visits.append(point)
        if visits == ["release.written"]:
            other.release()

    monkeypatch.setattr(publication, "crash_point", overtake)
    with pytest.raises(LakeBusyError, match=OVERTAKEN):
        lake.create()
    assert [one.as_of_date for one in list_releases(lake.settings)] == [date(2024, 2, 1), date(2024, 2, 2)]
    assert kept_ids(bucket) == [first.id, list_releases(lake.settings)[0].id]
    assert lake.release().sequence == 3
    assert verify_release(lake.settings).chain_length == 3
