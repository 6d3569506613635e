"""A lake as Dagster runs it: the same release as by the command line, days by range, audits as checks, what may pass tried again."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_schedule_context,
    materialize,
)

from catalog.errors import SettingsError
from catalog.settings import Settings, load_settings
from end_to_end.lakes import Lake, digests
from end_to_end.server import hour_server
from end_to_end.worlds import TINY, hours_of, write_hour
from lakehouse.lock import lake_lock
from lakehouse.orchestration.jobs import EVERYTHING, day_range
from lakehouse.orchestration.lake import lake_definitions
from lakehouse.orchestration.sources import days_of, source_assets
from lakehouse.transform import open_models

ROOT = Path(__file__).parents[2]
DAYS = [str(TINY.start + timedelta(days=count)) for count in range(TINY.days)]
EVENTS, HOURS = AssetKey(["raw", "gharchive__events"]), AssetKey(["raw", "gharchive__hours"])
HOUR_FILE = "2024-01-01-0.json.gz"
IMPATIENT = "[load]\nretries = 0\n[orchestration]\nretries = 2\nretry_delay_s = 0.4\n"


@dataclass(frozen=True)
class Location:
    """A lake, and an instance of Dagster in whose memory its runs are."""

    lake: Lake
    instance: DagsterInstance

    @property
    def definitions(self) -> Definitions:
        """What Dagster is told of the lake, read anew."""
        return lake_definitions(self.lake.settings)

    def run(self, days: list[str], assets: list[AssetKey] | None = None) -> ExecuteInProcessResult:
        """Run everything, or some assets, over days."""
        job = self.definitions.resolve_job_def(EVERYTHING)
        return job.execute_in_process(instance=self.instance, asset_selection=assets, tags=day_range(days), raise_on_error=False)


@pytest.fixture(scope="module")
def instance() -> Iterator[DagsterInstance]:
    """Return an instance in memory."""
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tiny_world: Path, instance: DagsterInstance) -> Location:
    """Return a lake whose first two days came by a backfill of the hours alone, and then all the rest; it is copied, never changed."""
    folder = tmp_path_factory.mktemp("filled") / "lake"
    lake = Lake(folder).name_sources(tiny_world, hours_of(TINY), more='[publish]\nstatic = "static"\nstatic_url = "http://127.0.0.1:1"\n')
    lake.take_models()
    location = Location(lake, instance)
    assert location.run(DAYS[:2], [EVENTS, HOURS]).success
    assert location.run(DAYS[2:]).success
    return location


def _names(result: ExecuteInProcessResult, kind: DagsterEventType) -> list[str]:
    return [str(event.step_key) for event in result.all_events if event.event_type == kind]


def _why(result: ExecuteInProcessResult) -> str:
    """Return what the first step that failed says."""
    return str(result.filter_events(lambda event: event.is_step_failure)[0].step_failure_data)


def test_the_graph_is_that_of_the_models(filled: Location) -> None:
    """Each model, raw table, release and publication is an asset; a model's inputs are SQLMesh's, its audits are its checks."""
    Definitions.validate_loadable(filled.definitions)
    graph = filled.definitions.resolve_asset_graph()
    context = open_models(filled.lake.settings)
    models = {model.fqn: model for model in context.models.values() if not model.kind.is_external}
    context.close()
    for fqn, model in models.items():
        key = AssetKey([part.strip('"') for part in fqn.split(".")[1:]])
        read = {tuple(part.strip('"') for part in used.split(".")[1:]) for used in model.depends_on if '"control"' not in used}
        assert graph.get(key).parent_keys == {AssetKey(["raw" if schema == "pinned" else schema, name]) for schema, name in read}
        assert {check.name for check in graph.get_check_keys_for_assets({key})} == {name for name, _ in model.audits}
    others = {key.to_user_string() for key in graph.get_all_asset_keys()} - {
        "/".join(p.strip('"') for p in f.split(".")[1:]) for f in models
    }
    tables = {"oss_directory__projects", "oss_directory__collections", "oss_directory__entries", "git__commits", "git__repositories"}
    assert others == {f"raw/{name}" for name in (*tables, "gharchive__events", "gharchive__hours")} | {"release", "publications/static"}
    assert len(models) > 40


def test_the_release_is_that_of_the_command_line(filled: Location, unharmed: Lake) -> None:
    """Two days by a backfill and the others by a run give what `osslake run` gives day by day, table by table, and it is published."""
    assert digests(filled.lake.release()) == digests(unharmed.release())
    assert (filled.lake.folder / "static" / "latest.json").is_file()
    assert filled.instance.get_materialized_partitions(EVENTS) == set(DAYS)


def test_a_release_depends_on_what_it_lists(filled: Location) -> None:
    """The release's inputs are the tables that its document names, but for the rejected records, which are no source's alone."""
    parents = filled.definitions.resolve_asset_graph().get(AssetKey("release")).parent_keys
    listed = {table.full_name for table in filled.lake.release().tables} - {"raw.rejected"}
    assert {".".join(key.path) for key in parents} == listed


def test_a_day_again_changes_nothing(filled: Location) -> None:
    """A run over days that are there loads nothing, and its release is the one that is there."""
    before = filled.lake.release().id
    result = filled.run(DAYS[:1])
    (loaded,) = [one.metadata["loaded"].value for one in result.asset_materializations_for_node("gharchive") if one.asset_key == EVENTS]
    (made,) = result.asset_materializations_for_node("release")
    assert (result.success, loaded, made.metadata["is_new"].value, filled.lake.release().id) == (True, 0, False, before)


def test_a_failing_audit_is_a_failed_check_and_holds_the_release(filled: Location, own_models: Path, tmp_path: Path) -> None:
    """The check says how many rows were found; the run ends there, without another try, and readers see the release before."""
    lake = filled.lake.copy_to(tmp_path / "lake")
    audits = own_models / "audits" / "grain.sql"
    audits.write_text(
        audits.read_text()
        .replace("GROUP BY artifact_id\nHAVING COUNT(*) > 1", "LIMIT 3")
        .replace("GROUP BY 1\nHAVING COUNT(*) > 1;", "LIMIT 3;")
    )
    with DagsterInstance.ephemeral() as instance:
        result = Location(lake, instance).run(DAYS[:1])
        found = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [(check.asset_key.to_user_string(), check.check_name, check.metadata["rows"].value) for check in found] == [
        ("marts/artifacts_v1", "unique_artifacts", 3)
    ]
    assert not result.success
    assert _names(result, DagsterEventType.STEP_FAILURE) == ["models"]
    assert _names(result, DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert not {"release", "publications__static"} & set(_names(result, DagsterEventType.STEP_START))
    assert "audit of marts.artifacts_v1 failed, nothing is released" in _why(result)
    assert lake.release().id == filled.lake.release().id


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """Return a folder with one hour's file."""
    folder = tmp_path / "hours"
    folder.mkdir()
    record = {"id": "1", "type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z", "actor": {"id": 7, "login": "ada"}}
    write_hour(folder / HOUR_FILE, [record | {"repo": {"id": 9, "name": "ada/engine"}, "payload": {"action": "started"}}])
    return folder


def _load_hour(lake: Lake, address: object, instance: DagsterInstance) -> ExecuteInProcessResult:
    """Run the day of one hour in a new lake whose settings name that hour."""
    lake.folder.mkdir(exist_ok=True)
    source = f'[[sources.gharchive]]\naddress = "{address}"\nfrom = "2024-01-01T00"\nto = "2024-01-01T01"\n'
    (lake.folder / "osslake.toml").write_text(IMPATIENT + source)
    return materialize(source_assets(lake.settings), partition_key="2024-01-01", instance=instance, raise_on_error=False)


def test_a_source_that_is_away_is_asked_again(tmp_path: Path, hours: Path, instance: DagsterInstance) -> None:
    """A server that answers 503, to HEAD and to the GET that fsspec tries then, and works after that costs one more try, not the run."""
    with hour_server(hours) as server:
        server.answers[HOUR_FILE] = 503
        back = threading.Thread(target=lambda: (server.wait_for(HOUR_FILE, times=2), server.answers.clear()))
        back.start()
        result = _load_hour(Lake(tmp_path / "lake"), server.url, instance)
        back.join()
    assert result.success
    assert _names(result, DagsterEventType.STEP_UP_FOR_RETRY) == ["gharchive"]


def test_what_will_not_pass_is_not_tried_again(tmp_path: Path, hours: Path, instance: DagsterInstance) -> None:
    """A server that refuses ends the step at once, with the line that the command line would say."""
    with hour_server(hours) as server:
        server.answers[HOUR_FILE] = 403
        result = _load_hour(Lake(tmp_path / "lake"), server.url, instance)
    assert _names(result, DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert re.search("1 of 1 hours could not be loaded.*403", _why(result))


def test_a_lake_that_is_held_is_waited_for(tmp_path: Path, hours: Path, instance: DagsterInstance) -> None:
    """A step that finds the lake held is tried again, each time after twice the wait, and at last says who holds it."""
    lake = Lake(tmp_path / "lake")
    with lake_lock(Settings(folder=lake.folder), "transform"):
        result = _load_hour(lake, hours, instance)
    waits = [event.step_retry_data.seconds_to_wait for event in result.all_events if event.event_type == DagsterEventType.STEP_UP_FOR_RETRY]
    assert waits == [0.4, pytest.approx(1.2)]
    assert "is held by `osslake transform`" in _why(result)


def test_the_daily_run_catches_up(filled: Location) -> None:
    """It asks for the newest 30 days that there are by then, as one range, and for no more than the settings name."""
    schedule = filled.definitions.resolve_schedule_def("daily")
    for now, days in ((datetime(2026, 1, 1, 4, 30, tzinfo=UTC), DAYS), (datetime(2024, 1, 30, 4, 30, tzinfo=UTC), DAYS[:2])):
        (request,) = schedule.evaluate_tick(build_schedule_context(scheduled_execution_time=now)).run_requests or []
        assert isinstance(request, RunRequest)
        assert day_range(days).items() <= request.tags.items()


def test_days_are_those_of_the_hours(tmp_path: Path) -> None:
    """Hours that end within a day make that day a partition; a lake without hours has none; what is no hour is told."""

    def days(start: str, end: str) -> list[str]:
        (tmp_path / "osslake.toml").write_text(f'[[sources.gharchive]]\naddress = "x"\nfrom = "{start}"\nto = "{end}"\n')
        found = days_of(load_settings(tmp_path))
        return list(found.get_partition_keys()) if found else []

    assert days("2024-01-01T05", "2024-01-02T00") == ["2024-01-01"]
    assert days("2024-01-01T05", "2024-01-03T01") == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert days(str(datetime.now(UTC).date()), "2999-01-01")[-1:] == [str(datetime.now(UTC).date())]
    with pytest.raises(SettingsError, match=r"sources\.gharchive\.to 'soon' is not an hour"):
        days("2024-01-01", "soon")
    (tmp_path / "osslake.toml").write_text("")
    assert days_of(load_settings(tmp_path)) is None
    assert date.fromisoformat(DAYS[0]) == TINY.start


def test_nothing_else_needs_dagster() -> None:
    """Where Dagster is not installed, every module but the code location's can be imported, and the command line works."""
    program = """
import sys, pkgutil, importlib
sys.modules["dagster"] = None
import catalog, ingest, lakehouse, serving
for package in (catalog, ingest, lakehouse, serving):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith("lakehouse.orchestration."):
            importlib.import_module(module.name)
assert not [name for name in sys.modules if name.startswith("lakehouse.orchestration.")]
from lakehouse.cli import main
sys.argv = ["osslake", "--help"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "osslake --lake demo run" in done.stdout) == (0, True), done.stderr
