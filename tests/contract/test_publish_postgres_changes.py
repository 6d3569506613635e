"""What a release may change of its tables, and what PostgreSQL then shows: columns, months, keys, tables."""

from __future__ import annotations

import pytest

from catalog.errors import PublishError
from contract.mart_lake import GAPS, PROJECTS, SERIES, MartLake, with_column, without_month
from contract.published import Schema
from lakehouse.publications.postgres import layout, totals

pytestmark = pytest.mark.stack


def test_an_added_column(schema: Schema, growing: MartLake) -> None:
    """A column that a release brings comes with its rows; back at a release without it, it stays and is null."""
    with_column(growing)
    with schema.watched():
        schema.publish()
        schema.check_rows()
        assert schema.rows("SELECT DISTINCT unit FROM series_v1 ORDER BY 1") == [("people",), (None,)]
        schema.publish("1")
        assert schema.rows("SELECT DISTINCT unit FROM series_v1") == [(None,)]
        schema.publish("3")
    schema.check_rows()
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
        schema.check_rows()
        schema.publish("2")
    strongest = "SELECT bool_or(indisprimary), bool_or(indisunique) FROM pg_index WHERE indrelid = '{}'::regclass"
    assert schema.rows(strongest.format("projects_v1")) == [(True, True)]
    assert schema.rows(strongest.format("series_v1")) == [(False, True)]


def test_keys_of_an_older_layout(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an osslake before published, with keys in the grain's order, comes to have the keys of now; indexes of others stay."""
    indexes = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '{}'::regclass"

    def definitions() -> set[str]:
        return {definition.partition(" USING btree ")[2] for (definition,) in schema.rows(indexes.format("events_v1"))}

    with monkeypatch.context() as before:
        before.setattr(layout, "LAYOUT", 1)
        before.setattr(layout, "_key", lambda grain, cut_by: tuple(dict.fromkeys([*grain, cut_by])) if cut_by else tuple(grain))
        schema.publish("1")
        assert definitions() == {'(event_source_id, to_artifact_id, "time")', "(to_artifact_id)", "(from_artifact_id)"}
    schema.rows("CREATE INDEX mine ON events_v1 (amount)")
    with schema.watched():
        schema.publish("2")
        schema.check_rows()
    assert definitions() == {'(to_artifact_id, "time", event_source_id)', "(from_artifact_id)", "(amount)"}


def test_texts_of_an_older_layout(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables whose texts have the database's order are made anew, with the order of bytes; a column that a user added elsewhere is left alone."""
    collations = (
        "SELECT count(*) FILTER (WHERE attcollation = '\"C\"'::regcollation), count(*) FROM pg_attribute"
        " WHERE attrelid = 'projects_v1'::regclass AND attnum > 0 AND atttypid = 'text'::regtype AND NOT attisdropped"
    )
    with monkeypatch.context() as before:
        before.setattr(layout, "LAYOUT", 2)
        before.setattr(layout, "TYPES", layout.TYPES | {"string": "text"})
        before.setattr(totals, "_SUMMANDS", totals._SUMMANDS | {"text": totals._SUMMANDS[layout.TEXT]})
        schema.publish("1")
        ((bytewise, texts),) = schema.rows(collations)
        assert (bytewise, texts > 0) == (0, True)
    with schema.watched():
        schema.publish("2")
        schema.check_rows()
    assert schema.rows(collations) == [(texts, texts)]
    schema.rows("ALTER TABLE projects_v1 ADD COLUMN mine text; CREATE VIEW remarks AS SELECT project_name, mine FROM projects_v1")
    schema.publish("1")
    schema.publish("2")
    schema.check_rows()
    assert schema.rows("SELECT count(mine) FROM remarks") == [(0,)]


def test_what_somebody_dropped_comes_back(schema: Schema) -> None:
    """The same release again publishes what is missing of it, and nothing else."""
    schema.publish("1")
    schema.rows("DROP TABLE projects_v1 CASCADE")
    done = schema.publish("1")
    assert (done.is_new, list(done.tables)) == (False, ["marts.projects_v1"])
    schema.check_rows("1")
    schema.rows(f"DROP SCHEMA {schema.name}_parts CASCADE")
    schema.publish("1")
    schema.check_rows("1")
    assert schema.publish("1").tables == {}


def test_settings_of_the_role_play_no_part(schema: Schema) -> None:
    """Dates are read as they are meant whatever style the database shows them in; empty schemas that were made for us are taken."""
    schema.rows(f"CREATE SCHEMA {schema.name}; CREATE SCHEMA {schema.name}_parts; ALTER ROLE osslake SET datestyle TO 'SQL, DMY'")
    try:
        schema.publish("1")
        assert schema.shown() == schema.lake.release("1").id
    finally:
        schema.rows("ALTER ROLE osslake RESET datestyle")


def test_a_text_with_a_zero_byte(schema: Schema, growing: MartLake) -> None:
    """U+0000, which PostgreSQL can't hold, is shown as U+FFFD, and the other texts of the column as they are."""
    rows = [{"project_name": name, "display_name": text, "artifact_count": 1} for name, text in (("n1", "a\0b\0"), ("n2", "plain"))]
    growing.append(PROJECTS, rows)
    growing.release(growing.day)
    schema.publish()
    assert schema.rows("SELECT display_name FROM projects_v1 WHERE project_name IN ('n1', 'n2') ORDER BY project_name") == [
        ("a\ufffdb\ufffd",),
        ("plain",),
    ]


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
