"""The models as assets with their lineage, and their audits as checks. One step computes them all: what is restated follows from the loads."""

from collections.abc import Iterator, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    TableColumn,
    TableSchema,
    multi_asset,
)

from catalog.catalogs import open_catalog
from catalog.errors import AuditError
from catalog.settings import Settings
from lakehouse.model_graph import ModelNode
from lakehouse.orchestration.steps import asset_key, lake_held, retry_policy
from lakehouse.transform import TransformSummary, transform


def models_asset(settings: Settings, nodes: Sequence[ModelNode]) -> AssetsDefinition:
    """Return all models.

    Args:
        settings: of the lake.
        nodes: the models, each after those that it reads.
    """

    @multi_asset(
        name="models",
        specs=[_spec(settings, node) for node in nodes],
        check_specs=[_check(node, audit) for node in nodes for audit in node.audits],
        retry_policy=retry_policy(settings),
        description="All models, over the raw tables as they are now. Only what changed days touch is computed anew.",
    )
    def models(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        with lake_held(settings, context.op_execution_context, "transform"):
            try:
                done = transform(settings, open_catalog(settings))
            except AuditError as error:
                yield from _failed(error)
                raise
        for node in nodes:
            yield MaterializeResult(asset_key(node.name), metadata=_metadata(done), check_results=_passed(node, done))

    return models


def _spec(settings: Settings, node: ModelNode) -> AssetSpec:
    columns = [TableColumn(name, kind, comment) for name, kind, comment in node.columns]
    return AssetSpec(
        asset_key(node.name),
        deps=[asset_key(name) for name in node.inputs],
        description=node.description,
        group_name=node.stage,
        kinds={"sqlmesh", settings.transform.engine},
        metadata={"dagster/column_schema": TableSchema(columns)},
    )


def _check(node: ModelNode, audit: str) -> AssetCheckSpec:
    return AssetCheckSpec(
        audit, asset=asset_key(node.name), blocking=True, description="An audit that finds rows ends the run: nothing is released."
    )


def _metadata(done: TransformSummary) -> dict[str, Any]:
    kind = "built from nothing" if done.is_full else f"restated what {done.restated_days:,} changed days touch"
    return {"as_of": str(done.as_of), "done": kind if done.is_needed else "nothing changed", "seconds": round(done.duration_s, 1)}


def _passed(node: ModelNode, done: TransformSummary) -> list[AssetCheckResult]:
    return [
        AssetCheckResult(passed=True, asset_key=asset_key(node.name), check_name=audit["audit"])
        for audit in done.audits
        if audit["model"] == node.name
    ]


def _failed(error: AuditError) -> Iterator[AssetCheckResult]:
    counts: dict[str, int] = error.values["audits"]  # type: ignore[assignment]  # values are for logs, of any type
    for audit, count in counts.items():
        yield AssetCheckResult(
            passed=False,
            asset_key=asset_key(str(error.values["model"])),
            check_name=audit,
            description=str(error),
            metadata={"rows": count},
        )
