"""The staging models as DuckDB's SQL, to be read over a release's raw tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.duck import identifier, quoted
from catalog.settings import Settings
from lakehouse.transform import open_models

if TYPE_CHECKING:
    from sqlmesh import Context


def staging_views(settings: Settings) -> dict[str, str]:
    """Return each staging model's name and query, in the order in which they can be made; seeds as literal rows."""
    context = open_models(settings)
    try:
        ordered = [context.models[name] for name in context.dag.sorted if name in context.models]
        return {_name(model): _query(context, model) for model in ordered if _stage(model) == "staging"}
    finally:
        context.close()


def _stage(model: Any) -> str:
    return str(model.fqn.split(".")[-2].strip('"'))


def _name(model: Any) -> str:
    return str(model.fqn.split(".")[-1].strip('"'))


def _query(context: Context, model: Any) -> str:
    if model.kind.is_seed:
        frame = next(iter(model.render_seed()))
        return _literal_rows(frame)
    query = context.render(model.fqn)
    for table in query.find_all(_table_class()):
        table.set("catalog", None)
    return str(query.sql(dialect="duckdb"))


def _table_class() -> Any:
    from sqlglot import exp

    return exp.Table


def _literal_rows(frame: Any) -> str:
    columns = ", ".join(identifier(name) for name in frame.columns)
    rows = [", ".join(_literal(value) for value in row) for row in frame.itertuples(index=False)]
    if not rows:
        return f"SELECT {', '.join(f'NULL AS {identifier(name)}' for name in frame.columns)} WHERE false"
    return f"SELECT * FROM (VALUES {', '.join(f'({row})' for row in rows)}) AS seed({columns})"


def _literal(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN stands for no value
        return "NULL"
    return f"'{quoted(str(value))}'" if isinstance(value, str) else str(value)
