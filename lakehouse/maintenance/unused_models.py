"""Tables that the engine keeps of models as they were before they changed: dropped when no kept release lists a file of theirs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from catalog.bucket import Bucket, bucket_key
from catalog.crash import crash_point
from catalog.settings import Settings
from lakehouse.engines import open_engine
from lakehouse.maintenance.orphans import list_objects
from lakehouse.transform import CACHE_FOLDER, opened_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.table import Table

DAY_MS = 86_400_000


def drop_unused(settings: Settings, bucket: Bucket, tables: Mapping[str, Table], needed: Collection[str], *, dry_run: bool) -> list[str]:
    """Drop the tables of model versions that no environment has used for `maintain.keep_snapshots_days`; return their names.

    SQLMesh's state first forgets what was computed, so that a model that is changed back is computed anew, and the version itself last.

    Args:
        settings: of the lake.
        bucket: the lake's.
        tables: the catalog's, by name; on DuckDB the engine's tables are not among them.
        needed: paths that kept releases list.
        dry_run: drop nothing.
    """
    if not open_engine(settings).is_built():
        return []
    keys = {bucket_key(bucket.dataset, path) for path in needed}
    with _cache_copy(settings) as cache, opened_models(settings, cache) as context:
        unused = [task for task in _expired(context, settings) if not _is_listed(bucket, tables.get(_name(task)), keys)]
        if unused and not dry_run:
            state, ids = getattr(context.state_sync, "state_sync", context.state_sync), [task.snapshot.snapshot_id for task in unused]
            state.interval_state.cleanup_intervals(unused, ids)
            crash_point("maintain.forgotten")
            context.snapshot_evaluator.cleanup(unused)
            context.state_sync.delete_snapshots(ids)
        return sorted(_name(task) for task in unused)


@contextmanager
def _cache_copy(settings: Settings) -> Iterator[Path]:
    """Give a copy of SQLMesh's cache, which a dry run must not change, and without which models are read for half a minute."""
    with TemporaryDirectory(prefix="osslake-") as folder:
        if (settings.state / CACHE_FOLDER).is_dir():
            shutil.copytree(settings.state / CACHE_FOLDER, folder, dirs_exist_ok=True)
        yield Path(folder)


def _expired(context: Any, settings: Settings) -> list[Any]:
    """Return SQLMesh's own list of what its janitor would remove, by our time instead of each version's."""
    from sqlmesh.core.state_sync.common import ExpiredBatchRange
    from sqlmesh.utils.date import now_timestamp

    own_ms = max((snapshot.ttl_ms for snapshot in context.snapshots.values()), default=0)
    at_ms = now_timestamp() + own_ms - round(settings.maintain.keep_snapshots_days * DAY_MS)
    batch = context.state_sync.get_expired_snapshots(current_ts=at_ms, batch_range=ExpiredBatchRange.all_batch_range())
    tasks = batch.cleanup_tasks if batch else []
    return [task for task in tasks if task.snapshot.is_model and not (task.snapshot.is_symbolic or task.dev_table_only)]


def _name(task: Any) -> str:
    return ".".join(part.strip('"') for part in task.snapshot.table_name().split(".")[-2:])


def _is_listed(bucket: Bucket, table: Table | None, keys: Collection[str]) -> bool:
    """Tell whether a release lists a file in a table's folder."""
    return table is not None and any(one.key in keys for one in list_objects(bucket, table))
