"""BigQuery computes the content digest of what it loaded: the same number as the release's, of the same rows (docs/formats/release.md).

What a double's shortest text is, BigQuery has no function for: it is the first of 15, 16 and 17 digits that reads back as the same number.
Doubles below 1e-300, and powers of two beyond 1e23, may have a shorter text still; no column holds any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.digests import MODULUS, FileDigest, total
from catalog.release_document import ReleasedFile, ReleasedTable

_CHUNKS = 4
_TEXTS = {
    "string": "{0}",
    "long": "CAST({0} AS STRING)",
    "int": "CAST({0} AS STRING)",
    "boolean": "CAST({0} AS STRING)",
    "date": "CAST({0} AS STRING)",
    "timestamptz": "CAST(UNIX_MICROS({0}) AS STRING)",
    "double": (
        "CASE WHEN {0} = 0 THEN '0.0' WHEN ABS({0}) < 1e16 AND {0} = TRUNC({0}) THEN CONCAT(CAST(CAST({0} AS INT64) AS STRING), '.0')"
        " WHEN CAST(FORMAT('%.15g', {0}) AS FLOAT64) = {0} THEN FORMAT('%.15g', {0})"
        " WHEN CAST(FORMAT('%.16g', {0}) AS FLOAT64) = {0} THEN FORMAT('%.16g', {0})"
        " WHEN ABS({0}) < 1e16 THEN FORMAT('%.17g', {0}) ELSE FORMAT('%.16e', {0}) END"
    ),
}


def digests_sql(staged: Mapping[str, ReleasedTable]) -> str:
    """Return a query for row count and digest of several tables.

    Args:
        staged: how SQL names a table -> the table of a release whose rows are there.

    The answer has a row for each: `table_name` (of the release), `row_count` and the sums `chunk_0` to `chunk_3`.
    """
    return " UNION ALL ".join(_digest_sql(path, table) for path, table in staged.items())


def _digest_sql(path: str, table: ReleasedTable) -> str:
    fields = sorted(table.schema_["fields"], key=lambda field: field["id"])
    texts = [_TEXTS[field["type"]].format(f"`{field['name']}`") for field in fields if field["name"] in table.content_columns]
    row = f"ARRAY_TO_STRING([{', '.join(texts)}], CODE_POINTS_TO_STRING([31]), CODE_POINTS_TO_STRING([0]))"
    chunks = ", ".join(f"CAST(CONCAT('0x', SUBSTR(md5, {8 * chunk + 1}, 8)) AS INT64) AS chunk_{chunk}" for chunk in range(_CHUNKS))
    sums = ", ".join(f"IFNULL(SUM({_turned(f'chunk_{chunk}')}), 0) AS chunk_{chunk}" for chunk in range(_CHUNKS))
    return (
        f"SELECT '{table.name}' AS table_name, COUNT(*) AS row_count, {sums}"
        f" FROM (SELECT {chunks} FROM (SELECT TO_HEX(MD5({row})) AS md5 FROM {path}))"
    )


def _turned(chunk: str) -> str:
    """Return the SQL for a number of four bytes with its bytes the other way round: the digest counts a row's first byte lowest."""
    return f"(({chunk} & 255) << 24) | (({chunk} & 65280) << 8) | (({chunk} >> 8) & 65280) | ({chunk} >> 24)"


def digest_of(row: Mapping[str, Any]) -> FileDigest:
    """Return the digest that a row of the answer says."""
    number = sum(row[f"chunk_{chunk}"] << (32 * chunk) for chunk in range(_CHUNKS))
    return FileDigest(row["row_count"], number % MODULUS)


def released_digest(files: Sequence[ReleasedFile]) -> FileDigest:
    """Return what a release says of the rows of these data files."""
    return total(FileDigest(file.row_count or 0, int(file.content_digest or "0", 16)) for file in files)
