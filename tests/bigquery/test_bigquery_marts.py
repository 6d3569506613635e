"""The marts of a generated world, published to BigQuery's emulator: a first release, the same again, one day more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from end_to_end.lakes import Lake
from end_to_end.query_pages import PROJECT as DEMO_PROJECT
from end_to_end.query_pages import answers_of, snippets
from end_to_end.worlds import TINY, build_tiny, hours_of
from google.cloud.bigquery import LoadJob, QueryJob

from bigquery.datasets import Dataset, digest_of_rows
from bigquery.emulator import PROJECT, Emulator
from bigquery.reader import Reader, names, reading, whole
from catalog.partitions import partition_digests
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.releases import Release
from lakehouse.publications import PublicationSummary
from lakehouse.publications.bigquery.staging import JOINED_BELOW_BYTES
from lakehouse.publications.changes import changed_tables, public_tables

pytestmark = pytest.mark.stack

TYPES = {
    "string": "STRING",
    "long": "INTEGER",
    "int": "INTEGER",
    "double": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP",
}


@dataclass
class Published:
    """What was published, one thing after the other, and what was seen of it."""

    dataset: Dataset
    releases: list[Release]
    summaries: list[PublicationSummary]
    loads: list[list[Any]]
    queries: list[int]
    reader: Reader


@pytest.fixture(scope="module")
def published(bigquery_server: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Publish the world's first three days, the same again, and its fourth day, with a reader all the time."""
    folder = tmp_path_factory.mktemp("world")
    build_tiny(folder)
    lake, releases = Lake(folder / "lake"), []
    for days in (3, 4):
        lake.name_sources(folder / "world", hours_of(TINY, days)).run()
        releases.append(lake.release())
    dataset = Dataset(bigquery_server, lake.folder, location="EU", public=True)
    done = Published(dataset, releases, [], [], [], Reader(bigquery_server, dataset.name, names(releases[0])))
    with reading(bigquery_server, dataset.name, names(releases[0])) as done.reader:
        for release in (releases[0], releases[0], releases[1]):
            known = {job.job_id for job in dataset.jobs(LoadJob)}
            done.summaries.append(dataset.publish(release.id))
            done.loads.append([job for job in dataset.jobs(LoadJob) if job.job_id not in known])
    yield done


def _tables(release: Release) -> dict[str, ReleasedTable]:
    return {table.name: table for table in public_tables(release)}


def _loads(files: Sequence[ReleasedFile]) -> int:
    """Return how many loads some files of a table are."""
    small = sum(file.size_bytes < JOINED_BELOW_BYTES for file in files)
    return len(files) - small + (small > 0)


def test_every_table_holds_the_rows_of_the_release(published: Published) -> None:
    """What a reader gets has, table by table, count and content digest of the release; computed here, from the rows."""
    for name, table in _tables(published.releases[1]).items():
        found = digest_of_rows(published.dataset, table)
        assert (name, found.row_count, found.hex) == (name, table.row_count, table.content_digest)


def test_queries_of_the_documentation_give_the_right_numbers(published: Published) -> None:
    """What stands in docs/query/bigquery.md answers, and expands steps to days, as DuckDB does over the release's files."""
    project, answers = answers_of(Lake(published.dataset.lake))
    found = {
        one.claim: [
            (str(day), amount)
            for day, amount in published.dataset.client.query(
                one.text.replace(DEMO_PROJECT, project).replace("my-project.osslake", f"{PROJECT}.{published.dataset.name}")
            ).result()
        ]
        for one in snippets("bigquery.md")
    }
    assert found == {claim: answers[claim] for claim in ("months", "days")}


def test_the_first_publication_loads_each_file_once(published: Published) -> None:
    """The rows of all data files of all marts are loaded, and nothing else; small files of a table come as one."""
    tables, done = _tables(published.releases[0]), published.summaries[0]
    assert (done.is_new, sorted(done.tables)) == (True, sorted(table.full_name for table in tables.values()))
    assert done.files == sum(len(table.data_files) for table in tables.values())
    assert len(published.loads[0]) == sum(_loads(table.data_files) for table in tables.values()) < done.files
    assert sum(job.output_rows for job in published.loads[0]) == done.rows == sum(table.row_count for table in tables.values())


def test_the_same_release_again_does_nothing(published: Published) -> None:
    """A release that is shown loads nothing and runs no job."""
    done = published.summaries[1]
    assert (done.is_new, done.tables, done.rows, done.figures["jobs"]) == (False, {}, 0, 0)
    assert published.loads[1] == []


def test_one_day_more_loads_its_partitions_only(published: Published) -> None:
    """Of the second release the server loaded the rows of the partitions whose digests differ from the first release's, and no other."""
    before, after = (_tables(release) for release in published.releases)
    rows, files, loads, kept = 0, 0, 0, 0
    for name, table in after.items():
        old, new = partition_digests(before[name]), partition_digests(table)
        changed = [file for file in table.data_files if old.get(file.partition or "") != new[file.partition or ""]]
        kept += len(table.data_files) - len(changed)
        rows, files, loads = rows + sum(file.row_count or 0 for file in changed), files + len(changed), loads + _loads(changed)
    assert kept > 20
    assert (len(published.loads[2]), sum(job.output_rows for job in published.loads[2])) == (loads, rows)
    done = published.summaries[2]
    assert (done.files, done.rows) == (files, rows)
    assert done.tables["marts.events_daily_v1"] == ["2024-01", "2024-02"]
    assert "marts.projects_v1" not in done.tables


def test_the_summary_tells_jobs_and_cost(published: Published) -> None:
    """Jobs are those that the server ran: loads, one check, one transaction; what they scan is at least the staged bytes, twice."""
    queries = [job for job in published.dataset.jobs(QueryJob) if "COMMIT TRANSACTION" in job.query or "TO_HEX(MD5" in job.query]
    assert len(queries) == 4
    for number in (0, 2):
        figures = published.summaries[number].figures
        assert figures["jobs"] == len(published.loads[number]) + 2
        assert int(figures["scanned_bytes"]) > 2 * published.summaries[number].rows
        assert figures["estimated_usd"] == round(int(figures["scanned_bytes"]) / 2**40 * 6.25, 6)


def test_nothing_is_deleted_from_tables_that_were_just_made(published: Published) -> None:
    """The first publication's transaction inserts alone; the second one deletes from each table that it changes before it inserts."""
    first, second = sorted((job for job in published.dataset.jobs(QueryJob) if "COMMIT" in job.query), key=lambda job: job.created)
    assert (first.query.count("DELETE FROM"), first.query.count("INSERT INTO")) == (0, len(published.summaries[0].tables) + 1)
    assert second.query.count("DELETE FROM") == len(published.summaries[2].tables)


def test_readers_see_one_whole_release(published: Published) -> None:
    """One question over all tables was answered from no release, the first, or the second; in that order."""
    nothing = (None, *(0 for _ in names(published.releases[0])))
    seen = [answer for answer in published.reader.seen if answer != nothing]
    assert seen[0] in whole(published.releases[:1])
    assert seen[1] in whole(published.releases[1:])
    assert len(seen) == 2
    assert published.reader.answers > 5


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_types_land_as_they_are(published: Published, kind: str) -> None:
    """Every column of every mart has the type that its Iceberg type asks for, and its comment."""
    columns = [
        (table, field) for table in public_tables(published.releases[1]) for field in table.schema_["fields"] if field["type"] == kind
    ]
    assert columns or kind == "int"
    for table, field in columns:
        found = {column.name: column for column in published.dataset.table(table.name).schema}[field["name"]]
        assert (table.name, found.name, found.field_type) == (table.name, field["name"], TYPES[kind])
        assert found.description == field["doc"] != ""


def test_no_column_has_another_type(published: Published) -> None:
    """The types above are all that marts have, and no table has a column more."""
    for table in public_tables(published.releases[1]):
        assert {str(field["type"]) for field in table.schema_["fields"]} <= TYPES.keys()
        assert [column.name for column in published.dataset.table(table.name).schema] == [
            field["name"] for field in table.schema_["fields"]
        ]


def test_tables_are_laid_out_and_described_as_declared(published: Published) -> None:
    """Big tables are cut by month and clustered by their grain; each has its description, and labels that name release and schema."""
    release = published.releases[1]
    found = {table.name: published.dataset.table(table.name) for table in public_tables(release)}
    events = found["events_v1"]
    assert (events.time_partitioning.type_, events.time_partitioning.field) == ("MONTH", "time")
    assert events.clustering_fields == ["event_source", "event_type", "to_artifact_id", "event_source_id"]
    assert found["timeseries_metrics_by_project_v1"].time_partitioning.field == "sample_date"
    assert found["timeseries_metrics_by_project_v1"].clustering_fields == ["metric_name", "project_id", "sample_date"]
    assert found["projects_v1"].time_partitioning is None
    for table in public_tables(release):
        assert found[table.name].description.startswith(table.description)
        assert found[table.name].labels["osslake"] == release.document.dataset
        assert found[table.name].labels["release"] == release.id[:23]
        assert found[table.name].labels["schema_version"] == f"1-{table.schema_['schema-id']}"


def test_the_dataset_is_where_it_was_wanted_and_open(published: Published) -> None:
    """The dataset lies in the location that was asked for, everybody may read it, and no staging table is left in it."""
    dataset = published.dataset.client.get_dataset(published.dataset.name)
    assert dataset.location == "EU"
    assert ("READER", "allAuthenticatedUsers") in {(entry.role, entry.entity_id) for entry in dataset.access_entries}
    assert published.dataset.tables == {"releases", *names(published.releases[1])}


def test_the_changes_were_some(published: Published) -> None:
    """The second release differs from the first in some tables, and not in all of them."""
    changed = changed_tables(*published.releases)
    assert 5 < len(changed) < len(public_tables(published.releases[1]))
