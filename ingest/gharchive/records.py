"""From lines to typed rows, by DuckDB's JSON functions: one pass for all promoted fields, one more for lists of commits.

Record forms are told apart by shape: the old one (before 2015) has no id, no `repo`, and an `actor` that is a string; or null, and then a
`url` or a `repository`, which the form since 2015 lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.duck import DuckConnection
from catalog.errors import SourceError
from catalog.raw_tables import FIRST_YEAR, LAST_YEAR
from ingest.gharchive.lines import Lines

_PATHS = {
    "id": "$.id",
    "type": "$.type",
    "created_at": "$.created_at",
    "actor": "$.actor",
    "actor_id": "$.actor.id",
    "actor_login": "$.actor.login",
    "repo_id": "$.repo.id",
    "repo_name": "$.repo.name",
    "url": "$.url",
    "owner": "$.repository.owner",
    "name": "$.repository.name",
    "action": "$.payload.action",
    "ref": "$.payload.ref",
    "number": "$.payload.number",
    "pull_number": "$.payload.pull_request.number",
    "issue_number": "$.payload.issue.number",
    "is_merged": "$.payload.pull_request.merged",
    "merged_at": "$.payload.pull_request.merged_at",
    "opened_by_id": "$.payload.pull_request.user.id",
    "opened_by_login": "$.payload.pull_request.user.login",
    "published_at": "$.payload.release.published_at",
    "commits": "$.payload.commits",
    "shas": "$.payload.shas",
}
_INTEGERS = ("actor_id", "repo_id", "number", "pull_number", "issue_number", "opened_by_id")
_FIELD = {name: f"f[{position}]" for position, name in enumerate(_PATHS, 1)}


def _f(name: str) -> str:
    return _FIELD[name]


_FIRST_TIME = f"TIMESTAMPTZ '{FIRST_YEAR}-01-01 00:00:00+00'"
_LAST_TIME = f"TIMESTAMPTZ '{LAST_YEAR}-12-31 23:59:59.999999+00'"


def _time(text: str) -> str:
    """Return a time from 1970 to 9998; NULL for what is none, `infinity` too. Early archives have `2012/03/11 00:00:00 -0800`."""
    early = f"regexp_replace(replace({text}, '/', '-'), ' ([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    time = f"try_cast(CASE WHEN contains({text}, '/') THEN {early} ELSE {text} END AS TIMESTAMPTZ)"
    return f"CASE WHEN {time} BETWEEN {_FIRST_TIME} AND {_LAST_TIME} THEN {time} END"


_IS_OLD = (
    f"({_f('id')} IS NULL AND {_f('repo_id')} IS NULL AND {_f('repo_name')} IS NULL"
    f" AND NOT starts_with(coalesce({_f('actor')}, {_f('url')}, {_f('name')}, '{{'), '{{'))"
)
_BAD_INTEGER = " ".join(
    f"WHEN {_f(name)} IS NOT NULL AND (try_cast({_f(name)} AS BIGINT) IS NULL OR contains({_f(name)}, '.'))"
    f" THEN 'not_an_integer:{_PATHS[name][2:]}'"
    for name in _INTEGERS
)
_PARSED = f"""
WITH split AS (
  SELECT number AS line_number, line, try(json_extract_string(line, [{", ".join(f"'{path}'" for path in _PATHS.values())}])) AS f
  FROM lines
), timed AS (
  SELECT line_number, line, f, {_IS_OLD} AS is_old, {_time(_f("created_at"))} AS created_at
  FROM split
), judged AS (
  SELECT *,
         CASE WHEN f IS NULL THEN 'not_json'
              WHEN coalesce({_f("type")}, '') = '' THEN CASE json_type(line) WHEN 'OBJECT' THEN 'missing_field:type' ELSE 'not_an_object' END
              WHEN {_f("created_at")} IS NULL THEN 'missing_field:created_at'
              WHEN created_at IS NULL THEN 'not_a_time:created_at'
              WHEN NOT is_old AND coalesce({_f("id")}, '') = '' THEN 'missing_field:id'
              {_BAD_INTEGER} END AS problem
  FROM timed
)
SELECT line_number AS "_source_line", problem,
       CASE WHEN {_f("id")} IS NULL THEN sha256(line) ELSE {_f("id")} END AS record_id,
       {_f("type")} AS record_type,
       created_at,
       CAST(created_at AS DATE) AS created_date,
       CASE WHEN NOT is_old THEN try_cast({_f("actor_id")} AS BIGINT) END AS actor_id,
       CASE WHEN is_old THEN {_f("actor")} ELSE {_f("actor_login")} END AS actor_login,
       try_cast({_f("repo_id")} AS BIGINT) AS repository_id,
       CASE WHEN is_old THEN {_f("owner")} || '/' || {_f("name")} ELSE {_f("repo_name")} END AS repository_name,
       {_f("action")} AS action,
       {_f("ref")} AS ref,
       CASE WHEN problem IS NULL AND {_f("type")} = 'PushEvent'
            THEN CASE WHEN is_old THEN try(json_extract_string({_f("shas")}, '$[*][0]'))
                      ELSE try(json_extract_string({_f("commits")}, '$[*].sha')) END END AS commit_shas,
       try_cast(coalesce({_f("number")}, {_f("pull_number")}, {_f("issue_number")}) AS BIGINT) AS number,
       try_cast({_f("is_merged")} AS BOOLEAN) AS is_merged,
       {_time(_f("merged_at"))} AS merged_at,
       try_cast({_f("opened_by_id")} AS BIGINT) AS opened_by_id,
       {_f("opened_by_login")} AS opened_by_login,
       {_time(_f("published_at"))} AS published_at,
       {_f("created_at")} AS created_at_text
FROM judged
"""


@dataclass(frozen=True)
class ParsedLines:
    """What lines of some hour files hold.

    Attributes:
        events: rows of `raw.gharchive__events` without the load's columns, in the order of the lines.
        rejected: rows of `raw.rejected` without the load's columns.
        loaded_counts: good records of each file.
        first_times: time of each file's first good record, as it stands there.
    """

    events: pa.Table
    rejected: list[dict[str, object]]
    loaded_counts: dict[str, int]
    first_times: dict[str, str]


def parse_lines(connection: DuckConnection, pieces: Sequence[Lines]) -> ParsedLines:
    """Parse lines of one or more hour files at once; what doesn't fit is returned with its reason and field.

    DuckDB gives the promoted fields alone, a row a line in the lines' order; the lines themselves don't go through it.

    Raises:
        SourceError: the order was not kept.
    """
    lines = pa.concat_tables(
        [pa.table({"file": pa.repeat(piece.file, len(piece.texts)), "number": piece.numbers, "line": piece.texts}) for piece in pieces]
    )
    connection.register("lines", lines)
    try:
        parsed = connection.execute(_PARSED).to_arrow_table()
    finally:
        connection.unregister("lines")
    if not parsed.column("_source_line").equals(lines.column("number")):
        raise SourceError(f"the lines of {pieces[0].file} came out of the parser in another order")
    parsed = parsed.append_column("record", lines.column("line")).append_column("_source_file", lines.column("file"))
    problems, good = parsed.column("problem"), parsed
    rejected = [_rejected(line.reason, None, line.message, line.text, piece.file, line.number) for piece in pieces for line in piece.bad]
    if problems.null_count < len(problems):
        good = parsed.filter(pc.is_null(problems))
        misfits = parsed.select(["problem", "record", "_source_file", "_source_line"]).filter(pc.is_valid(problems))
        rejected += [_misfit(row) for row in misfits.to_pylist()]
    counts, first_times, at = {}, {}, 0
    for entry in pc.value_counts(good.column("_source_file")).to_pylist():
        name, count = entry["values"], entry["counts"]
        counts[name], first_times[name] = count, good.column("created_at_text")[at].as_py()
        at += count
    return ParsedLines(good.drop_columns(["problem", "created_at_text"]), rejected, counts, first_times)


def _misfit(row: dict[str, Any]) -> dict[str, object]:
    reason, _, field = row["problem"].partition(":")
    return _rejected(reason, field or None, field, row["record"], row["_source_file"], row["_source_line"])


def _rejected(reason: str, field: str | None, detail: str, record: str, file: str, line: int) -> dict[str, object]:
    return {
        "source": "gharchive",
        "reason": reason,
        "field": field,
        "message": f"line {line} of {file}: {reason.replace('_', ' ')}{f' ({detail})' if detail else ''}",
        "record": record,
        "_source_file": file,
        "_source_line": line,
    }
