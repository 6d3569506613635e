"""`osslake run`: everything that the settings name, one after the other; and its parts, as the commands use them."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from catalog.catalogs import catalog_answers, open_catalog
from catalog.errors import SettingsError
from catalog.raw_tables import RAW_TABLES
from catalog.settings import SETTINGS_FILE, Settings
from lakehouse.engines import open_engine
from lakehouse.lock import held
from lakehouse.publications import Step, publications_after_release, publish_each
from lakehouse.released import is_released, remember_released, run_fingerprint
from lakehouse.tables import TablesSummary, publish_tables
from lakehouse.transform import MODELS, TransformSummary, transform

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

    from catalog.release_document import Audit, Coverage
    from ingest.loader import LoadSummary, Progress
    from lakehouse.publications import Outcome
    from lakehouse.releases import ReleaseOutcome


@dataclass
class RunSummary:
    """What a run did, step by step."""

    loads: list[LoadSummary] = field(default_factory=list)
    transformed: TransformSummary | None = None
    tables: TablesSummary | None = None
    release: ReleaseOutcome | None = None
    publications: list[Outcome] = field(default_factory=list)
    duration_s: float = 0.0


def run_all(settings: Settings, *, as_of: date | None = None, progress: Progress | None = None, step: Step = lambda _: None) -> RunSummary:
    """Ingest what is new, transform, audit, release, publish.

    A publication that fails is told of in the summary: the release is made, and the others are published.
    """
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_all

    started = time.monotonic()
    summary = RunSummary()
    loader = Loader(settings)
    begin = _while_held(settings, step)

    def on_load(load: LoadSummary) -> None:
        held(settings).check()
        if progress:
            progress(load)

    begin("ingest")
    summary.loads = ingest_all(settings, loader, on_load)
    make_release(settings, loader.catalog, summary, as_of=as_of, step=step)
    if summary.release:
        summary.publications = publish_each(settings, publications_after_release(settings), summary.release.release, begin)
    summary.duration_s = time.monotonic() - started
    return summary


def _while_held(settings: Settings, step: Step) -> Step:
    """Return a step that begins only while this run holds the lake."""

    def begin(name: str) -> None:
        held(settings).check()
        step(name)

    return begin


def check_has_input(settings: Settings) -> None:
    """See that there is something to run on, and leave no trace where a lake's name is mistyped.

    Raises:
        SettingsError: the settings name no source, and nothing was ingested by hand.
    """
    sources = settings.sources
    if not (sources.oss_directory or sources.gharchive or sources.git or _is_loaded(settings)):
        raise SettingsError(
            f"{settings.folder}/{SETTINGS_FILE} names no source, and nothing was ingested by hand: there is nothing to run on;"
            " the README shows the settings of a lake of your own"
        )


def check_is_loaded(settings: Settings) -> None:
    """See that there is something to transform and to release; else as `check_has_input`.

    Raises:
        SettingsError: nothing was loaded yet.
    """
    check_has_input(settings)
    if not _is_loaded(settings):
        raise SettingsError(
            f"nothing is loaded in {settings.folder} yet: `osslake run` loads what its {SETTINGS_FILE} names, and releases it"
        )


def _is_loaded(settings: Settings) -> bool:
    if not (settings.state.is_dir() or settings.catalog.uri):
        return False
    with catalog_answers("looking up the raw tables"):
        catalog = open_catalog(settings)
        there = (dataset.identifier for dataset in RAW_TABLES if catalog.table_exists(dataset.identifier))
        return any(catalog.load_table(identifier).current_snapshot() for identifier in there)


def make_release(
    settings: Settings, catalog: Catalog, summary: RunSummary, *, as_of: date | None = None, step: Step = lambda _: None
) -> None:
    """Transform, bring the published tables up to date, release."""
    from lakehouse.releases import ReleaseInputs, create_release, sign_again

    begin = _while_held(settings, step)
    fingerprint = run_fingerprint(settings, catalog, as_of)
    if is_released(settings, fingerprint):
        begin("release")
        summary.release = sign_again(settings)
        return
    begin("transform")
    done = transform(settings, catalog, as_of)
    summary.transformed = done
    begin("publish tables")
    summary.tables = publish_tables(settings, catalog, done.datasets, done.physical)
    begin("release")
    inputs = ReleaseInputs(
        as_of_date=done.as_of,
        datasets=[*(dataset for dataset in RAW_TABLES if dataset.name in done.raw_snapshots), *done.datasets],
        raw_snapshots={f"raw.{name}": snapshot for name, snapshot in done.raw_snapshots.items()},
        model_sources=done.model_sources,
        git_commit=_git_commit(),
        coverage=_coverage(settings),
        audits=_audits(done),
        digests=summary.tables.digests,
        places=summary.tables.places,
    )
    summary.release = create_release(settings, catalog, inputs)
    if not summary.release.held_back:
        remember_released(settings, fingerprint, summary.release.release.id)


def release_now(settings: Settings, as_of: date | None = None, step: Step = lambda _: None) -> RunSummary:
    """`osslake release create`: release what the raw tables hold, transforming first where that is needed."""
    summary = RunSummary()
    make_release(settings, open_catalog(settings), summary, as_of=as_of, step=step)
    return summary


def _git_commit() -> str | None:
    """The commit of the models, where they lie in a git work tree."""
    answer = subprocess.run(["git", "-C", str(MODELS), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _coverage(settings: Settings) -> list[Coverage]:
    from catalog.release_document import Coverage

    query = (
        "SELECT state, period_seconds, count(*), min(period_start), max(period_start), sum(record_count), sum(rejected_count)"
        " FROM pinned.gharchive__hours GROUP BY state, period_seconds"
    )
    with open_engine(settings).session() as session:
        rows = session.rows(query)
    if not rows:
        return []
    return [
        Coverage(
            source="gharchive",
            period_start=min(row[3] for row in rows),
            period_end=max(row[4] + timedelta(seconds=row[1]) for row in rows),
            states={state: sum(row[2] for row in rows if row[0] == state) for state in sorted({row[0] for row in rows})},
            records=sum(row[5] for row in rows),
            rejected=sum(row[6] for row in rows),
        )
    ]


def _audits(done: TransformSummary) -> list[Audit]:
    from catalog.release_document import Audit

    now = datetime.now(UTC)
    return [Audit(model=row["model"], audit=row["audit"], result="pass", checked_at=now) for row in done.audits]
