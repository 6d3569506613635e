"""The declared datasets of the models: what their headers say, in the catalog's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.datasets import Column, ColumnType, Dataset, Partitioning

if TYPE_CHECKING:
    from sqlmesh import Context

HALVES = ("int_calendar_metrics_by_", "int_rolling_metrics_by_")
_WORKING = ("int_restated_", "int_changed_entities", "int_touched")
_TYPES: dict[str, ColumnType] = {
    "TEXT": "string",
    "VARCHAR": "string",
    "BIGINT": "long",
    "INT": "int",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamptz",
}


def published_datasets(context: Context) -> list[Dataset]:
    """Return the declared datasets of all models that are published, from the models' own headers."""
    datasets = []
    for model in context.models.values():
        stage, name = (part.strip('"') for part in model.fqn.split(".")[-2:])
        is_table = stage == "marts" or (stage == "intermediate" and not name.startswith((*HALVES, *_WORKING)))
        if is_table and not model.kind.is_external:
            datasets.append(_dataset(model, stage, name))
    return sorted(datasets, key=lambda dataset: dataset.full_name)


def _dataset(model: Any, stage: Any, name: str) -> Dataset:
    comments = model.column_descriptions
    columns = tuple(
        Column(column, _TYPES[kind.sql("trino").upper().replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")], comments.get(column, ""))
        for column, kind in model.columns_to_types.items()
    )
    grain = tuple(part.name for expression in model.grains for part in (expression.expressions or [expression]))
    month_of = _month_of(model)
    return Dataset(
        stage,
        name,
        model.description or "",
        columns,
        grain,
        Partitioning(month_of, "month") if month_of else None,
        sorted_by=tuple(column.name for column in getattr(model.physical_properties.get("sorted_by"), "expressions", ())),
        upstream="osslake models",
    )


def _month_of(model: Any) -> str | None:
    """The date column by whose month a table is cut: said by the materialisation, or for views by a tag."""
    properties = getattr(model, "custom_materialization_properties", None) or {}
    for tag in model.tags:
        if tag.startswith("month_of="):
            return str(tag.removeprefix("month_of="))
    return properties.get("month_of")
