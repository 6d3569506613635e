"""Running the models: SQLMesh on DuckDB or Trino, over pinned raw snapshots."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.crash import crash_point
from catalog.errors import AuditError, TransformError
from catalog.settings import Settings
from lakehouse import control
from lakehouse.engines import Engine, open_engine
from lakehouse.engines.silence import causes
from lakehouse.model_datasets import published_datasets
from lakehouse.model_graph import model_nodes, short_name, source_name
from lakehouse.raw_binding import RawPin, pin_raw_tables

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from sqlmesh import Context

    from catalog.datasets import Dataset

_ADVICE = {
    "no_collapse": " (days with less than half the records that are usual: see marts.event_coverage_v1; where that is right as it is,"
    " name the days in the setting transform.accepted_falls)"
}
MODELS = Path(__file__).parent.parent / "models"
ENVIRONMENT = "prod"
CACHE_FOLDER = "sqlmesh-cache"
COLLECT_AFTER = (1_000_000, 50, 100)
"""Python's search for cycles begins after so many new objects: with its default it spends a fifth of a run on the trees of the models' SQL."""
_ROOTS = frozenset({"intermediate.int_sightings", "intermediate.int_push_commits", "intermediate.int_pull_requests"})


@dataclass(frozen=True)
class TransformSummary:
    """What a transformation did.

    Attributes:
        is_needed: False if neither raw tables nor models nor the as-of date changed.
        restated_days: days of records that loads changed.
        physical: the engine's own table (schema, name) of each materialised model.
    """

    is_needed: bool
    is_full: bool
    as_of: date
    restated_days: int
    duration_s: float
    raw_snapshots: Mapping[str, int]
    datasets: list[Dataset] = field(default_factory=list)
    model_sources: Mapping[str, str] = field(default_factory=dict)
    audits: list[dict[str, str]] = field(default_factory=list)
    physical: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def failures_console() -> Any:
    """Return a SQLMesh console that prints nothing and keeps what failed, in `failures`."""
    from sqlmesh.core.console import NoopConsole

    class FailuresConsole(NoopConsole):
        failures: list[Any]

        def __init__(self) -> None:
            super().__init__()
            self.failures = []

        def log_failed_models(self, errors: list[Any]) -> None:
            self.failures += errors

    return FailuresConsole()


def _configuration(engine: Engine, cache: Path, *, has_tests: bool) -> Any:
    """Return SQLMesh's configuration; its cache of parsed models holds wherever the lake lies, so that a copy of the folder is as good."""
    from sqlmesh.core.config import Config, ModelDefaultsConfig
    from sqlmesh.core.loader import SqlMeshLoader

    class ModelsLoader(SqlMeshLoader):
        def load_model_tests(self) -> Any:
            return super().load_model_tests() if has_tests else []

    defaults = ModelDefaultsConfig(dialect="trino", start="2011-01-01", optimize_query=False)
    parsed_by = Config(model_defaults=defaults).fingerprint

    class LakeConfig(Config):
        @property
        def fingerprint(self) -> str:
            """Tell what models are parsed by; in SQLMesh's own are the paths of cache and databases too."""
            return str(parsed_by)

    return LakeConfig(
        gateways={engine.name: engine.gateway()},
        default_gateway=engine.name,
        model_defaults=defaults,
        disable_anonymized_analytics=True,
        cache_dir=str(cache),
        loader=ModelsLoader,
    )


def open_models(settings: Settings, cache: Path | None = None, *, has_tests: bool = False) -> Context:
    """Load the SQLMesh project for a lake.

    Args:
        settings: of the lake.
        cache: folder of SQLMesh's cache; default: in the lake's state.
        has_tests: read the models' unit tests too, for `Context.test`.

    Raises:
        TransformError: a model can't be parsed; the message names it.
    """
    gc.set_threshold(*COLLECT_AFTER)
    os.environ.setdefault("SQLMESH__DISABLE_ANONYMIZED_ANALYTICS", "true")
    os.environ.setdefault("MAX_FORK_WORKERS", "1")
    warnings.filterwarnings("ignore", module=r"(sqlmesh|sqlglot|pydantic|hyperscript)\..*")
    from sqlmesh import Context
    from sqlmesh.core.console import set_console
    from sqlmesh.utils.errors import SQLMeshError

    settings.state.mkdir(parents=True, exist_ok=True)
    set_console(failures_console())
    logging.getLogger("sqlmesh").setLevel(logging.CRITICAL)
    config = _configuration(open_engine(settings), cache or settings.state / CACHE_FOLDER, has_tests=has_tests)
    try:
        return Context(config={MODELS: config})
    except SQLMeshError as error:
        raise TransformError(f"the models can't be loaded: {_first_line(error)}") from error


@contextmanager
def opened_models(settings: Settings, cache: Path | None = None) -> Iterator[Context]:
    """Load the SQLMesh project of a lake for as long as the block runs.

    Args:
        settings: of the lake.
        cache: folder of SQLMesh's cache; default: in the lake's state.

    Raises:
        EngineUnavailableError: in the block the engine, or the database of SQLMesh's state, did not answer.
        TransformError: a model can't be parsed; the message names it.
    """
    context = open_models(settings, cache)
    try:
        try:
            yield context
        finally:
            context.close()
    except Exception as error:
        if unavailable := open_engine(settings).silence(error):
            raise unavailable from error
        raise


def model_sources(context: Context) -> dict[str, str]:
    """Return SHA-256 of each model's text by its name (`marts.events_v1`)."""
    return {name: sha for name, _, _, sha, _ in _lineage(context)}


def _lineage(context: Context) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for model in context.models.values():
        if model.kind.is_external:
            continue
        text = _model_text(model)
        sha = hashlib.sha256(text.encode()).hexdigest()
        name = short_name(model.fqn)
        rows += [(name, source_name(used), name.split(".")[0], sha, text) for used in sorted(model.depends_on)] or [
            (name, "", name.split(".")[0], sha, text)
        ]
    return sorted(rows)


def _model_text(model: Any) -> str:
    """The model's own text (its file; for a blueprint with its name before it)."""
    path = Path(model._path) if model._path else None
    text = path.read_text(encoding="utf-8") if path and path.is_file() else model.render_definition()[0].sql()
    return f"-- {short_name(model.fqn)}\n{text}"


def transform(settings: Settings, catalog: Catalog, as_of: date | None = None) -> TransformSummary:
    """Bring the models' tables up to date with the raw tables.

    Raises:
        AuditError: an audit found rows.
        EngineUnavailableError: the engine, or the database of the models' state, did not answer.
        TransformError: a model failed, or can't be loaded.
    """
    started = time.monotonic()
    pins = pin_raw_tables(catalog)
    snapshots = {name: pin.snapshot_id for name, pin in pins.items() if pin.snapshot_id is not None}
    engine = open_engine(settings)
    with opened_models(settings) as context:
        plan = _prepare(settings, engine, context, pins, as_of)
        if plan.is_needed:
            engine.prepare(context)
            _apply(context, plan)
            crash_point("transform.planned")
        audits, datasets, sources = _audits(context), published_datasets(context), model_sources(context)
        physical = physical_tables(context)
    if plan.is_needed:
        with engine.session() as session:
            control.mark_success(session, pins, settings)
        crash_point("transform.marked")
    duration_s = time.monotonic() - started
    return TransformSummary(
        plan.is_needed, plan.is_full, plan.as_of, len(plan.changed_days), duration_s, snapshots, datasets, sources, audits, physical
    )


def _prepare(settings: Settings, engine: Engine, context: Context, pins: Mapping[str, RawPin], as_of: date | None) -> control.Plan:
    """Bind the raw tables and write the control tables."""
    is_new = _models_changed(context)
    with engine.session() as session:
        session.bind_raw(pins)
        control.write_lineage(session, _lineage(context))
        plan = control.plan_run(session, settings, pins, as_of, models_changed=is_new)
    crash_point("transform.prepared")
    return plan


def _models_changed(context: Context) -> bool:
    """Tell whether a model differs from what the tables were made by."""
    environment = context.state_reader.get_environment(ENVIRONMENT)
    if environment is None:
        return True
    promoted = {snapshot.name: snapshot.identifier for snapshot in environment.snapshots}
    current = {
        name: snapshot.identifier if hasattr(snapshot, "identifier") else snapshot.fingerprint.to_identifier()
        for name, snapshot in context.snapshots.items()
    }
    return promoted != current


def _is_back(context: Context) -> bool:
    """Tell whether a model is again what it once was: its table stands since then, without what was loaded meanwhile."""
    environment = context.state_reader.get_environment(ENVIRONMENT)
    promoted = {snapshot.snapshot_id for snapshot in environment.snapshots} if environment else set()
    return any(snapshot.intervals and snapshot.snapshot_id not in promoted for snapshot in context.snapshots.values())


def _apply(context: Context, plan: control.Plan) -> None:
    """Let SQLMesh carry out changed models, then restate all the rest under what the control tables say."""
    from sqlmesh.utils.errors import SQLMeshError

    quietly = {"auto_apply": True, "no_prompts": True, "skip_tests": True, "skip_linter": True}
    is_built_by_changes = context.state_reader.get_environment(ENVIRONMENT) is None and not plan.is_interrupted
    try:
        is_back = _is_back(context)
        if _models_changed(context):
            context.plan(ENVIRONMENT, **quietly)
        if (plan.is_moved or is_back) and not is_built_by_changes:
            roots = [model.fqn for model in context.models.values() if short_name(model.fqn) in _ROOTS]
            context.plan(ENVIRONMENT, restate_models=roots, **quietly)
    except SQLMeshError as error:
        failures = getattr(context.console, "failures", [])
        raise why_failed(error, failures) from (failures[0] if failures else error)


def why_failed(error: Exception, failures: list[Any]) -> TransformError | KeyboardInterrupt:
    """Return which model failed and why, in one line; what Ctrl-C ended did not fail."""
    from sqlmesh.utils.errors import AuditError as SqlmeshAuditError
    from sqlmesh.utils.errors import NodeAuditsErrors

    for failure in failures:
        if any(isinstance(cause, KeyboardInterrupt) for cause in causes(failure)):
            return KeyboardInterrupt()
        cause = failure.__cause__ or failure
        name = short_name(str(getattr(failure.node, "snapshot_name", failure.node)))
        if isinstance(cause, NodeAuditsErrors | SqlmeshAuditError):
            audits = cause.errors if isinstance(cause, NodeAuditsErrors) else [cause]
            said = ", ".join(f"{audit.audit_name} found {audit.count} rows{_ADVICE.get(audit.audit_name, '')}" for audit in audits)
            counts = {audit.audit_name: audit.count for audit in audits}
            return AuditError(f"audit of {name} failed, nothing is released: {said}", model=name, audits=counts)
        while cause.__cause__ is not None:
            cause = cause.__cause__
        return TransformError(f"model {name} failed: {_first_line(cause)}", model=name)
    return TransformError(f"the models can't be run: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def physical_tables(context: Context) -> dict[str, tuple[str, str]]:
    """Return the engine's own table (schema, name) of each materialised model, as the environment has it."""
    environment = context.state_reader.get_environment(ENVIRONMENT)
    tables = {}
    for snapshot in environment.snapshots if environment else []:
        if snapshot.is_materialized:
            _, schema, name = (part.strip('"') for part in snapshot.table_name().split("."))
            tables[short_name(snapshot.name)] = (schema, name)
    return tables


def _audits(context: Context) -> list[dict[str, str]]:
    """List the audits that stand over the tables; they ran with each model that was evaluated, and a failing one ends the run."""
    return [{"model": node.name, "audit": name, "result": "pass"} for node in model_nodes(context) for name in node.audits]
