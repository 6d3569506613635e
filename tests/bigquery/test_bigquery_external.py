"""The lake's own Iceberg files as external tables: what is written for BigQuery, which alone can read them; and where files are loaded from."""

from __future__ import annotations

import re

import pytest
from pyiceberg.table import StaticTable
from small_lake import SERIES, table_of

from bigquery.small import Small
from catalog.bucket import BUCKET_PROPERTY, bucket_key, open_bucket
from catalog.errors import PublishError
from catalog.relocated import relocate_metadata
from catalog.settings import BigQueryTarget, PublishSettings, Settings, StorageSettings
from lakehouse.publications import open_publication
from lakehouse.publications.bigquery.external import external_sql
from lakehouse.publications.bigquery.staging import gs_address

GOOGLE = StorageSettings(type="s3", endpoint="https://storage.googleapis.com")
TARGET = PublishSettings(bigquery=BigQueryTarget(project="my-project", dataset="mine", external=True))


def test_the_statement(small: Small) -> None:
    """A table is replaced by one that names the metadata file at its gs:// address, with description and labels; quotes are escaped."""
    release = small.releases[1]
    table = table_of(release, SERIES).model_copy(update={"description": "It's one value."})
    sql = external_sql("`p.d.series_v1`", "gs://small-lake/bigquery/x/series_v1/v1.metadata.json", table, release, "p.eu.mine")
    assert sql == (
        "CREATE OR REPLACE EXTERNAL TABLE `p.d.series_v1` WITH CONNECTION `p.eu.mine` OPTIONS (format = 'ICEBERG',"
        " uris = ['gs://small-lake/bigquery/x/series_v1/v1.metadata.json'],"
        r" description = 'It\'s one value. A row for each sample_date, name. Licence: Apache-2.0.',"
        f" labels = [('osslake', 'small-lake'), ('release', '{release.id[:23]}'), ('schema_version', '1-0'), ('role', 'external')])"
    )


def test_the_metadata_leads_to_the_same_rows_by_other_paths(small: Small) -> None:
    """Metadata, manifest list and manifests that were written once more name gs:// paths only, and PyIceberg reads the release's rows by them."""
    bucket, table = open_bucket(small.lake.settings), table_of(small.releases[1], SERIES)

    def address(path: str) -> str:
        return path.replace("s3://", "gs://", 1)

    key = relocate_metadata(bucket, table, "bigquery/test/series_v1", address)
    assert b"s3://" not in bucket.read(key)
    properties = bucket.io_properties() | {BUCKET_PROPERTY: "gs://small-lake"}
    moved = StaticTable.from_metadata(f"gs://small-lake/{key}", properties)
    assert {one.file.file_path for one in moved.scan().plan_files()} == {address(file.path) for file in table.data_files}
    own = StaticTable.from_metadata(table.metadata_file, bucket.io_properties()).scan().to_arrow()
    assert moved.scan().to_arrow().sort_by("sample_date") == own.sort_by("sample_date")
    assert [snapshot.snapshot_id for snapshot in moved.metadata.snapshots] == [int(table.snapshot_id)]
    assert re.match("gs://small-lake/", moved.metadata.location)


@pytest.mark.parametrize(
    ("storage", "place"),
    [
        (StorageSettings(), "the folder .*/warehouse"),
        (StorageSettings(type="s3", endpoint="http://127.0.0.1:8333"), "http://127.0.0.1:8333"),
        (StorageSettings(type="s3"), "S3"),
    ],
)
def test_a_lake_elsewhere_is_refused(small: Small, storage: StorageSettings, place: str) -> None:
    """External tables of a lake that isn't in Cloud Storage are refused before BigQuery is asked; the message says what would do."""
    settings = small.lake.settings.model_copy(update={"storage": storage, "publish": TARGET})
    told = f"^external tables want a lake in Cloud Storage, this one is in {place}; storage.type = s3 with .*, and without --external"
    with pytest.raises(PublishError, match=told):
        open_publication(settings, "bigquery").publish(small.releases[1], lambda _: None)


def test_files_in_cloud_storage_have_an_address(small: Small) -> None:
    """Where the lake lies in Cloud Storage its files are loaded from there; elsewhere they are uploaded."""
    path = table_of(small.releases[1], SERIES).data_files[0].path
    google = Settings(folder=small.lake.settings.folder, dataset="small-lake", storage=GOOGLE)
    assert gs_address(google, path) == f"gs://small-lake/{bucket_key('small-lake', path)}"
    assert gs_address(small.lake.settings, path) is None
