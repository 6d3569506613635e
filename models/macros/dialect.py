"""What the two engines spell differently. Models are written for Trino; these give DuckDB what means the same there."""

from sqlglot import exp
from sqlmesh import macro

from lakehouse.months import within_months


def _is_duckdb(evaluator) -> bool:
    """Tell whether SQL is rendered for DuckDB: by the engine in use, else by the gateway (unit tests of models)."""
    adapter = evaluator.locals.get("engine_adapter")
    if adapter is not None:
        return adapter.dialect == "duckdb"
    return (evaluator.gateway or "duckdb") == "duckdb"


@macro()
def sha256_hex(evaluator, text):
    """SHA-256 of a text's UTF-8 bytes, as lower-case hex."""
    if _is_duckdb(evaluator):
        return exp.Anonymous(this="SHA256", expressions=[text])
    return f"LOWER(TO_HEX(SHA256(TO_UTF8({text.sql(dialect='trino')}))))"


@macro()
def sha256_base64(evaluator, text):
    """SHA-256 of a text's UTF-8 bytes, as standard base64 with padding."""
    if _is_duckdb(evaluator):
        digest = exp.Anonymous(this="UNHEX", expressions=[exp.Anonymous(this="SHA256", expressions=[text])])
        return exp.Anonymous(this="TO_BASE64", expressions=[digest])
    return f"TO_BASE64(SHA256(TO_UTF8({text.sql(dialect='trino')})))"


@macro()
def entity_id(evaluator, source, kind, key):
    """The id of an entity: SHA-256 of source, kind and key joined by U+001F."""
    parts = " || CHR(31) || ".join(part.sql(dialect="trino") for part in (source, kind, key))
    text = evaluator.parse_one(parts)
    if _is_duckdb(evaluator):
        return exp.Anonymous(this="SHA256", expressions=[text])
    return f"LOWER(TO_HEX(SHA256(TO_UTF8({parts}))))"


@macro()
def date_minus(evaluator, day, days):
    """A date some days earlier, as a date."""
    return f"CAST(DATE_ADD('day', -({days.sql(dialect='trino')}), {day.sql(dialect='trino')}) AS DATE)"


@macro()
def date_plus(evaluator, day, days):
    """A date some days later, as a date."""
    return f"CAST(DATE_ADD('day', {days.sql(dialect='trino')}, {day.sql(dialect='trino')}) AS DATE)"


@macro()
def actor_kind(evaluator, login):
    """Whether a login is a bot's: by its ending, or because the seed lists it. No login: unknown."""
    text = login.sql(dialect="trino")
    return (
        f"CASE WHEN {text} IS NULL OR {text} = '' THEN 'unknown'"
        f" WHEN {text} LIKE '%[bot]' OR {text} LIKE '%-bot' OR {text} IN (SELECT login FROM staging.bot_logins) THEN 'bot' ELSE 'human' END"
    )


@macro()
def directory_source(evaluator, directory):
    """OSS_DIRECTORY for the public directory, else the directory's name.

    The public one is told by its address; a copy without one (a bundle, an unpacked archive) by its name: oss-directory, oss-directory-<more>.
    """
    name = directory.sql(dialect="trino")
    return (
        f"CASE WHEN {name} IN ('https://github.com/opensource-observer/oss-directory', 'oss-directory')"
        f" OR {name} LIKE 'oss-directory-%' THEN 'OSS_DIRECTORY' ELSE {name} END"
    )


@macro()
def utc_text(evaluator, time):
    """A time as `YYYY-MM-DDTHH:MM:SSZ`."""
    text = time.sql(dialect="trino")
    if _is_duckdb(evaluator):
        return exp.Anonymous(this="STRFTIME", expressions=[exp.cast(time, "timestamp"), exp.Literal.string("%Y-%m-%dT%H:%M:%SZ")])
    return f"DATE_FORMAT({text} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%i:%sZ')"


@macro()
def restated(evaluator, condition, column=None, days=None):
    """All rows in a full build, else those under the condition.

    Where `days` (the text of a query) gives the days that `column`, a date or a time, has in those rows, their months are written out when the
    model is evaluated: engines skip files by constants, and not by what a subquery gives.
    """
    text = condition.sql(dialect="trino")
    if days is None or evaluator.runtime_stage not in ("evaluating", "auditing"):
        return f"((SELECT is_full FROM control.run) OR {text})"
    if evaluator.engine_adapter.fetchone("SELECT is_full FROM control.run")[0]:
        return "TRUE"
    found = [row[0] for row in evaluator.engine_adapter.fetchall(days.name)]
    return f"(({text}) AND {within_months(column.sql(dialect='trino'), found)})"
