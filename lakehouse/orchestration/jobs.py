"""Jobs and schedules: what is new every day, maintenance every week."""

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetSelection,
    DailyPartitionsDefinition,
    JobDefinition,
    OpExecutionContext,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    define_asset_job,
    in_process_executor,
    job,
    op,
    schedule,
)

from catalog.settings import Settings
from lakehouse.maintenance import maintain_lake
from lakehouse.orchestration.steps import lake_held, retry_policy

EVERYTHING = "everything"
MAINTAIN = "maintain"
FIRST_DAY_TAG, LAST_DAY_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
CATCH_UP_DAYS = 30
"""Days that a daily run looks at: as far back as an hour that was missing is asked for again."""


def lake_jobs(settings: Settings, days: DailyPartitionsDefinition | None) -> tuple[list[Any], list[ScheduleDefinition]]:
    """Return the jobs and schedules of a lake; schedules run once they are turned on.

    Args:
        settings: of the lake.
        days: what the sources are cut by, if they are.
    """
    everything = define_asset_job(
        EVERYTHING, AssetSelection.all(), description="What `osslake run` does: ingest, transform, audit, release, publish."
    )
    maintain = _maintain(settings)

    @schedule(name="daily", job=everything, cron_schedule=settings.orchestration.daily, execution_timezone="UTC")
    def daily(context: ScheduleEvaluationContext) -> RunRequest:
        keys = days.get_partition_keys(current_time=context.scheduled_execution_time) if days else []
        return RunRequest(tags=day_range(keys[-CATCH_UP_DAYS:]))

    weekly = ScheduleDefinition(name="weekly", job=maintain, cron_schedule=settings.orchestration.weekly, execution_timezone="UTC")
    return [everything, maintain], [daily, weekly]


def day_range(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over days; none without days."""
    return {FIRST_DAY_TAG: keys[0], LAST_DAY_TAG: keys[-1]} if keys else {}


def _maintain(settings: Settings) -> JobDefinition:
    @op(retry_policy=retry_policy(settings), description="Fewer small files, manifests and snapshots; releases stay whole.")
    def maintain_lake_op(context: OpExecutionContext) -> None:
        with lake_held(settings, context, "maintain"):
            done = maintain_lake(settings, step=context.log.info)
        before, after = (sum(getattr(one, when).bytes for one in done.tables) for when in ("before", "after"))
        dropped = ", ".join(done.dropped) or "nothing"
        context.log.info(f"{len(done.tables)} tables, {before:,} bytes before, {after:,} after; dropped: {dropped}")

    @job(name=MAINTAIN, executor_def=in_process_executor, description="What `osslake maintain` does.")
    def maintain() -> None:
        maintain_lake_op()

    return maintain
