"""What keeps PostgreSQL from being published to: one line says what to do, and what is shown stays."""

from __future__ import annotations

import pytest
from end_to_end.processes import osslake, stopped
from psycopg.conninfo import make_conninfo

from catalog.errors import PublishError, SettingsError, TargetUnavailableError
from contract.published import Schema
from contract.servers import free_ports
from lakehouse.publications.postgres import PostgresPublication

pytestmark = pytest.mark.stack


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
     ("CREATE TYPE {0}.projects_v1 AS ENUM ('a')", r"projects_v1\W* already exists, and osslake didn't make it; rename it"),
     ("CREATE SCHEMA {0}_parts CREATE TABLE a (b int)", r"the schema s\w+_parts is there, and osslake didn't make it")],
)  # fmt: skip
def test_what_is_somebody_elses_is_left_alone(schema: Schema, made: str, told: str) -> None:
    """A table, a view or a schema of the same name that osslake didn't make is told of, and nothing is done."""
    schema.rows(f"CREATE SCHEMA {schema.name}; {made.format(schema.name)}")
    with pytest.raises(PublishError, match=told):
        schema.publish("1")


def test_another_lakes_schema_is_left_alone(schema: Schema) -> None:
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


def test_a_user_without_rights_on_what_is_published_hears_of_them(schema: Schema) -> None:
    """Somebody who may not see the schema isn't told that nothing, or something else, is there."""
    schema.publish("1")
    schema.rows("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN PASSWORD 'hush-hush'")
    schema.more = {"dsn": f"postgresql://poor:hush-hush@127.0.0.1:{schema.server.port}/postgres"}
    for asked in (schema.shown, lambda: schema.publish("1")):
        with pytest.raises(PublishError, match=r"permission denied for .* user poor has to own the schemas"):
            asked()


def test_a_database_in_another_encoding_is_told(schema: Schema) -> None:
    """A database that can't hold all texts is refused before anything is sent."""
    name = f"latin_{schema.name}"
    with schema.connect(autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    schema.more = {"dsn": make_conninfo(schema.dsn, dbname=name)}
    with pytest.raises(PublishError, match=r"is encoded in LATIN1, .* one in UTF8 would be right"):
        schema.publish("1")


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:pa@ss@127.0.0.1/db", "postgresql://:hush/x@127.0.0.1/db", "host=127.0.0.1 password=hush nonsense=1", "nonsense"]
)
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


def test_a_second_publication_waits_and_is_told(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one publishes, another one waits for it, and not for ever."""
    monkeypatch.setattr("lakehouse.publications.postgres.server.ONE_AT_A_TIME_S", 1)
    words = ("--lake", schema.lake.folder, "publish", "postgres")
    is_told = pytest.raises(PublishError, match=r"another publication to the schema .* is running")
    with stopped(*words, environment=schema.environment, at="publish.postgres.loaded") as first, is_told:
        schema.publish()
    assert first.wait().code == 0
    assert not schema.publish().is_new


def test_a_connection_that_is_lost(schema: Schema) -> None:
    """A server that ends the session, as one that is stopped does, is told of; the next publication loads nothing a second time."""

    def end_session(step: str) -> None:
        if step == "publish postgres: exchange":
            schema.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'osslake publish'")

    with pytest.raises(TargetUnavailableError, match="it shows what it showed before, run again"):
        PostgresPublication(schema.settings).publish(schema.lake.release("1"), end_session)
    assert schema.shown() is None
    done = schema.publish("1")
    assert (done.is_new, done.rows) == (True, 0)
