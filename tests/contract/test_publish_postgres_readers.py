"""What readers of PostgreSQL find: rights, keys, comments, views of their own, and one release in a transaction."""

from __future__ import annotations

import psycopg
import pytest

from catalog.errors import PublishError
from contract.published import Schema, look

pytestmark = pytest.mark.stack


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
    """Tables have the grain as key, beginning with what readers look for, indexes on other ids, and the declared descriptions.

    The parts' indexes became the tables'.
    """
    schema.publish("1")
    comments = dict(
        schema.rows("SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'projects_v1'::regclass")
    )
    projects = next(table for table in schema.lake.release("1").tables if table.full_name == "marts.projects_v1")
    assert {one["name"]: one["doc"] for one in projects.schema_["fields"]}.items() <= comments.items()
    assert schema.rows("SELECT obj_description('projects_v1'::regclass)") == [(projects.description,)]
    keys = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{}'::regclass AND contype = 'p'"
    assert schema.rows(keys.format("series_v1")) == [("PRIMARY KEY (metric_name, project_id, sample_date)",)]
    assert schema.rows(keys.format("events_v1")) == [('PRIMARY KEY (to_artifact_id, "time", event_source_id)',)]
    assert schema.rows(keys.format("aliases_v1")) == schema.rows(keys.format("coverage_v1")) == []
    assert schema.rows("SELECT indisunique FROM pg_index WHERE indrelid = 'aliases_v1'::regclass AND indnatts = 2") == [(True,)]
    others = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'events_v1'::regclass AND NOT indisprimary"
    assert [definition.rpartition(" ")[2] for (definition,) in schema.rows(others)] == ["(from_artifact_id)"]
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
