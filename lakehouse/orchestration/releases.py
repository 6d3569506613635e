"""The release and what is made of it, as assets."""

from collections.abc import Sequence
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, DataVersion, MaterializeResult, TableRecord, TableSchema, asset
from dagster import MetadataValue as Value
from dagster import TableColumn as Column

from catalog.errors import ReleaseError
from catalog.raw_tables import RAW_TABLES
from catalog.releases import read_release
from catalog.settings import Settings
from lakehouse.orchestration.steps import asset_key, freshness_policy, lake_held, retry_policy
from lakehouse.publications import Publication, publications_after_release
from lakehouse.releases import ReleaseOutcome
from lakehouse.run import release_now

RELEASE = AssetKey("release")


def release_assets(settings: Settings, released: Sequence[str]) -> list[AssetsDefinition]:
    """Return the release, and each publication that the settings name.

    Args:
        settings: of the lake.
        released: names of the models that a release lists.
    """
    return [_release(settings, released), *(_publication(settings, target) for target in publications_after_release(settings))]


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
        **({"held_back": outcome.held_back.id} if outcome.held_back else {}),
        "as_of_date": str(document.as_of_date),
        "dagster/row_count": sum(one.row_count for one in tables),
        "bytes": sum(one.size_bytes for one in tables),
        "tables": Value.table(rows, TableSchema([Column("table"), Column("rows", "int"), Column("bytes", "int")])),
    }


def _publication(settings: Settings, publication: Publication) -> AssetsDefinition:
    @asset(
        key=AssetKey(["publications", publication.name]),
        deps=[RELEASE],
        group_name="publications",
        kinds={publication.name},
        retry_policy=retry_policy(settings),
        description=publication.description,
    )
    def published(context: AssetExecutionContext) -> MaterializeResult[Any]:
        with lake_held(settings, context.op_execution_context, f"publish {publication.name}"):
            done = publication.publish(read_release(settings), context.log.info)
        figures = {name: getattr(done, name) for name in ("is_new", "rows", "files", "bytes")} | done.figures
        return MaterializeResult(metadata={"release": done.release_id, "tables": len(done.tables), **figures})

    return published
