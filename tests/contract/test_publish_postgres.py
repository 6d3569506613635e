"""Publication to a real PostgreSQL: one whole release at a time, what changed alone, and every death or refusal in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from end_to_end.lakes import Lake, Shelf
from end_to_end.processes import osslake

from catalog.catalogs import open_catalog
from catalog.errors import PublishError, SettingsError, TargetUnavailableError
from catalog.iceberg import ensure_table
from catalog.raw_tables import RAW_TABLES
from contract.mart_lake import GAPS, PROJECTS, SERIES, MartLake, reopened, with_column, without_month
from contract.published import Schema, look
from contract.servers import Postgres, free_ports
from lakehouse.releases import diff_releases, rollback_release

pytestmark = pytest.mark.stack
POINTS = (
    "publish.postgres.part",
    "publish.postgres.part:2",
    "publish.postgres.loaded",
    "publish.postgres.exchange",
    "publish.postgres.exchanged",
)


@pytest.fixture(scope="module")
def lake(shelf: Shelf) -> Lake:
    """Return a lake of two releases, the second of which has one more day."""

    def build(folder: Path) -> None:
        lake = MartLake(folder)
        lake.release_months()
        lake.release_next_day()

    return Lake(shelf.once("contract_marts", build) / "lake")


@pytest.fixture
def schema(postgres_server: Postgres, lake: Lake, request: pytest.FixtureRequest) -> Iterator[Schema]:
    """Return a schema of the test's own, empty."""
    made = Schema(postgres_server, lake, f"s{abs(hash(request.node.name)) % 10**8}")
    yield made
    made.rows(f"DROP SCHEMA IF EXISTS {made.name} CASCADE; DROP SCHEMA IF EXISTS {made.name}_parts CASCADE")


def test_all_tables_hold_the_releases_rows(schema: Schema) -> None:
    """After the first publication every mart holds the release's very rows, and the summary counts them."""
    with schema.watched():
        done = schema.publish("1")
    marts = [table for table in schema.lake.release("1").tables if table.stage == "marts"]
    assert schema.shown() == done.release_id == schema.lake.release("1").id
    assert (done.is_new, done.rows) == (True, sum(table.row_count for table in marts))
    assert done.bytes == sum(file.size_bytes for table in marts for file in table.data_files)
    assert len(marts) == 6
    check_rows(schema, "1")


def test_the_models_marts_hold_the_releases_rows(schema: Schema, unharmed: Lake) -> None:
    """The marts that the models make, all twenty, arrive row by row."""
    schema.lake = unharmed
    schema.publish()
    check_rows(schema)
    assert len(schema.look()[1]) == 20


def check_rows(schema: Schema, identifier: str | None = None) -> None:
    """Compare all rows of all tables with a release's."""
    for table in schema.lake.release(identifier).tables:
        if table.stage == "marts":
            listed = ", ".join(f'"{field["name"]}"' for field in table.schema_["fields"])
            released = schema.lake.rows(f"SELECT {listed} FROM marts.{table.name}", identifier)
            assert sorted(map(_plain, schema.rows(f"SELECT {listed} FROM {table.name}"))) == sorted(map(_plain, released)), table.name


def _plain(row: tuple[object, ...]) -> str:
    return repr([value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in row])


def test_the_same_release_again_does_nothing(schema: Schema) -> None:
    """A release that is shown already writes nothing."""
    schema.publish("1")
    everything = f"SELECT oid, relname FROM pg_class WHERE relnamespace IN ('{schema.name}'::regnamespace, '{schema.name}_parts'::regnamespace) ORDER BY 1"
    before = schema.rows(everything), schema.rows("SELECT * FROM releases")
    done = schema.publish("1")
    assert (done.is_new, done.rows, done.tables) == (False, 0, {})
    assert (schema.rows(everything), schema.rows("SELECT * FROM releases")) == before


def test_one_more_day_loads_its_partitions_alone(schema: Schema) -> None:
    """The partitions that are loaded are those whose rows differ between the two releases, no others; the parts of the others stay."""
    schema.publish("1")
    before = schema.parts()
    with schema.watched():
        done = schema.publish("2")
    diff = diff_releases(schema.lake.release("1"), schema.lake.release("2"))
    changed = {change.name: list(change.partitions) for change in diff.changed if change.name.startswith("marts.") and change.partitions}
    assert done.tables == changed == {"marts.coverage_v1": [""], "marts.events_v1": ["2024-01"], "marts.series_v1": ["2024-01"]}
    assert len(before & schema.parts()) == len(before) - 3
    assert schema.look() == (schema.lake.release("2").id, schema.expected[schema.lake.release("2").id])


def test_back_to_an_older_release(schema: Schema, tmp_path: Path) -> None:
    """An older release shows its tables again, and so does the release that restores it, for which nothing is loaded."""
    schema.publish("2")
    with schema.watched():
        schema.publish("1")
        schema.publish("2")
        schema.publish("1")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    restoring = rollback_release(schema.lake.settings, "1").release
    done = schema.publish()
    assert (done.release_id, done.is_new, done.rows) == (restoring.id, True, 0)
    del schema.expected
    assert schema.look() == (restoring.id, schema.expected[restoring.id])
    assert len(schema.rows("SELECT 1 FROM releases")) == 5


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_publication_completes_it(schema: Schema, point: str) -> None:
    """After SIGKILL at each step readers see the old release or the new one, and the next publication leaves what one that wasn't killed does."""
    schema.publish("1")
    with schema.watched():
        killed = osslake("--lake", schema.lake.folder, "publish", "postgres", environment=schema.environment, crash_at=point)
        assert killed.code == -9
        assert schema.shown() == schema.lake.release("2" if point.endswith("exchanged") else "1").id
        done = osslake("--lake", schema.lake.folder, "publish", "postgres", "--output", "json", environment=schema.environment)
    assert done.code == 0, done.err
    assert json.loads(done.out)["postgres"]["is_new"] is not point.endswith("exchanged")
    assert schema.look() == (schema.lake.release("2").id, schema.expected[schema.lake.release("2").id])
    parts = schema.parts()
    schema.rows(f"DROP SCHEMA {schema.name} CASCADE; DROP SCHEMA {schema.name}_parts CASCADE")
    schema.publish("2")
    assert parts == schema.parts()


def test_leftovers_of_another_release_are_removed(schema: Schema, tmp_path: Path) -> None:
    """What a killed publication of one release has loaded is gone after that of another."""
    schema.publish("1")
    before = schema.parts()
    osslake("--lake", schema.lake.folder, "publish", "postgres", environment=schema.environment, crash_at="publish.postgres.loaded")
    assert schema.parts() > before
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    rollback_release(schema.lake.settings, "1")
    schema.publish()
    assert schema.parts() == before


def test_a_wrong_count_in_what_stays_is_told(schema: Schema) -> None:
    """Rows that somebody deleted keep the next release from being shown; the message names the table, and what it says to do helps."""
    schema.publish("1")
    schema.rows("DELETE FROM events_v1 WHERE time < '2023-12-01'")
    with pytest.raises(PublishError, match=r"marts\.events_v1, partition 2023-11: 0 rows are there, the release lists") as refused:
        schema.publish("2")
    assert schema.shown() == schema.lake.release("1").id
    schema.rows(str(refused.value).partition("; ")[2].partition(",")[0])
    schema.publish("2")
    assert schema.look()[1] == schema.expected[schema.lake.release("2").id]


@pytest.mark.parametrize(
    ("body", "told"),
    [("IF NEW.project_name = 'p1' THEN RETURN NULL; END IF", r"marts\.projects_v1: \d+ rows came of \d+"),
     ("NEW.display_name := upper(NEW.display_name) || '!'", r"marts\.projects_v1: column display_name is not as it was sent")],
)  # fmt: skip
def test_rows_that_do_not_arrive_as_sent_are_told(schema: Schema, body: str, told: str) -> None:
    """Where the other side drops or changes rows, nothing is shown of the release."""
    spoil = f"""
        CREATE FUNCTION pg_temp_spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NEW; END $$;
        CREATE FUNCTION add_spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE made record; BEGIN
            FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '{schema.name}_parts.projects_v1_%' LOOP
                EXECUTE format('CREATE TRIGGER spoil BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.pg_temp_spoil()', made.object_identity);
            END LOOP; END $$;
        CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION add_spoil()
    """
    with schema.connect(autocommit=True) as connection:
        connection.execute(spoil)
        try:
            with pytest.raises(PublishError, match=told):
                schema.publish("1")
        finally:
            connection.execute("DROP EVENT TRIGGER spoil; DROP FUNCTION add_spoil(); DROP FUNCTION pg_temp_spoil() CASCADE")
    assert schema.shown() is None
    assert schema.publish("1").is_new


@pytest.mark.parametrize(
    ("made", "told"),
    [("CREATE TABLE {0}.projects_v1 (a int)", r"\.projects_v1 is there, and osslake didn't make it"),
     ("CREATE VIEW {0}.gaps_v1 AS SELECT 1 AS a", r"\.gaps_v1 is there, and osslake didn't make it"),
     ("CREATE TABLE {0}.releases (version text)", r"\.releases is there, and osslake didn't make it"),
     ("CREATE SCHEMA {0}_parts", r"the schema s\d+_parts is there, and osslake didn't make it")],
)  # fmt: skip
def test_what_is_somebody_elses_is_left_alone(schema: Schema, made: str, told: str) -> None:
    """A table, a view or a schema of the same name that osslake didn't make is told of, and nothing is done."""
    schema.rows(f"CREATE SCHEMA {schema.name}; {made.format(schema.name)}")
    with pytest.raises(PublishError, match=told):
        schema.publish("1")


def test_another_lakes_schema_is_left_alone(schema: Schema, tmp_path: Path) -> None:
    """A schema that shows a release which this lake didn't make, or another dataset, is refused."""
    schema.publish("1")
    schema.rows("UPDATE releases SET release_id = '000002-' || repeat('0', 64), sequence = 2")
    with pytest.raises(PublishError, match="which this lake did not release"):
        schema.publish("2")
    schema.rows("UPDATE releases SET dataset = 'elsewhere'")
    with pytest.raises(PublishError, match="shows the dataset elsewhere"):
        schema.publish("2")


def test_missing_rights_are_told_without_the_password(schema: Schema) -> None:
    """A user who may not make schemas, or the role, hears what to grant; no message holds a password."""
    schema.rows("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'hush-hush'; GRANT pg_read_all_data TO guest")
    dsn = f"postgresql://guest:hush-hush@127.0.0.1:{schema.server.port}/postgres"
    words = ("--lake", schema.lake.folder, "publish", "postgres", "--schema", schema.name, "--dsn")
    refused = osslake(*words, dsn)
    assert (refused.code, refused.out) == (1, "")
    assert "GRANT CREATE ON DATABASE postgres TO guest" in refused.err.splitlines()[-1]
    refused = osslake(*words, dsn, environment={"OSSLAKE_PUBLISH__POSTGRES__ROLE": "nobody_yet"})
    assert "CREATE ROLE nobody_yet NOLOGIN" in refused.err.splitlines()[-1]
    wrong = osslake(*words, dsn.replace("hush-hush", "hush-wrong"))
    assert "error: publish postgres: PostgreSQL can't be reached" in wrong.err
    assert "hush" not in refused.err + wrong.err


@pytest.mark.parametrize("dsn", ["postgresql://u:pa@ss@127.0.0.1/db", "host=127.0.0.1 password=hush nonsense=1", "nonsense"])
def test_a_dsn_that_is_none_is_not_repeated(schema: Schema, dsn: str) -> None:
    """The message says what a DSN looks like and nothing of the one that was given."""
    schema.more = {"dsn": dsn}
    with pytest.raises(SettingsError, match="is no address of a database such as") as refused:
        schema.publish("1")
    assert not {"pa@", "ss@", "hush"} & {word for word in ("pa@", "ss@", "hush") if word in str(refused.value)}


def test_no_server(schema: Schema) -> None:
    """A server that isn't there may be there later."""
    schema.more = {"dsn": f"postgresql://osslake@127.0.0.1:{free_ports(1)[0]}/postgres"}
    with pytest.raises(TargetUnavailableError, match=r"PostgreSQL can't be reached: .*refused"):
        schema.publish("1")


def test_the_role_reads_and_no_more(schema: Schema) -> None:
    """The role of readers reads the tables, writes none, and doesn't see the parts."""
    schema.publish("1")
    with schema.connect(autocommit=True) as connection:
        connection.execute(f"SET ROLE osslake_reader; SET search_path TO {schema.name}")
        assert look(connection) == schema.look()
        for statement in (
            f"SELECT 1 FROM {schema.name}_parts.{min(schema.parts())}",
            "DELETE FROM projects_v1",
            "CREATE TABLE mine (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_keys_indexes_and_comments(schema: Schema) -> None:
    """Tables have the grain as key, indexes on ids, and the declared descriptions; the parts' indexes became the tables'."""
    schema.publish("1")
    comments = dict(
        schema.rows("SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'projects_v1'::regclass")
    )
    projects = next(table for table in schema.lake.release("1").tables if table.full_name == "marts.projects_v1")
    assert {one["name"]: one["doc"] for one in projects.schema_["fields"]}.items() <= comments.items()
    assert schema.rows("SELECT obj_description('projects_v1'::regclass)") == [(projects.description,)]
    keys = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{}'::regclass AND contype = 'p'"
    assert schema.rows(keys.format("series_v1")) == [("PRIMARY KEY (metric_name, project_id, sample_date)",)]
    assert schema.rows(keys.format("events_v1")) == [('PRIMARY KEY (event_source_id, "time")',)]
    assert schema.rows(keys.format("aliases_v1")) == schema.rows(keys.format("coverage_v1")) == []
    assert schema.rows("SELECT indisunique FROM pg_index WHERE indrelid = 'aliases_v1'::regclass AND indnatts = 2") == [(True,)]
    assert len(schema.rows("SELECT 1 FROM pg_index WHERE indrelid = 'events_v1'::regclass")) == 3
    unattached = f"""SELECT indexrelid::regclass FROM pg_index JOIN pg_class ON oid = indrelid
        WHERE relnamespace = '{schema.name}_parts'::regnamespace AND indexrelid NOT IN (SELECT inhrelid FROM pg_inherits)"""
    assert schema.rows(unattached) == []


def test_a_view_of_a_users_outlives_publications(schema: Schema) -> None:
    """Tables stay while their rows are exchanged, and with them views and grants of others."""
    schema.publish("1")
    schema.rows(f"CREATE VIEW public.mine_{schema.name} AS SELECT count(*) AS events FROM {schema.name}.events_v1")
    schema.publish("2")
    ((count,),) = schema.rows(f"SELECT events FROM public.mine_{schema.name}")
    assert count == schema.expected[schema.lake.release("2").id]["events_v1"][0]


def test_a_transaction_that_reads_sees_its_release_to_the_end(schema: Schema) -> None:
    """A publication waits for a transaction that has read from a table, gives up after the time that is set, and lets others read meanwhile."""
    schema.publish("1")
    schema.more = {"lock_wait_s": 1.5}
    with schema.connect() as reading:
        reading.execute(f"SET search_path TO {schema.name}")
        before = look(reading)
        with schema.watched(), pytest.raises(PublishError, match="were in use for 2 s"):
            schema.publish("2")
        assert look(reading) == before
    loaded = schema.publish("2")
    assert (schema.shown(), loaded.rows) == (schema.lake.release("2").id, 0)


def test_an_older_snapshot_sees_the_new_release_whole(schema: Schema) -> None:
    """A transaction that began before the exchange and first reads after it sees the new release, not tables without rows."""
    schema.publish("1")
    with schema.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")
        schema.publish("2")
        connection.execute(f"SET search_path TO {schema.name}")
        assert look(connection) == (schema.lake.release("2").id, schema.expected[schema.lake.release("2").id])


def test_the_command_line_publishes_to_all_and_tells_how_far_each_is(schema: Schema, tmp_path: Path) -> None:
    """Without a name all that the settings name are tried, though one fails; `osslake status` tells what each shows."""
    schema.publish("1")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    for dataset in RAW_TABLES:  # which every lake has, and `status` looks at
        ensure_table(open_catalog(schema.lake.settings), dataset)
    environment = schema.environment | {
        "OSSLAKE_PUBLISH__STATIC": str(tmp_path / "files"),
        "OSSLAKE_PUBLISH__STATIC_URL": "http://127.0.0.1:1",
    }
    behind = json.loads(osslake("--lake", schema.lake.folder, "status", "--output", "json", environment=environment).out)["targets"]
    assert [(one["target"], one["releases_behind"], one["days_behind"]) for one in behind] == [
        ("iceberg", 0, 0), ("static", None, None), ("postgres", 1, 1)
    ]  # fmt: skip
    done = osslake("--lake", schema.lake.folder, "publish", environment=environment)
    assert done.code == 1
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["static", "postgres"]
    assert "error: publish iceberg: " in done.err
    assert schema.shown() == schema.lake.release("2").id


@pytest.fixture
def growing(schema: Schema, tmp_path: Path) -> MartLake:
    """Return a lake that a test may add to; the schema is its own, and shows its second release."""
    schema.publish("2")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    return reopened(schema.lake)


def test_an_added_column(schema: Schema, growing: MartLake) -> None:
    """A column that a release brings comes with its rows; back at a release without it, it stays and is null."""
    with_column(growing)
    with schema.watched():
        schema.publish()
        check_rows(schema)
        assert schema.rows("SELECT DISTINCT unit FROM series_v1 ORDER BY 1") == [("people",), (None,)]
        schema.publish("1")
        assert schema.rows("SELECT DISTINCT unit FROM series_v1") == [(None,)]
        schema.publish("3")
    check_rows(schema)
    comment = "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'series_v1'::regclass AND attname = 'unit'"
    assert schema.rows(comment) == [("of the value",)]


def test_a_month_that_has_lost_its_rows(schema: Schema, growing: MartLake) -> None:
    """A partition that is gone from the release is gone from the table, and nothing is loaded for it."""
    without_month(growing, SERIES, "2023-12")
    with schema.watched():
        done = schema.publish()
    assert (done.is_new, done.rows) == (True, 0)
    assert schema.rows("SELECT count(*) FROM series_v1 WHERE date_trunc('month', sample_date) = '2023-12-01'") == [(0,)]


def test_a_key_that_does_not_hold_any_more(schema: Schema, growing: MartLake) -> None:
    """Where rows come to share the grain, the key becomes a plain index, and the summary tells so; a table that is loaded anew has its key again.

    Months that stayed when the primary key went have a unique index since.
    """
    growing.append(
        PROJECTS,
        [
            {"project_name": "p1", "display_name": "twice", "artifact_count": 1},
            {"project_name": None, "display_name": "", "artifact_count": 1},
        ],
    )
    growing.append(SERIES, [{"metric_name": None, "project_id": "p9", "sample_date": growing.day, "amount": 1.0}])
    growing.release(growing.day)
    with schema.watched():
        assert schema.publish().figures["without_key"] == "coverage_v1, projects_v1"
        check_rows(schema)
        schema.publish("2")
    strongest = "SELECT bool_or(indisprimary), bool_or(indisunique) FROM pg_index WHERE indrelid = '{}'::regclass"
    assert schema.rows(strongest.format("projects_v1")) == [(True, True)]
    assert schema.rows(strongest.format("series_v1")) == [(False, True)]


def test_a_table_that_is_gone(schema: Schema, growing: MartLake) -> None:
    """A table that the release doesn't have any more is gone; one that a user's view needs is told of, and nothing is done."""
    growing.datasets = [dataset for dataset in growing.datasets if dataset is not GAPS]
    growing.release(growing.day)
    schema.rows(f"CREATE VIEW {schema.name}.mine AS SELECT * FROM {schema.name}.gaps_v1")
    with pytest.raises(PublishError, match=r"gaps_v1 because other objects depend on it .*mine"):
        schema.publish()
    assert schema.shown() == schema.lake.release("2").id
    schema.rows("DROP VIEW mine")
    schema.publish()
    assert "gaps_v1" not in schema.look()[1]
    assert schema.rows("SELECT to_regclass('gaps_v1')") == [(None,)]
