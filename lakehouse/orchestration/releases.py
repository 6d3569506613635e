"""The release and what is made of it, as assets."""

from collections.abc import Sequence
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, DataVersion, MaterializeResult, TableRecord, TableSchema, asset
from dagster import MetadataValue as Value
from dagster import TableColumn as Column

from catalog.errors import ReleaseError
from catalog.raw_tables import RAW_TABLES
from catalog.settings import Settings
from lakehouse.orchestration.steps import asset_key, freshness_policy, lake_held, retry_policy
from lakehouse.releases import ReleaseOutcome
from lakehouse.run import release_now
from lakehouse.static_export import export_static

RELEASE = AssetKey("release")
STATIC = AssetKey(["publications", "static"])


def release_assets(settings: Settings, released: Sequence[str]) -> list[AssetsDefinition]:
    """Return the release, and each publication that the settings name.

    Args:
        settings: of the lake.
        released: names of the models that a release lists.
    """
    return [_release(settings, released), *([_static(settings)] if settings.publish.static else [])]


def _release(settings: Settings, released: Sequence[str]) -> AssetsDefinition:
    @asset(
        key=RELEASE,
        deps=[asset_key(name) for name in (*(dataset.full_name for dataset in RAW_TABLES if "__" in dataset.name), *released)],
        group_name="release",
        kinds={"iceberg"},
        retry_policy=retry_policy(settings),
        freshness_policy=freshness_policy(settings),
        description="One signed document that pins every table; an unchanged content is no new release.",
    )
    def release(context: AssetExecutionContext) -> MaterializeResult[Any]:
        with lake_held(settings, context.op_execution_context, "release create"):
            outcome = release_now(settings, step=context.log.info).release
        if outcome is None:
            raise ReleaseError("no release was made")
        return MaterializeResult(metadata=_metadata(outcome), data_version=DataVersion(outcome.release.id))

    return release


def _metadata(outcome: ReleaseOutcome) -> dict[str, Any]:
    document, tables = outcome.release.document, outcome.release.tables
    rows = [TableRecord({"table": one.full_name, "rows": one.row_count, "bytes": one.size_bytes}) for one in tables]
    return {
        "id": outcome.release.id,
        "sequence": outcome.release.sequence,
        "is_new": outcome.is_new,
        "as_of_date": str(document.as_of_date),
        "dagster/row_count": sum(one.row_count for one in tables),
        "bytes": sum(one.size_bytes for one in tables),
        "tables": Value.table(rows, TableSchema([Column("table"), Column("rows", "int"), Column("bytes", "int")])),
    }


def _static(settings: Settings) -> AssetsDefinition:
    @asset(
        key=STATIC,
        deps=[RELEASE],
        group_name="publications",
        kinds={"file"},
        retry_policy=retry_policy(settings),
        description="The kept releases as plain files, for any web server.",
    )
    def static(context: AssetExecutionContext) -> MaterializeResult[Any]:
        with lake_held(settings, context.op_execution_context, "publish static"):
            done = export_static(settings, settings.resolve(settings.publish.static), settings.publish.static_url)
        return MaterializeResult(
            metadata={"release": done.release_id, "files": done.files, "files_copied": done.files_copied, "bytes_copied": done.bytes_copied}
        )

    return static
