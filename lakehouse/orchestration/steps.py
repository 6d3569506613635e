"""What all steps have in common: the lake held while one works, and what is tried again when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from dagster import AssetKey, Backoff, Failure, FreshnessPolicy, OpExecutionContext, RetryPolicy

from catalog.errors import LakeBusyError, OsslakeError
from catalog.settings import Settings
from lakehouse.lock import lake_lock

RUN_ID_SHOWN = 8


def asset_key(full_name: str) -> AssetKey:
    """Return the key of a table, `marts.events_v1`."""
    return AssetKey(full_name.split("."))


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return how often a step is tried again, each time after twice the wait."""
    chosen = settings.orchestration
    return RetryPolicy(max_retries=chosen.retries, delay=chosen.retry_delay_s, backoff=Backoff.EXPONENTIAL)


def freshness_policy(settings: Settings) -> FreshnessPolicy:
    """Return the policy by which what no run looked at for long is stale."""
    return FreshnessPolicy.time_window(fail_window=timedelta(hours=settings.orchestration.fresh_hours))


@contextmanager
def lake_held(settings: Settings, context: OpExecutionContext, command: str) -> Iterator[None]:
    """Hold the lake while the body works; let what may pass be tried again, and nothing else.

    Raises:
        LakeBusyError: another run holds the lake; as other errors that may pass, it is raised as it is, for the step to be tried again.
        Failure: the step can't succeed as things are; its description is the one line that the command line would say.
    """
    try:
        with lake_lock(settings, f"{command} (Dagster's run {context.run_id[:RUN_ID_SHOWN]})"):
            yield
    except OsslakeError as error:
        if error.is_transient or isinstance(error, LakeBusyError):
            raise
        raise Failure(str(error), metadata={"code": error.code}, allow_retries=False) from error
