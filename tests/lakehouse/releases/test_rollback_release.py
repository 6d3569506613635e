"""Rolling back: a new release with old tables, and no way for the bad content to come back by itself."""

from __future__ import annotations

from datetime import date

import pytest
from small_lake import SERIES, SmallLake, table_of

from catalog.errors import ReleaseError
from catalog.releases import Release, list_releases, read_latest, read_release
from lakehouse.releases import rollback_release, verify_release


def _bad(lake: SmallLake) -> Release:
    lake.write(SERIES, [(date(2024, 2, 2), 1e9, "bad")])
    return lake.release()


def test_a_rollback_is_a_new_release_with_old_tables(lake: SmallLake) -> None:
    """The restored release's tables stand under a new number, which names what it restores; it verifies."""
    good, bad = lake.release(), _bad(lake)
    outcome = rollback_release(lake.settings, good.id)
    release = outcome.release
    assert outcome.is_new
    assert (release.sequence, release.document.previous, release.document.restores) == (3, bad.id, good.id)
    assert release.tables == good.tables
    assert list_releases(lake.settings) == [release, bad, good]
    assert verify_release(lake.settings).row_count == sum(table.row_count for table in good.tables)


def test_the_same_rollback_again_does_nothing(lake: SmallLake) -> None:
    """A rollback that is current already is answered with, by number or beginning of the id too."""
    good, _ = lake.release(), _bad(lake)
    release = rollback_release(lake.settings, "1").release
    outcome = rollback_release(lake.settings, good.id[:12])
    assert (outcome.release, outcome.is_new) == (release, False)


def test_bad_content_does_not_come_back(lake: SmallLake) -> None:
    """After a rollback the same content is no release again, even as of another day; the answer names it and leaves readers as they are."""
    _, bad = lake.release(), _bad(lake)
    release = rollback_release(lake.settings, "1").release
    for day in (2, 20):
        lake.as_of = date(2024, 2, day)
        outcome = lake.create()
        assert (outcome.release, outcome.is_new, outcome.held_back) == (release, False, bad)
    assert read_release(lake.settings) == release


def test_what_is_held_back_keeps_latest_fresh(lake: SmallLake) -> None:
    """A run without a release signs `latest.json` anew, so that a long wait after a rollback doesn't look like a freeze."""
    lake.release(), _bad(lake)
    rollback_release(lake.settings, "1")
    before = (lake.settings.warehouse / "latest.json").stat().st_ino
    assert lake.create().held_back
    latest = read_latest(lake.settings)
    assert latest is not None
    assert latest.sequence == 3
    assert (lake.settings.warehouse / "latest.json").stat().st_ino != before


def test_the_restored_content_is_no_news(lake: SmallLake) -> None:
    """When the tables say again what the rollback restored, the rollback's release is answered with."""
    lake.release(), _bad(lake)
    release = rollback_release(lake.settings, "1").release
    lake.rewrite(SERIES, [(date(2024, 1, 1), 1.5, "p"), (date(2024, 1, 2), 0.0, "q")])
    lake.write(SERIES, [(date(2024, 2, 1), 2.5, None)])
    assert lake.create().release == release


def test_new_models_or_inputs_may_say_the_same(lake: SmallLake) -> None:
    """Once models or rows changed, a release is made again, though the mart in question says what it said."""
    _, bad = lake.release(), _bad(lake)
    rollback_release(lake.settings, "1")
    lake.models = {"series_v1": "cc", "int_days": "bb"}
    again = lake.release()
    assert table_of(again, SERIES).content_digest == table_of(bad, SERIES).content_digest
    assert again.sequence == 4


def test_it_is_held_back_over_later_releases_until_the_operator_restores(lake: SmallLake) -> None:
    """The content stays held back after further releases; a rollback to it is the operator's word that it is good."""
    _, bad = lake.release(), _bad(lake)
    rollback_release(lake.settings, "1")
    lake.write(SERIES, [(date(2024, 2, 3), 3.0, "more")])
    lake.release()
    kept = [file for file in lake.files(SERIES) if "more" not in str(file.upper_bounds)]
    lake.write(SERIES, [], replaced=[file for file in lake.files(SERIES) if file not in kept])
    assert lake.create().held_back == bad
    restored = rollback_release(lake.settings, bad.id).release
    lake.as_of = date(2024, 2, 9)
    again = lake.release()
    assert (restored.sequence, again.sequence) == (5, 6)
    assert table_of(again, SERIES).content_digest == table_of(bad, SERIES).content_digest


def test_there_must_be_something_to_restore(lake: SmallLake) -> None:
    """The current release, one that isn't there, and one whose files are gone can't be restored."""
    good, bad = lake.release(), _bad(lake)
    with pytest.raises(ReleaseError, match="is the current one"):
        rollback_release(lake.settings, bad.id)
    with pytest.raises(ReleaseError, match="'7' is no release"):
        rollback_release(lake.settings, "7")
    path = table_of(good, SERIES).data_files[0].path
    lake.path(path).write_bytes(b"short")
    with pytest.raises(ReleaseError, match=f"{path} has 5 bytes"):
        rollback_release(lake.settings, good.id)
    lake.path(path).unlink()
    with pytest.raises(ReleaseError, match=f"{path} is gone"):
        rollback_release(lake.settings, good.id)
