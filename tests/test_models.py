"""The SQLMesh project: its models keep the promise of marts, say what they are, and mean the same on DuckDB and Trino."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dialect_traps import MOST_SCANS, query_traps, scans, text_traps
from sqlglot import exp, parse_one

from catalog.duck import SQL_TYPES, connect, identifier
from catalog.raw_tables import RAW_TABLES
from catalog.settings import Settings
from lakehouse.staging_views import staging_views
from lakehouse.transform import CACHE_FOLDER, MODELS, open_models

MOST_MATERIALISED = 30
SERIES = "metric_id, metric_name, {level}_id, sample_date:date, amount:double, unit"
# Published tables, version 1: columns may be added at the end, never removed, renamed, retyped or moved. Without a type: string.
PROMISED = {
    "collections_v1": "collection_id, oso_id, collection_source, collection_namespace, collection_name, display_name, description, "
    "project_count:long",
    "projects_v1": "project_id, oso_id, project_source, project_namespace, project_name, display_name, description, "
    "first_listed_at:timestamptz, artifact_count:long",
    "project_memberships_v1": "project_id, artifact_id, listed_as, valid_from:timestamptz, valid_to:timestamptz, directory_commit",
    "artifacts_v1": "artifact_id, oso_id, artifact_source, artifact_kind, artifact_namespace, artifact_name, artifact_source_id, "
    "artifact_url, canonical_artifact_id, first_event_at:timestamptz, last_event_at:timestamptz",
    "artifact_aliases_v1": "artifact_id, artifact_source, artifact_namespace, artifact_name, first_seen_at:timestamptz, "
    "last_seen_at:timestamptz, canonical_artifact_id",
    "artifacts_by_project_v1": "project_id, project_name, artifact_id, artifact_source, artifact_namespace, artifact_name, listed_as, "
    "listed_at:timestamptz",
    "projects_by_collection_v1": "collection_id, collection_name, project_id, project_name, listed_at:timestamptz",
    "events_v1": "time:timestamptz, event_type, event_source, event_source_id, to_artifact_id, from_artifact_id, actor_kind, amount:double",
    "events_daily_v1": "bucket_date:date, event_type, event_source, to_artifact_id, from_artifact_id, actor_kind, amount:double, "
    "event_count:long",
    "metrics_v1": "metric_id, metric_name, event_source, measure, window_name, includes_bots:boolean, display_name, description, unit, "
    "definition_sql",
    "metric_periods_v1": "metric_id, metric_name, sample_date:date, is_period_complete:boolean, coverage:double, is_degraded:boolean, "
    "gap_reason",
    **{f"timeseries_metrics_by_{level}_v1": SERIES.format(level=level) for level in ("artifact", "project", "collection")},
    **{f"key_metrics_by_{level}_v1": SERIES.format(level=level) for level in ("artifact", "project", "collection")},
    "event_coverage_v1": "event_source, period_start:timestamptz, period_seconds:long, state, record_count:long, loaded_count:long, "
    "rejected_count:long",
    "source_gaps_v1": "event_source, event_type, gap_start:timestamptz, gap_end:timestamptz, reason, url",
    "model_lineage_v1": "model_name, input_name, layer, source_sha256, source_sql",
}
TYPES = {
    "VARCHAR": "string",
    "TEXT": "string",
    "BIGINT": "long",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIMESTAMPTZ": "timestamptz",
}
# Models that split texts which are never NULL there.
MAY_SPLIT = {
    "intermediate.int_artifacts": "STRPOS > 0 stands before the split, and a commit always has a repository_key",
    "marts.artifact_aliases_v1": "STRPOS > 0 stands before the split",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Load the project for a lake that is empty."""
    settings = Settings(folder=tmp_path_factory.mktemp("models"))
    settings.state.mkdir(parents=True)
    opened = open_models(settings, has_tests=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def models(context: Any) -> dict[str, Any]:
    """Return the models by name, without the external tables."""
    return {_name(model): model for model in context.models.values() if not model.kind.is_external}


def _name(model: Any) -> str:
    return ".".join(part.strip('"') for part in model.fqn.split(".")[-2:])


def _columns(model: Any) -> list[tuple[str, str]]:
    return [(name, TYPES[kind.sql("trino").upper()]) for name, kind in model.columns_to_types.items()]


def test_unit_tests_of_models_pass(context: Any) -> None:
    """What models/tests says of commits, merges, names, windows and shares holds on DuckDB."""
    result = context.test()
    assert [f"{test}: {message}" for test, message in (*result.failures, *result.errors)] == []
    assert result.testsRun >= 9


@pytest.mark.parametrize("mart", PROMISED)
def test_marts_keep_their_promise(models: dict[str, Any], mart: str) -> None:
    """Every published table has the promised columns, in their order and of their types, before any other."""
    promised = [(name, kind or "string") for name, _, kind in (part.strip().partition(":") for part in PROMISED[mart].split(","))]
    assert _columns(models[f"marts.{mart}"])[: len(promised)] == promised


def test_no_mart_is_published_beside_the_promise(models: dict[str, Any]) -> None:
    """What stands in marts is published, so nothing stands there that isn't promised."""
    assert {name.removeprefix("marts.") for name in models if name.startswith("marts.")} == set(PROMISED)


def test_a_copied_lake_parses_no_model_again(context: Any, tmp_path: Path) -> None:
    """SQLMesh's cache of parsed models holds in whatever folder the lake lies."""
    settings = Settings(folder=tmp_path)
    cache = Path(shutil.copytree(context.cache_dir, settings.state / CACHE_FOLDER))
    before = sorted(path.name for path in cache.rglob("*"))
    open_models(settings).close()
    assert sorted(path.name for path in cache.rglob("*")) == before


def test_few_models_are_materialised(models: dict[str, Any]) -> None:
    """Metrics and windows are branches of a few models: at most 30 are tables, since each costs time for every increment."""
    assert sum(model.kind.is_materialized and not model.kind.is_seed for model in models.values()) <= MOST_MATERIALISED


def test_every_model_says_what_it_is(models: dict[str, Any]) -> None:
    """Every model has a description and a grain; every table, and every mart, a comment for each column."""
    silent = [name for name, model in models.items() if not (model.description and model.grains)]
    tables = {name: model for name, model in models.items() if name.startswith(("marts.", "intermediate."))}
    uncommented = [
        f"{name}.{column}" for name, model in tables.items() for column in model.columns_to_types if column not in model.column_descriptions
    ]
    assert (silent, uncommented) == ([], [])


def test_grains_are_columns(models: dict[str, Any]) -> None:
    """A grain names columns that the model has."""
    for name, model in models.items():
        grain = {part.name for expression in model.grains for part in (expression.expressions or [expression])}
        assert grain <= set(model.columns_to_types), name


def test_external_tables_are_those_that_are_loaded(context: Any) -> None:
    """models/external_models.yaml lists the raw tables' columns as they are declared."""
    external = {_name(model): model for model in context.models.values() if model.kind.is_external}
    listed = {name: list(model.columns_to_types) for name, model in external.items() if name.startswith("pinned.")}
    assert listed == {f"pinned.{dataset.name}": list(dataset.column_names) for dataset in RAW_TABLES}


def test_staging_can_be_read_over_any_raw_tables(models: dict[str, Any], tmp_path: Path) -> None:
    """Each staging model, seeds without rows included, is a query that names raw and staging tables alone."""
    views = staging_views(Settings(folder=tmp_path)).queries
    assert {f"staging.{name}" for name in views} == {name for name in models if name.startswith("staging.")}
    with connect() as connection:
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA staging")
        for dataset in RAW_TABLES:
            columns = ", ".join(f"{identifier(column.name)} {SQL_TYPES[column.type]}" for column in dataset.columns)
            connection.execute(f"CREATE TABLE {dataset.full_name} ({columns})")
        for name, query in views.items():
            connection.execute(f"CREATE VIEW staging.{identifier(name)} AS {query}")
            assert connection.execute(f"SELECT * FROM staging.{identifier(name)}").fetchall() is not None


def test_models_mean_the_same_on_both_engines(models: dict[str, Any]) -> None:
    """No model uses SQL that DuckDB and Trino take differently without a word."""
    found = {
        name: query_traps(model.render_query(), may_split=name in MAY_SPLIT) for name, model in models.items() if not model.kind.is_seed
    }
    assert {name: traps for name, traps in found.items() if traps} == {}


def test_trino_can_plan_each_model(models: dict[str, Any]) -> None:
    """Where many CTEs read each other the model says which are staged, so that no statement reads too many tables."""
    found = {name: scans(model.render_query(), _staged(model)) for name, model in models.items() if not model.kind.is_seed}
    assert {name: count for name, count in found.items() if count > MOST_SCANS} == {}


def _staged(model: Any) -> list[str]:
    staged = str((getattr(model, "custom_materialization_properties", None) or {}).get("staged", ""))
    return [name.strip() for name in staged.split(",") if name.strip()]


def test_cte_that_others_read_is_counted_wherever_it_is_read() -> None:
    """Reads multiply through CTEs that are not staged."""
    query = parse_one(
        "WITH a AS (SELECT * FROM s.t), b AS (SELECT * FROM a, a AS x), c AS (SELECT * FROM b, b AS y) SELECT * FROM c, c AS z"
    )
    assert (scans(query), scans(query, ["b"])) == (8, 4)


@pytest.mark.parametrize("path", sorted(MODELS.glob("**/*.sql")), ids=lambda path: path.name)
def test_texts_of_models_hold_no_trap(path: Path) -> None:
    """No model or audit is written with what one of the engines refuses; and none is longer than 325 lines."""
    text = path.read_text(encoding="utf-8")
    assert text_traps(text) == []
    assert text.count("\n") <= 325


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a / b",
        "SELECT DATE_DIFF('day', a_at, b_at)",
        "SELECT SPLIT_PART(a, '/', 1)",
        "SELECT REGEXP_EXTRACT(a, 'x')",
        "SELECT DATE_ADD('day', 1, d)",
        "SELECT d + INTERVAL '1' DAY",
        "SELECT CAST(a AS TIMESTAMP WITH TIME ZONE)",
        "SELECT * FROM UNNEST(a, b) AS t(x, y)",
    ],
)
def test_traps_are_found(sql: str) -> None:
    """The search for traps finds each of those that were measured."""
    assert len(query_traps(parse_one(sql, dialect="trino"))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "CAST(a AS DOUBLE) / b",
        "DATE_DIFF('day', a_date, CAST(b AS DATE))",
        "CAST(DATE_ADD('day', 1, d) AS DATE)",
        "CAST(a AS TIMESTAMP(6) WITH TIME ZONE)",
    ],
)
def test_what_is_no_trap_is_left_alone(sql: str) -> None:
    """The same functions, guarded by a cast, are fine."""
    assert query_traps(parse_one(f"SELECT {sql}", dialect="trino")) == []


@pytest.mark.parametrize("text", ["WHERE day >= @start_ds", "TO_HEX(SHA256(x))", "a ANTI JOIN b"])
def test_traps_in_texts_are_found(text: str) -> None:
    """What can only be seen in a model's own text is found there."""
    assert len(text_traps(text)) == 1


def _days_of(query: Any) -> list[str]:
    """Return the queries of days that a query or an audit gives to `@restated`."""
    calls = [call for call in query.find_all(exp.Anonymous) if call.name == "restated"]
    return [call.expressions[2].name for call in calls if len(call.expressions) > 1]


def test_rows_come_in_the_months_in_which_they_go(models: dict[str, Any]) -> None:
    """The days whose months a model reads, or an audit looks at, are those whose months the materialisation deletes: else rows are doubled or lost."""
    found = {}
    for name, model in models.items():
        own = getattr(model, "custom_materialization_properties", None) or {}
        asked = {*_days_of(model.query), *(days for audit, _ in model.audits_with_args for days in _days_of(audit.query))} if own else set()
        if asked:
            found[name] = asked | {str(own.get("days"))}
    assert {name for name, asked in found.items() if len(asked) > 1} == set()
    assert len(found) == 5


class _Adapter:
    """What macros ask of SQLMesh's adapter, over a database called lake."""

    dialect = "duckdb"

    def __init__(self, folder: Path) -> None:
        self.connection = connect()
        self.connection.execute(f"ATTACH '{folder / 'lake.duckdb'}' AS lake; USE lake; CREATE SCHEMA control; CREATE SCHEMA marts")
        self.connection.execute("CREATE TABLE control.run AS SELECT FALSE AS is_full")
        self.connection.execute("CREATE TABLE control.changed_days AS SELECT DATE '2024-02-29' AS record_date")
        self.connection.execute("CREATE TABLE control.restated_cells AS SELECT DATE '2023-12-31' AS record_date, 'r1' AS artifact_id")

    def fetchone(self, query: str) -> Any:
        return self.connection.execute(query).fetchone()

    def fetchall(self, query: str) -> Any:
        return self.connection.execute(query).fetchall()

    def audit(self, model: Any) -> dict[str, int]:
        """Return how many rows each audit of a model finds."""
        from sqlmesh.core.macros import RuntimeStage

        found = {}
        for audit, _ in model.audits_with_args:
            query = model.render_audit_query(audit, engine_adapter=self, runtime_stage=RuntimeStage.AUDITING)
            found[audit.name] = len(self.fetchall(query.sql("duckdb")))
        return found


def test_audits_of_events_find_what_is_wrong_with_restated_rows(models: dict[str, Any], tmp_path: Path) -> None:
    """Duplicates and NULLs are found on days that a load changed, in the cells restated beside them, and everywhere in a full build."""
    adapter, events = _Adapter(tmp_path), models["marts.events_v1"]
    columns = ", ".join(f"{name} {kind.sql('duckdb')}" for name, kind in events.columns_to_types.items())
    adapter.connection.execute(f"CREATE TABLE marts.events_v1 ({columns})")
    for day, artifact in (("2024-02-29", "r2"), ("2023-12-31", "r1"), ("2023-12-31", "r2"), ("2024-01-01", "r1")):
        adapter.connection.execute(
            "INSERT INTO marts.events_v1 SELECT $day, 'STARRED', 'GITHUB', '1', $artifact, 'a1', 'human', amount, $day FROM (VALUES (1), (NULL)) AS v(amount)",
            {"day": day, "artifact": artifact},
        )
    # NULLs are looked for on all restated days, duplicates in restated cells alone.
    assert adapter.audit(events) == {"unique_events": 2, "not_null_events": 3}
    adapter.connection.execute("UPDATE control.run SET is_full = TRUE")
    assert adapter.audit(events) == {"unique_events": 4, "not_null_events": 4}
    adapter.connection.execute(
        "UPDATE control.run SET is_full = FALSE; DELETE FROM control.changed_days; DELETE FROM control.restated_cells"
    )
    assert adapter.audit(events) == {"unique_events": 0, "not_null_events": 0}
