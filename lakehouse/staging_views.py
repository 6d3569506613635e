"""The staging models as DuckDB's SQL, to be read over a release's raw tables."""

from __future__ import annotations

from typing import Any

from catalog.duck import identifier, quoted
from catalog.settings import Settings
from lakehouse.engines import PINNED
from lakehouse.transform import opened_models


def staging_views(settings: Settings) -> dict[str, str]:
    """Return each staging model's name and query, in the order in which they can be made; seeds as literal rows."""
    with opened_models(settings) as context:
        ordered = [context.models[name] for name in context.dag.sorted if name in context.models]
        return {_name(model): _query(model) for model in ordered if _stage(model) == "staging"}


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
