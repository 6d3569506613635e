"""SQL on a release: which tables there are, what they hold, what can't be done, and how rows leave."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from duckdb import InterruptException
from released_lake import ReleasedLake

from catalog.duck import DuckConnection
from catalog.errors import QueryError
from catalog.query import open_release, run_query
from catalog.results import TABLE_ROWS, ResultFormat


@pytest.fixture
def connection(released_lake: ReleasedLake) -> Iterator[DuckConnection]:
    """DuckDB on the newest release."""
    with open_release(released_lake.settings, released_lake.releases[-1]) as opened:
        yield opened


def answer(connection: DuckConnection, sql: str, output_format: ResultFormat = "json") -> str:
    """Return what a query prints."""
    out = io.BytesIO()
    run_query(connection, sql, output_format, out)
    return out.getvalue().decode()


def test_each_table_stands_under_its_stage(connection: DuckConnection) -> None:
    """All tables of a release can be read as `stage.table`."""
    found = json.loads(
        answer(connection, "SELECT schema_name || '.' || view_name AS name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
    )
    names = ["intermediate.int_days", "marts.projects_v1", "marts.source_gaps_v1", "raw.demo__events"]
    assert [row["name"] for row in found] == names


def test_a_plain_name_is_a_mart(connection: DuckConnection) -> None:
    """Marts need no stage before their name."""
    assert json.loads(answer(connection, "SELECT count(*) AS n FROM projects_v1")) == [{"n": 3}]


def test_a_plain_name_is_of_the_only_stage(released_lake: ReleasedLake) -> None:
    """Where one stage is asked for, plain names lead to it, and other stages aren't there."""
    with open_release(released_lake.settings, released_lake.releases[-1], ["raw"]) as connection:
        assert json.loads(answer(connection, "SELECT count(*) AS n FROM demo__events")) == [{"n": 3}]
        with pytest.raises(QueryError, match="projects_v1"):
            answer(connection, "SELECT * FROM marts.projects_v1")


def test_an_older_release_has_its_own_rows(released_lake: ReleasedLake) -> None:
    """A kept release shows what it showed when it was made."""
    with open_release(released_lake.settings, released_lake.releases[0]) as connection:
        assert json.loads(answer(connection, "SELECT count(*) AS n FROM projects_v1")) == [{"n": 2}]
        assert json.loads(answer(connection, "SELECT count(*) AS n FROM raw.demo__events")) == [{"n": 2}]


def test_an_empty_table_has_its_columns(connection: DuckConnection) -> None:
    """A table without files can be read, and has no rows."""
    assert answer(connection, "SELECT * FROM source_gaps_v1", "csv") == '"reason"\n'


def test_staging_views_are_evaluated_over_the_releases_raw(released_lake: ReleasedLake) -> None:
    """Staging models that the caller brings are views over the raw tables of that very release, and over each other."""
    views = {
        "stg_demo__events": "SELECT event_id, len(tags) AS tag_count FROM raw.demo__events",
        "stg_demo__tagged": "SELECT * FROM staging.stg_demo__events WHERE tag_count > 0",
    }
    counts = []
    for release in released_lake.releases:
        with open_release(released_lake.settings, release, staging_views=views) as connection:
            sql = "SELECT (SELECT count(*) FROM staging.stg_demo__events) AS a, (SELECT count(*) FROM staging.stg_demo__tagged) AS b"
            counts += json.loads(answer(connection, sql))
    assert counts == [{"a": 2, "b": 1}, {"a": 3, "b": 1}]


def test_a_staging_view_that_fails_is_named(released_lake: ReleasedLake) -> None:
    """A staging model that DuckDB can't read is named in the error, with what is wrong."""
    with pytest.raises(QueryError, match=r'^staging\.stg_bad can\'t be opened: Binder Error: .*"nothing" not found .*"event_id"'):
        open_release(released_lake.settings, released_lake.releases[0], staging_views={"stg_bad": "SELECT nothing FROM raw.demo__events"})


def test_an_unknown_stage_is_refused(released_lake: ReleasedLake) -> None:
    """A stage that isn't one is answered by those that are."""
    with pytest.raises(QueryError, match="'mart' is not one of raw, staging, intermediate, marts"):
        open_release(released_lake.settings, released_lake.releases[0], ["mart"])


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("SELECT * FROM project_v1", 'Did you mean "projects_v1"?'),
        ("SELECT * FROM marts.projects_v2", 'Did you mean "projects_v1"?'),
        ("SELECT projectid FROM projects_v1", 'Candidate bindings: "project_id"'),
        ("SELEC 1", "syntax error"),
    ],
)
def test_an_error_is_one_line_with_near_names(connection: DuckConnection, sql: str, near: str) -> None:
    """Wrong names are answered by the near ones, in one line."""
    with pytest.raises(QueryError) as error:
        answer(connection, sql)
    assert near in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "/* \nSELECT 1 --*/ EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPLAIN/**/ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "SELECT 1; COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW marts.projects_v1",
        "INSTALL spatial",
        "ATTACH '{file}' AS other",
        "SET enable_external_access = true",
        "",
    ],
)
def test_nothing_but_one_reading_statement_runs(released_lake: ReleasedLake, connection: DuckConnection, sql: str) -> None:
    """Statements that write, configure or come in a row are refused, and no published file changes."""
    table = next(table for table in released_lake.releases[-1].tables if table.name == "projects_v1")
    path = released_lake.path(table.data_files[0].path)
    before = path.read_bytes()
    with pytest.raises(QueryError, match=r"can only be read|one statement|Error"):
        answer(connection, sql.format(file=path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "source", ["read_text('{outside}')", "read_parquet('https://example.org/x.parquet')", "glob('/*')", "read_csv('/etc/passwd')"]
)
def test_no_other_file_can_be_read(released_lake: ReleasedLake, connection: DuckConnection, source: str) -> None:
    """A query reaches the files of its release and nothing else: no file beside them, no network, no listing."""
    outside = released_lake.settings.state / "catalog.sqlite"
    assert outside.exists()
    with pytest.raises(QueryError):
        answer(connection, f"SELECT * FROM {source.format(outside=outside)}")


def test_files_of_another_release_stay_out_of_reach(released_lake: ReleasedLake) -> None:
    """The older release's connection can't read a file that only the newer one lists."""
    newer = next(table for table in released_lake.releases[-1].tables if table.name == "projects_v1")
    path = released_lake.path(newer.data_files[0].path)
    with open_release(released_lake.settings, released_lake.releases[0]) as connection, pytest.raises(QueryError, match="Permission"):
        answer(connection, f"SELECT * FROM read_parquet('{path}')")


@pytest.mark.parametrize(
    "sql", ["DESCRIBE projects_v1", "SHOW TABLES", "SUMMARIZE projects_v1", "EXPLAIN SELECT 1", "explain analyze FROM projects_v1"]
)
def test_ways_of_looking_are_allowed(connection: DuckConnection, sql: str) -> None:
    """DESCRIBE, SHOW, SUMMARIZE and EXPLAIN of a SELECT run as queries do."""
    assert json.loads(answer(connection, sql))


def test_json_is_an_array_of_objects_with_iso_times(connection: DuckConnection) -> None:
    """JSON is one array of objects; times are ISO 8601 in UTC, null is null, lists are lists."""
    events = json.loads(answer(connection, "SELECT event_id, happened_at, tags FROM raw.demo__events ORDER BY event_id"))
    assert events == [
        {"event_id": 1, "happened_at": "2024-01-01T12:00:00Z", "tags": ["a", "b"]},
        {"event_id": 2, "happened_at": "2024-01-01T13:30:00.250000Z", "tags": []},
        {"event_id": 3, "happened_at": "2024-01-02T00:00:00Z", "tags": None},
    ]
    assert json.loads(answer(connection, "SELECT 1 WHERE false")) == []


def test_json_keeps_all_digits(connection: DuckConnection) -> None:
    """Sums beyond 64 bits and decimals are written as numbers with all their digits; what JSON can't say is null."""
    sql = "SELECT sum(9223372036854775807) AS s, 0.10::DECIMAL(38, 9) AS d, 'nan'::DOUBLE AS n, '\\x00\\xFF'::BLOB AS b FROM range(3)"
    assert answer(connection, sql) == '[\n{"s":27670116110564327421,"d":0.100000000,"n":null,"b":"00ff"}\n]\n'


def test_csv_has_iso_times_and_tells_null_from_empty(connection: DuckConnection) -> None:
    """CSV quotes texts, leaves nulls empty, and writes times and lists as JSON does."""
    assert answer(connection, "SELECT project_id, display_name, first_listed_at FROM projects_v1 ORDER BY 1", "csv").splitlines() == [
        '"project_id","display_name","first_listed_at"',
        '"p1","Ünïcode, ""quoted""","2023-05-01T00:00:00Z"',
        '"p2",,',
        '"p3","third","2024-01-02T03:04:05.678901Z"',
    ]
    assert answer(connection, "SELECT tags, '' AS e FROM raw.demo__events WHERE event_id = 1", "csv") == '"tags","e"\n"[""a"",""b""]",""\n'


def test_a_table_is_aligned_and_harmless(connection: DuckConnection) -> None:
    """The table aligns columns, numbers to the right, and shows control characters instead of obeying them."""
    assert answer(connection, "SELECT 'a' || chr(27) || '[2J' AS word, 1.5 AS number UNION ALL SELECT 'b', 100 ORDER BY 1", "table") == (
        "word      number\n--------  ------\na\\x1b[2J     1.5\nb          100.0\n(2 rows)\n"
    )


def test_a_long_table_says_that_there_is_more(connection: DuckConnection) -> None:
    """A table of more rows than fit is cut, and says so."""
    printed = answer(connection, f"SELECT * FROM range({TABLE_ROWS + 1})", "table").splitlines()
    assert len(printed) == TABLE_ROWS + 3
    assert printed[-1] == f"(the first {TABLE_ROWS} rows; there are more, which csv, json and parquet give)"
    assert answer(connection, f"SELECT * FROM range({TABLE_ROWS})", "table").splitlines()[-1] == f"({TABLE_ROWS} rows)"


@pytest.mark.parametrize("output_format", ["csv", "json", "parquet"])
def test_a_file_is_whole(connection: DuckConnection, tmp_path: Path, output_format: ResultFormat) -> None:
    """An export gets its name when all rows are in it, and leaves nothing else behind."""
    file = tmp_path / f"out.{output_format}"
    assert run_query(connection, "SELECT range AS n, 'é' AS t FROM range(120000)", output_format, file) == 120_000
    assert list(tmp_path.iterdir()) == [file]


def test_parquet_keeps_types_and_rows(connection: DuckConnection, tmp_path: Path) -> None:
    """Parquet holds the rows with their types: times stay times in UTC."""
    run_query(connection, "SELECT * FROM projects_v1 ORDER BY project_id", "parquet", tmp_path / "p.parquet")
    rows = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert [row["first_listed_at"] and row["first_listed_at"].isoformat() for row in rows] == [
        "2023-05-01T00:00:00+00:00",
        None,
        "2024-01-02T03:04:05.678901+00:00",
    ]


@pytest.mark.parametrize("output_format", ["table", "csv", "json", "parquet"])
def test_an_error_among_the_rows_leaves_the_file_as_it_was(connection: DuckConnection, tmp_path: Path, output_format: ResultFormat) -> None:
    """A query that fails after its first rows is an error, and the file that stood there stays."""
    file = tmp_path / "out"
    file.write_text("before")
    sql = "SELECT CASE WHEN range = 199_999 THEN error('too far') ELSE range::VARCHAR END AS n FROM range(200000)"
    if output_format == "table":
        sql = "SELECT error('too far')"
    with pytest.raises(QueryError, match="too far"):
        run_query(connection, sql, output_format, file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


class Interrupted:
    """A connection whose first readers are interrupted, as DuckDB's now and then are where another thread fails."""

    def __init__(self, connection: DuckConnection, count: int) -> None:
        self.connection, self.count = connection, count

    def __getattr__(self, name: str) -> Any:
        """Do all else as the connection does."""
        return getattr(self.connection, name)

    def execute(self, sql: str) -> Any:
        """Be interrupted, or not any more."""
        self.count -= 1
        if self.count >= 0:
            raise InterruptException("INTERRUPT Error: Interrupted!")
        return self.connection.execute(sql)


@pytest.mark.parametrize(("count", "message"), [(1, "too far"), (3, "too far"), (9, "Interrupted!")])
def test_a_failed_query_is_told_with_its_cause(connection: DuckConnection, count: int, message: str) -> None:
    """Where DuckDB says only that it ended its other threads, the query is asked again for what was wrong with it."""
    interrupted: Any = Interrupted(connection, count)
    with pytest.raises(QueryError, match=message):
        answer(interrupted, "SELECT error('too far') FROM range(10)")


def test_odd_types_have_a_text_or_a_clear_error(connection: DuckConnection) -> None:
    """Dates beyond Python's years, intervals and infinity have a text; what a format can't hold is an error that names the format."""
    sql = "SELECT DATE '10000-01-01' AS d, INTERVAL '1 month 2 days 3.5 seconds' AS i, 'inf'::DOUBLE AS f, TIMESTAMP '2024-01-01' AS t"
    assert answer(connection, sql, "csv").splitlines()[1] == '"10000-01-01","P1M2DT3.5S",inf,"2024-01-01T00:00:00Z"'
    assert json.loads(answer(connection, sql)) == [{"d": "10000-01-01", "i": "P1M2DT3.5S", "f": None, "t": "2024-01-01T00:00:00Z"}]
    assert "inf" in answer(connection, sql, "table")
    with pytest.raises(QueryError, match="can't be written as parquet"):
        answer(connection, "SELECT INTERVAL 1 month", "parquet")


def test_a_place_that_cannot_be_written_is_named(connection: DuckConnection, tmp_path: Path) -> None:
    """A file that can't be written is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(QueryError, match=r"out\.csv can't be written"):
        run_query(connection, "SELECT 1", "csv", tmp_path / "file" / "out.csv")


def test_columns_of_one_name_stay_apart(connection: DuckConnection) -> None:
    """Two columns that a query calls alike do not swallow each other in JSON."""
    (row,) = json.loads(answer(connection, "SELECT 1 AS a, 2 AS a"))
    assert row == {"a": 1, "a_1": 2}
