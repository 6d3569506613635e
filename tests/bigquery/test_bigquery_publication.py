"""What a publication to BigQuery does where something goes wrong, is somebody else's, or comes back; a small lake on the emulator."""

from __future__ import annotations

import dataclasses
import re
import shutil
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from contract.proxy import swallowing
from end_to_end.processes import start, stopped
from google.cloud.bigquery import LoadJob
from small_lake import GAPS, SERIES, SmallLake, table_of

from bigquery.datasets import Dataset, publish_and_die
from bigquery.emulator import PROJECT, Emulator
from bigquery.gateway import Refusal, gateway
from bigquery.reader import names, reading, whole
from bigquery.small import Small, check_shows, make_small
from catalog.bucket import bucket_key, open_bucket
from catalog.datasets import Column
from catalog.errors import PublishError, StorageError, TargetUnavailableError
from catalog.iceberg import ensure_table
from lakehouse.releases import rollback_release

pytestmark = pytest.mark.stack


@pytest.fixture
def dataset(bigquery_server: Emulator, small: Small) -> Dataset:
    """Return a dataset that does not exist yet."""
    return Dataset(bigquery_server, small.lake.settings.folder)


@pytest.fixture(scope="module")
def steady(bigquery_server: Emulator, small: Small) -> Dataset:
    """Return a dataset that shows the first release, for tests that leave it so."""
    dataset = Dataset(bigquery_server, small.lake.settings.folder)
    dataset.publish(small.releases[0].id)
    return dataset


@pytest.fixture
def shown_first(dataset: Dataset, small: Small) -> Dataset:
    """Return a dataset that shows the first release."""
    dataset.publish(small.releases[0].id)
    return dataset


def test_staging_tables_expire(steady: Dataset, small: Small) -> None:
    """A staging table that a killed publication leaves goes by itself after the hours that the settings name."""
    process = start(publish_and_die, steady.lake, steady.options, small.releases[1].id, "publish.bigquery.check")
    process.join()
    left = [name for name in steady.tables if name.startswith("staging_")]
    assert len(left) == 2
    for name in left:
        table = steady.table(name)
        assert abs((table.expires - table.created).total_seconds() - 24 * 3600) < 60


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM `{d}.{t}` WHERE name = ''", "loaded 3 rows"),
        ("UPDATE `{d}.{t}` SET amount = 0.3 WHERE name = ''", "loaded 4 rows"),
    ],
)
def test_other_rows_than_the_release_has_are_not_shown(steady: Dataset, small: Small, harm: str, told: str) -> None:
    """A lost row, or a double that is wrong in its last bit: the check finds it, and the release before stays."""
    arguments = ("--lake", steady.lake, "publish", "bigquery", "--project", PROJECT, "--dataset", steady.name)
    with stopped(*arguments, "--endpoint", steady.server.endpoint, at="publish.bigquery.check") as running:
        staging = next(name for name in steady.tables if name.startswith("staging_") and name.endswith("series_v1"))
        steady.rows(harm.replace("{t}", staging))
    ended = running.wait()
    assert ended.code == 1
    error = ended.err.splitlines()[-1]
    assert error.startswith(f"error: publish bigquery: series_v1: BigQuery {told}")
    assert "the release has 4 with " in error
    assert error.endswith("nothing was published, run it again")
    check_shows(steady, small.releases[0])


def test_a_zombie_does_not_overtake(shown_first: Dataset, small: Small) -> None:
    """A publication that stood still while another one was made is refused in its transaction."""
    arguments = ("--lake", shown_first.lake, "publish", "bigquery", "--project", PROJECT, "--dataset", shown_first.name)
    with stopped(*arguments, "--endpoint", shown_first.server.endpoint, at="publish.bigquery.transaction") as running:
        before = {name for name in shown_first.tables if name.startswith("staging_")}
        shown_first.rows(
            "BEGIN TRANSACTION; UPDATE `{d}.releases` SET is_shown = FALSE WHERE TRUE; INSERT INTO `{d}.releases` SELECT"
            f" 2, '{small.releases[0].id}', 1, 'small-lake', DATE '2024-02-02', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), TRUE; COMMIT TRANSACTION;"
        )
    ended = running.wait()
    assert len(before) == 2
    assert (ended.code, "another publication was made meanwhile; run it again" in ended.err.splitlines()[-1]) == (1, True)
    check_shows(shown_first, small.releases[0])


def test_two_at_once(shown_first: Dataset, small: Small, tmp_path: Path) -> None:
    """Of two publications to a dataset the second ends the first, which says so in a line, and leaves the second's staging tables alone."""
    shutil.copytree(shown_first.lake, tmp_path / "lake")  # a lake takes one run at a time
    target = ("publish", "bigquery", "--project", PROJECT, "--dataset", shown_first.name, "--endpoint", shown_first.server.endpoint)
    with ExitStack() as until_overtaken:
        first = until_overtaken.enter_context(stopped("--lake", shown_first.lake, *target, at="publish.bigquery.check"))
        with stopped("--lake", tmp_path / "lake", *target, at="publish.bigquery.check") as second:
            until_overtaken.close()
            ended = first.wait()
    assert ended.code == 1
    told = r"error: publish bigquery: BigQuery, .*Not found: Table .*staging_.*; another publication to this dataset is running, or ran meanwhile:"
    assert re.match(told, ended.err.splitlines()[-1])
    assert "Traceback" not in ended.err
    assert second.wait().code == 0
    check_shows(shown_first, small.releases[1])


def test_two_first_ones_at_once(dataset: Dataset, small: Small) -> None:
    """A publication that finds tables made since it looked is told that another one ran, and what that one shows stays."""
    target = ("publish", "bigquery", "--project", PROJECT, "--dataset", dataset.name, "--endpoint", dataset.server.endpoint)
    with stopped("--lake", dataset.lake, *target, at="publish.bigquery.tables") as first:
        dataset.publish(small.releases[0].id)
    ended = first.wait()
    assert ended.code == 1
    assert re.search(
        r"Already Exists: Table .*; another publication to this dataset is running, or ran meanwhile:", ended.err.splitlines()[-1]
    )
    check_shows(dataset, small.releases[0])


def test_a_column_is_added(bigquery_server: Emulator, tmp_path: Path) -> None:
    """A column that a later release adds comes to the table, with comment and values; older rows have NULL, and going back is possible."""
    made = make_small(tmp_path / "lake")
    dataset = Dataset(bigquery_server, made.lake.settings.folder)
    dataset.publish()
    wider = dataclasses.replace(SERIES, columns=(*SERIES.columns, Column("unit", "string", "of the value")))
    ensure_table(made.lake.catalog, wider)
    made.lake.write(wider, [(date(2024, 3, 1), 1.0, "new", "stars")])
    third = made.lake.create([wider, GAPS]).release
    done = dataset.publish(third.id)
    assert done.tables == {"marts.series_v1": ["2024-01", "2024-02", "2024-03"]}
    check_shows(dataset, third)
    table = dataset.table("series_v1")
    assert {column.name: column.description for column in table.schema}["unit"] == "of the value"
    assert table.labels["schema_version"] == "1-1"
    assert dataset.rows("SELECT unit, COUNT(*) FROM `{d}.series_v1` GROUP BY unit ORDER BY unit") == [(None, 6), ("stars", 1)]
    dataset.publish(made.releases[0].id)
    assert dataset.rows("SELECT COUNT(*), COUNT(unit) FROM `{d}.series_v1`") == [(3, 0)]
    check_shows(dataset, made.releases[0])


def test_a_rollback_is_shown(bigquery_server: Emulator, tmp_path: Path) -> None:
    """A release that restores an older one brings back that one's rows, and loads the month that differs only."""
    made = make_small(tmp_path / "lake")
    dataset = Dataset(bigquery_server, made.lake.settings.folder)
    with reading(bigquery_server, dataset.name, names(made.releases[0])) as reader:
        for release in made.releases:
            dataset.publish(release.id)
        restored = rollback_release(made.lake.settings, made.releases[0].id).release
        done = dataset.publish()
    assert done.tables == {"marts.gaps_v1": [""], "marts.series_v1": ["2024-02"]}
    check_shows(dataset, restored)
    rows = dataset.rows("SELECT publication_number, release_id FROM `{d}.releases` ORDER BY 1")
    assert rows == list(enumerate([*(one.id for one in made.releases), restored.id], 1))
    nothing = (None, 0, 0)
    assert set(reader.seen) - {nothing} <= whole([*made.releases, restored])


def test_a_table_that_is_gone_comes_back_with_the_same_release(steady: Dataset, small: Small) -> None:
    """Where somebody dropped a table the release that is shown is published again: that table's rows alone, in one transaction."""
    steady.client.delete_table(f"{steady.name}.series_v1")
    loads = len(steady.jobs(LoadJob))
    done = steady.publish(small.releases[0].id)
    assert (done.is_new, done.tables, done.rows) == (False, {"marts.series_v1": ["2024-01", "2024-02"]}, 3)
    assert len(steady.jobs(LoadJob)) == loads + 1
    check_shows(steady, small.releases[0])


def test_rows_that_somebody_wrote_go_again(shown_first: Dataset, small: Small) -> None:
    """A table that has other rows than the release that is shown is loaded whole by the next publication, its unchanged month too."""
    shown_first.rows("INSERT INTO `{d}.series_v1` SELECT * FROM `{d}.series_v1`")
    done = shown_first.publish(small.releases[1].id)
    assert done.tables["marts.series_v1"] == ["2024-01", "2024-02"]
    check_shows(shown_first, small.releases[1])


def test_a_table_that_is_gone_is_made_anew(shown_first: Dataset, small: Small) -> None:
    """Where somebody dropped a table it is loaded whole, though the release says that only a month changed."""
    shown_first.client.delete_table(f"{shown_first.name}.series_v1")
    shown_first.publish(small.releases[1].id)
    check_shows(shown_first, small.releases[1])


def test_a_table_of_the_same_name_stays(dataset: Dataset, small: Small) -> None:
    """A table that osslake didn't make, or that another lake did, is not touched, nor opened to all; the message says what to do."""
    dataset.client.create_dataset(dataset.name)
    dataset.rows("CREATE TABLE `{d}.series_v1` (a INT64)")
    dataset.rows("INSERT INTO `{d}.series_v1` VALUES (7)")
    readers = dataset.readers
    place = f"{PROJECT}.{dataset.name}.series_v1"
    with pytest.raises(PublishError, match=f"^{place} was not made by osslake and stays as it is; publish into a dataset of its own"):
        dataset.publish(public=True)
    table = dataset.table("series_v1")
    table.labels = {"osslake": "another-lake"}
    dataset.client.update_table(table, ["labels"])
    with pytest.raises(PublishError, match=f"^{place} belongs to the lake another-lake and stays as it is"):
        dataset.publish(public=True)
    assert dataset.rows("SELECT a FROM `{d}.series_v1`") == [(7,)]
    assert (dataset.tables, dataset.readers) == ({"series_v1"}, readers)


def test_a_column_of_another_type_is_told(dataset: Dataset, small: Small) -> None:
    """A column that somebody made another type of is named, with both types, before anything is changed."""
    dataset.client.create_dataset(dataset.name)
    dataset.rows("CREATE TABLE `{d}.series_v1` (name INT64) OPTIONS (labels = [('osslake', 'small-lake')])")
    told = r"^series_v1: column name is INTEGER in BigQuery, and STRING in the release; drop that table there"
    readers = dataset.readers
    with pytest.raises(PublishError, match=told):
        dataset.publish(public=True)
    assert (dataset.tables, dataset.readers) == ({"series_v1"}, readers)


def test_a_release_of_another_history_is_not_replaced(bigquery_server: Emulator, steady: Dataset, tmp_path: Path) -> None:
    """A dataset that shows a release which this lake never made, a lake of the same name, is left as it is, with what its owner is staging."""
    other = SmallLake(tmp_path / "other").fill()
    other.as_of = date(2024, 2, 9)
    other.release()
    (other.settings.folder / "osslake.toml").write_text('dataset = "small-lake"\n')
    stranger = Dataset(bigquery_server, other.settings.folder, dataset=steady.name)
    steady.rows("CREATE TABLE `{d}.staging_owners` (a INT64) OPTIONS (labels = [('osslake', 'small-lake'), ('role', 'staging')])")
    before = (steady.tables, steady.readers)
    with pytest.raises(PublishError, match="which this lake did not release; another target would be right"):
        stranger.publish(public=True)
    assert (steady.tables, steady.readers) == before
    steady.client.delete_table(f"{steady.name}.staging_owners")


def test_a_dataset_elsewhere_is_told(steady: Dataset) -> None:
    """A dataset cannot move: one that lies elsewhere than --location says is refused."""
    with pytest.raises(PublishError, match=r"is in US, not in EU; name that, or another dataset"):
        steady.publish(location="EU")


REFUSALS = {
    "no right to make the dataset": (
        Refusal(r"^POST .*/datasets\b(?!/)", 403, "accessDenied", "Access Denied: Project osslake-tests: User does not have permission"),
        PublishError,
        r"creating the dataset .*Access Denied.*; whoever publishes needs roles/bigquery\.dataOwner .* and roles/bigquery\.jobUser",
    ),
    "no right to run jobs": (
        Refusal(r"^POST .*/jobs", 403, "accessDenied", "Access Denied: User does not have bigquery.jobs.create permission"),
        PublishError,
        r"loading into staging_\w+: .*bigquery\.jobs\.create.*; whoever publishes needs",
    ),
    "quota": (
        Refusal(r"^POST .*/jobs", 403, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports per table"),
        TargetUnavailableError,
        r"Quota exceeded.*; the quota is spent: run again later, or raise it",
    ),
    "no billing": (
        Refusal(r"^POST .*/datasets\b(?!/)", 403, "billingNotEnabled", "Billing has not been enabled for this project"),
        PublishError,
        r"enable billing for the project osslake-tests",
    ),
    "no credentials": (
        Refusal(r"^GET .*/datasets/", 401, "authError", "Request had invalid authentication credentials"),
        PublishError,
        r"; `gcloud auth application-default login` gives credentials",
    ),
    "away": (
        Refusal(r"^GET .*/datasets/", 503, "backendError", "The service is currently unavailable"),
        TargetUnavailableError,
        r"nothing is lost, run again when it answers",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_say_what_to_do(dataset: Dataset, small: Small, case: str) -> None:
    """Whatever BigQuery refuses, the error names what was tried and the one thing to do; nothing is shown."""
    refusal, kind, message = REFUSALS[case]
    with gateway(dataset.server.port, refusal) as before:
        with pytest.raises(PublishError, match=message) as told:
            dataset.publish(small.releases[0].id, endpoint=before.endpoint, timeout_s=1)
        assert (type(told.value), before.refused > 0, "\n" in str(told.value)) == (kind, True, False)
    assert dataset.shown is None
    if case in ("no right to run jobs", "quota"):
        assert not any(name.startswith("staging_") for name in dataset.tables)


@pytest.mark.parametrize("table", ["gaps_v1", "series_v1"])
def test_one_of_several_loads_is_refused(shown_first: Dataset, small: Small, table: str) -> None:
    """Of loads that go on at once one is refused: the error names its table, nothing is shown, and no staging table is left."""
    refusal = Refusal(r"^POST .*/jobs", 403, "accessDenied", "Access Denied: this table alone", f"_{table}".encode())
    with gateway(shown_first.server.port, refusal) as before:
        with pytest.raises(
            PublishError, match=rf"^BigQuery, loading into staging_\w+_{table}: .*this table alone.*; whoever publishes needs"
        ):
            shown_first.publish(small.releases[1].id, endpoint=before.endpoint)
        assert before.refused == 1
    check_shows(shown_first, small.releases[0])


SPOILT = {
    "a file that is uploaded as it is": (GAPS, PublishError, r"^BigQuery, loading into staging_\w+_gaps_v1: .*Error while reading data"),
    "one of several small files": (
        SERIES,
        StorageError,
        r"^marts\.series_v1: .*\.parquet'; `osslake release verify` tells which files are whole$",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_file_that_is_no_parquet_is_told(bigquery_server: Emulator, tmp_path: Path, case: str) -> None:
    """A file that can't be read, there or here, is told; nothing is shown, and no staging table is left."""
    spoilt, kind, message = SPOILT[case]
    made = make_small(tmp_path / "lake")
    dataset = Dataset(bigquery_server, made.lake.settings.folder)
    file = table_of(made.releases[1], spoilt).data_files[0]
    Path(open_bucket(made.lake.settings).location(bucket_key("small-lake", file.path))).write_bytes(b"no Parquet at all")
    with pytest.raises(kind, match=message):
        dataset.publish(made.releases[1].id)
    assert dataset.shown is None
    assert dataset.tables == {"releases", *names(made.releases[1])}


def test_an_answer_that_was_lost(shown_first: Dataset, small: Small) -> None:
    """Where the answer to the transaction never comes, the client finds the same job again, and the release is shown once."""
    with swallowing(shown_first.server.port) as proxy:
        proxy.swallow_after([b"BEGIN TRANSACTION"])
        shown_first.publish(small.releases[1].id, endpoint=f"http://127.0.0.1:{proxy.port}")
        assert proxy.swallowed == 1
    check_shows(shown_first, small.releases[1])
    assert shown_first.rows("SELECT MAX(publication_number) FROM `{d}.releases`") == [(2,)]
