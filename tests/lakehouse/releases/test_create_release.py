"""Creating releases: what is pinned, what is news, what is computed anew."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from small_lake import DATASETS, DAYS, GAPS, RAW, SERIES, SmallLake, table_of

from catalog.bucket import FolderBucket, open_bucket
from catalog.errors import ReleaseError, SettingsError
from catalog.iceberg import ensure_table
from catalog.release_checks import check_latest, check_release
from catalog.releases import list_releases, read_latest, read_release
from lakehouse.releases import create_release, trusted_keys

JANUARY = [(date(2024, 1, 1), 1.5, "p"), (date(2024, 1, 2), 0.0, "q")]


def test_the_first_release_is_signed_and_current(lake: SmallLake) -> None:
    """The first release has sequence 1, no predecessor, a signature by the lake's new key, and is what readers get."""
    release = lake.release()
    trusted = trusted_keys(lake.settings)
    latest = read_latest(lake.settings)
    assert latest is not None
    assert (release.sequence, release.document.previous, release.document.restores) == (1, None, None)
    assert read_release(lake.settings) == release
    assert release.id == f"000001-{hashlib.sha256(release.content).hexdigest()}"
    check_release(lake.settings, release, trusted)
    check_latest(latest, trusted, datetime.now(UTC))
    assert (latest.expires_at - latest.signed_at).days == 30


def test_tables_are_pinned_in_order(lake: SmallLake) -> None:
    """Tables stand by stage and name; an intermediate table without a snapshot is left out, a mart without rows has an empty one."""
    release = lake.release()
    assert [table.full_name for table in release.tables] == ["raw.events", "marts.gaps_v1", "marts.series_v1"]
    gaps = table_of(release, GAPS)
    assert (gaps.row_count, gaps.content_digest, gaps.data_files) == (0, "0" * 32, [])
    assert [file.kind for file in gaps.files] == ["manifest_list", "metadata"]
    lake.write(DAYS, [(date(2024, 1, 1), 2)])
    assert [table.full_name for table in lake.release().tables][1] == "intermediate.int_days"


def test_a_table_is_described_to_the_last_file(lake: SmallLake) -> None:
    """Each file of a table is listed with size and SHA-256, and the listed metadata has the pinned snapshot as current."""
    series = table_of(lake.release(), SERIES)
    assert [(file.partition, file.row_count) for file in sorted(series.data_files, key=lambda one: str(one.partition))] == [
        ("2024-01", 2),
        ("2024-02", 1),
    ]
    for file in series.files:
        content = lake.path(file.path).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    metadata = json.loads(lake.path(series.metadata_file).read_bytes())
    assert str(metadata["current-snapshot-id"]) == series.snapshot_id == str(lake.snapshot_id(SERIES))
    assert metadata["refs"]["release-1"] == {"snapshot-id": lake.snapshot_id(SERIES), "type": "tag"}
    assert {file.kind for file in series.files} == {"data", "manifest", "manifest_list", "metadata"}
    assert (series.grain, series.licence, series.row_count) == (["sample_date", "name"], "Apache-2.0", 3)


def test_load_times_are_no_content(lake: SmallLake) -> None:
    """Columns that tell of the loading stand outside the content, all others inside."""
    assert table_of(lake.release(), RAW).content_columns == ["event_id", "at", "tags", "_load_id"]


def test_no_news_is_the_same_release(lake: SmallLake) -> None:
    """A run without changes answers with the newest release, writes nothing but `latest.json`, and signs that anew."""
    release = lake.release()
    before = {path: path.stat().st_mtime_ns for path in lake.settings.warehouse.rglob("*") if path.is_file()}
    lake.git_commit = "another"
    outcome = lake.create()
    after = {path: path.stat().st_mtime_ns for path in lake.settings.warehouse.rglob("*") if path.is_file()}
    assert (outcome.release, outcome.is_new) == (release, False)
    assert {path.name for path in after if after[path] != before.get(path)} <= {"latest.json"}
    assert before.keys() == after.keys()


def test_another_layout_of_the_same_rows_is_no_news(lake: SmallLake) -> None:
    """Rows rewritten into other files, and a raw table loaded again at another time, give the same release."""
    release = lake.release()
    lake.write(SERIES, JANUARY[::-1], replaced=[file for file in lake.files(SERIES) if file.record_count == 2])
    again = datetime(2030, 1, 1, tzinfo=UTC)
    lake.rewrite(RAW, [(number, datetime(2024, 1, 1, number, tzinfo=UTC), ["a", None], "l1", again) for number in (2, 0, 1)])
    assert lake.create().release == release


def _amount(lake: SmallLake) -> None:
    lake.write(SERIES, [(date(2024, 2, 2), 1.0, "new")])


def _column(lake: SmallLake) -> None:
    more = replace(GAPS, columns=(*GAPS.columns, replace(GAPS.columns[0], name="url")))
    ensure_table(lake.catalog, more)


def _as_of(lake: SmallLake) -> None:
    lake.as_of = date(2024, 2, 3)


def _coverage(lake: SmallLake) -> None:
    lake.records += 1


@pytest.mark.parametrize("change", [_amount, _column, _as_of, _coverage])
def test_news_is_a_new_release_in_the_chain(lake: SmallLake, change) -> None:  # type: ignore[no-untyped-def]
    """Other rows, another schema, another as-of date or coverage make a release that follows the one before."""
    first = lake.release()
    change(lake)
    second = lake.release()
    assert (second.sequence, second.document.previous) == (2, first.id)
    assert list_releases(lake.settings) == [second, first]


def test_a_release_can_drop_a_table(lake: SmallLake) -> None:
    """A table that is no longer handed over is news, and gone from the next release."""
    lake.release()
    outcome = lake.create([SERIES, RAW])
    assert outcome.is_new
    assert [table.full_name for table in outcome.release.tables] == ["raw.events", "marts.series_v1"]


def test_what_did_not_change_is_taken_over(lake: SmallLake) -> None:
    """A table at the same snapshot stands in the next release as in the last, and isn't tagged or read again."""
    first = lake.release()
    _amount(lake)
    second = lake.release()
    assert table_of(first, RAW) == table_of(second, RAW)
    assert list(lake.catalog.load_table(RAW.identifier).metadata.refs) == ["main", "release-1"]
    assert sorted(lake.catalog.load_table(SERIES.identifier).metadata.refs) == ["main", "release-1", "release-2"]


def test_only_new_files_are_read(lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table that changed, only files that no recent release lists are hashed and digested."""
    read: list[str] = []
    sha256 = FolderBucket.sha256
    monkeypatch.setattr(FolderBucket, "sha256", lambda self, key: (read.append(key), sha256(self, key))[1])
    lake.release()
    old = {lake.settings.bucket + "/" + key for key in read}
    read.clear()
    _amount(lake)
    series = table_of(lake.release(), SERIES)
    assert {lake.settings.bucket + "/" + key for key in read} == {file.path for file in series.files} - old
    assert sum(key.endswith(".parquet") for key in read) == 1


def test_an_added_column_changes_old_files_digests_rightly(lake: SmallLake) -> None:
    """When a table gains a column its old files are digested anew: the release equals one that is made from nothing."""
    lake.release()
    ensure_table(lake.catalog, replace(SERIES, columns=(*SERIES.columns, replace(SERIES.columns[2], name="unit"))))
    lake.write(SERIES, [(date(2024, 2, 3), 1.0, "new", "USD")])
    digests = {file.path: file.content_digest for file in table_of(lake.release(), SERIES).data_files}
    bucket = open_bucket(lake.settings)
    for key in [*bucket.keys("releases"), "latest.json"]:
        bucket.delete(key)
    assert {file.path: file.content_digest for file in table_of(lake.release(), SERIES).data_files} == digests


def test_a_raw_table_is_released_as_the_models_read_it(lake: SmallLake) -> None:
    """A raw table that has moved on is released at the pinned snapshot, by a metadata file that has it as current."""
    pinned = lake.snapshot_id(RAW)
    lake.write(RAW, [(9, None, None, "l2", None)])
    lake.raw_snapshots = {RAW.full_name: pinned}
    raw = table_of(lake.release(), RAW)
    metadata = json.loads(lake.path(raw.metadata_file).read_bytes())
    assert raw.snapshot_id == str(metadata["current-snapshot-id"]) == str(pinned)
    assert raw.row_count == 3
    assert lake.catalog.load_table(RAW.identifier).metadata.refs["release-1"].snapshot_id == pinned


def test_a_raw_table_that_no_model_read_is_left_out(lake: SmallLake) -> None:
    """A raw table without a pinned snapshot isn't released."""
    lake.raw_snapshots = {}
    assert [table.stage for table in lake.release().tables] == ["marts", "marts"]


def test_a_pin_that_is_lost_is_a_clear_error(lake: SmallLake) -> None:
    """A pinned snapshot that the metadata log no longer leads to, or that never was, stops the release by name."""
    lake.raw_snapshots = {RAW.full_name: lake.snapshot_id(RAW)}
    for number in range(25):
        lake.write(RAW, [(number, None, None, "l2", None)])
    with pytest.raises(ReleaseError, match=r"raw\.events has moved on from snapshot"):
        lake.create()
    lake.raw_snapshots = {RAW.full_name: 17}
    with pytest.raises(ReleaseError, match=r"raw\.events has no snapshot 17"):
        lake.create()


def test_a_mart_that_is_not_there_stops_the_release(lake: SmallLake) -> None:
    """A mart that was never made is an error that names it, and nothing is released."""
    with pytest.raises(ReleaseError, match=r"marts\.lost_v1"):
        lake.create([*DATASETS, replace(GAPS, name="lost_v1")])
    assert list_releases(lake.settings) == []


def test_a_nan_stops_the_release(lake: SmallLake) -> None:
    """A NaN is refused by table and column, and the release before stays."""
    release = lake.release()
    lake.write(SERIES, [(date(2024, 2, 2), float("nan"), "bad")])
    with pytest.raises(ReleaseError, match=r'marts\.series_v1.*"amount" holds NaN'):
        lake.create()
    assert read_release(lake.settings) == release


def test_a_missing_file_stops_the_release(lake: SmallLake) -> None:
    """A data file that its table lists and that isn't there is named."""
    path = lake.files(SERIES)[0].file_path
    lake.path(path).unlink()
    with pytest.raises(ReleaseError, match=path):
        lake.create()


def test_a_lost_key_is_never_replaced_silently(lake: SmallLake) -> None:
    """Where releases were signed, a missing key is an error that names its place; no new one is made."""
    lake.release()
    lake.settings.signing_key.unlink()
    with pytest.raises(SettingsError, match=str(lake.settings.signing_key)):
        lake.create()
    assert not lake.settings.signing_key.exists()


def test_a_lost_latest_is_not_papered_over(lake: SmallLake) -> None:
    """With `latest.json` put back to an older release, or gone, nothing is released: the chain would fork."""
    lake.release()
    old = (lake.settings.warehouse / "latest.json").read_bytes()
    for day in (3, 4):
        lake.as_of = date(2024, 2, day)
        lake.release()
    (lake.settings.warehouse / "latest.json").write_bytes(old)
    with pytest.raises(ReleaseError, match=r"there is a release 000003.*put back"):
        lake.create()
    (lake.settings.warehouse / "latest.json").unlink()
    with pytest.raises(ReleaseError, match="names nothing"):
        lake.create()


def test_progress_counts_the_files_that_are_read(lake: SmallLake) -> None:
    """The caller is told of each hashed file, up to all."""
    seen: list[tuple[int, int]] = []
    create_release(lake.settings, lake.catalog, lake.inputs(), lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
