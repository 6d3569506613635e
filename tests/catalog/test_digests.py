"""Content digests: equal for equal rows, whatever file, order and engine they come from."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.datasets import Column, Dataset
from catalog.digests import FileDigest, digest_columns, digest_files, digest_query, row_digest_sql, total
from catalog.duck import DuckConnection, connect
from catalog.errors import ReleaseError
from catalog.iceberg import iceberg_schema

COLUMNS = (
    ("word", "string", pa.string()),
    ("big", "long", pa.int64()),
    ("small", "int", pa.int32()),
    ("x", "double", pa.float64()),
    ("is_true", "boolean", pa.bool_()),
    ("day", "date", pa.date32()),
    ("at", "timestamptz", pa.timestamp("us", "UTC")),
    ("words", "list<string>", pa.list_(pa.string())),
)
KINDS = [(name, kind) for name, kind, _ in COLUMNS]
SCHEMA = iceberg_schema(Dataset("marts", "all_v1", "All types.", tuple(Column(name, kind, "") for name, kind, _ in COLUMNS), ("word",)))
NAMES = [name for name, _ in KINDS]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1e\x1f"), max_size=20)
ROWS = st.tuples(
    TEXTS | st.none(),
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.integers(-(2**31), 2**31 - 1) | st.none(),
    st.floats(allow_nan=False) | st.none(),
    st.booleans() | st.none(),
    st.dates() | st.none(),
    st.datetimes(timezones=st.just(UTC)) | st.none(),
    st.lists(TEXTS | st.none(), max_size=4) | st.none(),
)
Row = tuple[Any, ...]
NUMBERS = count()


def text_of(value: Any) -> str:
    """Return a value's text as docs/formats/release.md says, in plain Python."""
    match value:
        case None:
            return "\0"
        case bool():
            return "true" if value else "false"
        case datetime():
            return str((value - EPOCH) // timedelta(microseconds=1))
        case date():
            return value.isoformat()
        case float():
            return repr(value + 0.0)
        case list():
            return "[" + "".join(text_of(item) + "\x1e" for item in value) + "]"
    return str(value)


def digest_of(rows: Iterable[Row]) -> FileDigest:
    """Return the digest of rows by the definition, row by row."""
    return total(FileDigest(1, int.from_bytes(hashlib.md5("\x1f".join(map(text_of, row)).encode()).digest(), "little")) for row in rows)


def write(folder: Path, rows: Sequence[Row], **layout: Any) -> str:
    """Write rows as a new Parquet file with Iceberg's field ids (a new one, since DuckDB remembers blocks by name)."""
    path = folder / f"{next(NUMBERS)}.parquet"
    arrays = [pa.array([row[position] for row in rows], kind) for position, (_, _, kind) in enumerate(COLUMNS)]
    fields = [pa.field(name, kind, metadata={"PARQUET:field_id": str(number)}) for number, (name, _, kind) in enumerate(COLUMNS, 1)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, **layout)
    return str(path)


@pytest.fixture(scope="module")
def connection() -> DuckConnection:
    """DuckDB as the lake opens it."""
    return connect()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for files."""
    return tmp_path_factory.mktemp("digests")


@given(rows=st.lists(ROWS, max_size=12))
def test_the_digest_is_the_sum_of_the_rows_md5(connection: DuckConnection, folder: Path, rows: list[Row]) -> None:
    """DuckDB's digest of a file is the one that plain Python computes from the values, for all types."""
    path = write(folder, rows)
    assert digest_files(connection, [path], SCHEMA, NAMES) == {path: digest_of(rows)}


@given(rows=st.lists(ROWS, min_size=1, max_size=12), cut=st.integers(0, 12), seed=st.randoms())
def test_order_and_layout_do_not_matter(connection: DuckConnection, folder: Path, rows: list[Row], cut: int, seed: Any) -> None:
    """The same rows in another order, cut into other files with another coding, have the same digest in all."""
    whole = write(folder, rows)
    shuffled = seed.sample(rows, len(rows))
    first = write(folder, shuffled[:cut], compression="zstd", use_dictionary=False)
    second = write(folder, shuffled[cut:], row_group_size=3, version="2.4")
    digests = digest_files(connection, [whole, first, second], SCHEMA, NAMES)
    assert digests[whole] == digests[first] + digests[second]


@given(bits=st.binary(min_size=8, max_size=8).filter(lambda bits: struct.unpack("d", bits)[0] == struct.unpack("d", bits)[0]))
def test_doubles_are_told_apart_to_the_last_bit(connection: DuckConnection, bits: bytes) -> None:
    """Any double has Python's shortest round-trip text."""
    (value,) = struct.unpack("d", bits)
    relation = pa.table({"x": [value]})  # noqa: F841 - DuckDB reads it by its name
    assert connection.execute(f"SELECT {row_digest_sql([('x', 'double')])} FROM relation").fetchone() == (repr(value + 0.0),)


def test_a_vector_that_other_programs_can_check(connection: DuckConnection, folder: Path) -> None:
    """The example of docs/formats/release.md has the digest that stands there."""
    at = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    path = write(folder, [("Grüße", -5, None, -0.0, True, date(2024, 2, 29), at, ["a", "", None])])
    digest = digest_files(connection, [path], SCHEMA, NAMES)[path]
    assert digest.hex in (Path(__file__).parents[2] / "docs/formats/release.md").read_text(encoding="utf-8")


def test_nothing_is_like_anything_else(connection: DuckConnection) -> None:
    """NULL, the empty text, the empty list, a list of nothing and a list of an empty text are five different things."""
    lists = "(SELECT unnest([NULL, [], [NULL], ['']]) AS l, NULL::VARCHAR AS s UNION ALL SELECT NULL, '')"
    texts = connection.execute(f"SELECT {row_digest_sql([('l', 'list<string>'), ('s', 'string')])} FROM {lists}").fetchall()
    assert len(set(texts)) == 5


def test_a_nan_is_refused_by_table_and_column(connection: DuckConnection, folder: Path) -> None:
    """A NaN has no digest; the error names the table and the column."""
    path = write(folder, [("a", 1, 1, float("nan"), True, None, None, None)])
    with pytest.raises(ReleaseError, match=r'marts\.all_v1.*"x" holds NaN'):
        digest_files(connection, [path], SCHEMA, NAMES, table="marts.all_v1")


def test_only_content_columns_count(connection: DuckConnection, folder: Path) -> None:
    """Columns outside the content don't move the digest, and the order in which they are named doesn't either."""
    one = write(folder, [("a", 1, 2, 0.5, True, None, None, None)])
    two = write(folder, [("a", 1, 3, 0.5, True, None, None, None)])
    digests = digest_files(connection, [one, two], SCHEMA, ["x", "word", "big"])
    assert digests[one] == digests[two] != digest_files(connection, [one], SCHEMA, NAMES)[one]
    assert digest_columns(SCHEMA, ["x", "word"]) == [("word", "string"), ("x", "double")]


def test_a_column_that_a_file_lacks_is_null(connection: DuckConnection, folder: Path) -> None:
    """A file from before a column was added counts as if the column were NULL in it."""
    path = str(folder / "old.parquet")
    field = pa.field("an_old_name", pa.string(), metadata={"PARQUET:field_id": "1"})
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])], schema=pa.schema([field])), path)
    assert digest_files(connection, [path], SCHEMA, NAMES)[path] == digest_of([("a", *[None] * 7)])


def test_a_querys_groups_add_up_to_its_whole(connection: DuckConnection, folder: Path) -> None:
    """Digests of a relation by group are those of the groups' rows, and an engine's table compares with a file."""
    rows = [(word, number, None, 0.1 * number, None, None, None, None) for number, word in enumerate("abcab")]
    path = write(folder, rows)
    relation = f"(SELECT * FROM read_parquet('{path}'))"
    groups = digest_query(connection, relation, KINDS, "word")
    assert groups == {word: digest_of(row for row in rows if row[0] == word) for word in "abc"}
    assert {None: total(groups.values())} == digest_query(connection, relation, KINDS) == {None: digest_of(rows)}


def test_no_rows_are_zero(connection: DuckConnection, folder: Path) -> None:
    """An empty file, an empty relation and no files at all: zero rows, digest zero."""
    path = write(folder, [])
    assert digest_files(connection, [path], SCHEMA, NAMES) == {path: FileDigest(0, 0)}
    assert digest_query(connection, "(SELECT 1::BIGINT AS big WHERE false)", [("big", "long")]) == {None: FileDigest(0, 0)}
    assert digest_query(connection, "(SELECT 1::BIGINT AS big WHERE false)", [("big", "long")], "big") == {}
    assert digest_files(connection, [], SCHEMA, NAMES) == {}


def test_what_has_no_text_is_refused(connection: DuckConnection) -> None:
    """A type outside the format, no columns, and a relation without such a column are errors with names."""
    with pytest.raises(ReleaseError, match="column 'n': type decimal"):
        row_digest_sql([("n", "decimal(38, 9)")])
    with pytest.raises(ReleaseError, match="at least one column"):
        row_digest_sql([])
    with pytest.raises(ReleaseError, match=r"no content digest of marts\.t"):
        digest_query(connection, "(SELECT 1 AS a)", [("b", "long")], table="marts.t")
