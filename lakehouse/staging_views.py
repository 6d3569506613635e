"""The staging models as DuckDB's SQL, to be read over a release's raw tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from catalog.duck import identifier, quoted
from catalog.errors import QueryError
from catalog.raw_tables import RAW_TABLES
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.engines import PINNED
from lakehouse.model_graph import source_name
from lakehouse.transform import opened_models


@dataclass
class StagingViews:
    """The staging models, as a release lets them be read.

    Attributes:
        queries: name -> query, in the order in which the views can be made; seeds are literal rows.
        lacking: name -> the raw tables that a model needs and the release doesn't hold, since nothing of that source was ever loaded.
    """

    queries: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, set[str]] = field(default_factory=dict)

    def cause(self, error: QueryError) -> QueryError | None:
        """Return why a query failed, if it names a model that can't be read here."""
        for name, tables in self.lacking.items():
            if f" {name} " in str(error):
                held = f"this release holds no {' and no '.join(sorted(tables))}"
                return QueryError(f"staging.{name} can't be read: {held}, since nothing of that source was loaded", table=f"staging.{name}")
        return None


def staging_views(settings: Settings, release: Release | None = None) -> StagingViews:
    """Return the staging models as views over a release's raw tables; without a release, over all that there may be."""
    held = {table.full_name for table in release.tables} if release else {dataset.full_name for dataset in RAW_TABLES}
    found = StagingViews()
    with opened_models(settings) as context:
        ordered = [context.models[name] for name in context.dag.sorted if name in context.models]
        for model in ordered:
            if _stage(model) == "staging":
                inputs = {source_name(fqn) for fqn in model.depends_on}
                lacking = {name for name in inputs if name.startswith("raw.")} - held
                lacking.update(*(found.lacking.get(name.removeprefix("staging."), ()) for name in inputs))
                if lacking:
                    found.lacking[_name(model)] = lacking
                else:
                    found.queries[_name(model)] = _query(model)
    return found


def _stage(model: Any) -> str:
    return str(model.fqn.split(".")[-2].strip('"'))


def _name(model: Any) -> str:
    return str(model.fqn.split(".")[-1].strip('"'))


def _query(model: Any) -> str:
    if model.kind.is_seed:
        return _seed_query(model)
    query = model.render_query().copy()
    for table in query.find_all(_table_class()):
        table.set("catalog", None)
        if table.db == PINNED:
            table.set("db", "raw")
    return str(query.sql(dialect="duckdb"))


def _table_class() -> Any:
    from sqlglot import exp

    return exp.Table


def _seed_query(model: Any) -> str:
    """Return a seed's rows as literals, under the types that its header says; a seed may have none."""
    types = {identifier(name): kind.sql("duckdb") for name, kind in model.columns_to_types.items()}
    frames = [frame[list(model.columns_to_types)] for frame in model.render_seed()]
    rows = [", ".join(_literal(value) for value in row) for frame in frames for row in frame.itertuples(index=False)]
    values = ", ".join(f"({row})" for row in rows or [", ".join("NULL" for _ in types)])
    columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in types.items())
    return f"SELECT {columns} FROM (VALUES {values}) AS seed({', '.join(types)}){'' if rows else ' WHERE false'}"


def _literal(value: Any) -> str:
    if value is None or value != value:  # NaN stands for no value
        return "NULL"
    return f"'{quoted(str(value))}'" if isinstance(value, str) else str(value)
