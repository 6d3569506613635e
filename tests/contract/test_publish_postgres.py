"""Publication to a real PostgreSQL: one whole release at a time, of what changed alone, whatever kills it."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Timer

import pytest
from end_to_end.lakes import Lake
from end_to_end.processes import osslake

from catalog.catalogs import open_catalog
from catalog.iceberg import ensure_table
from catalog.raw_tables import RAW_TABLES
from catalog.release_diff import diff_releases
from contract.published import Schema
from lakehouse.publications.postgres.exchange import LOCK_MS
from lakehouse.releases import rollback_release

pytestmark = pytest.mark.stack
POINTS = (
    "publish.postgres.part",
    "publish.postgres.part:2",
    "publish.postgres.loaded",
    "publish.postgres.exchange",
    "publish.postgres.exchanged",
)


def test_all_tables_hold_the_releases_rows(schema: Schema) -> None:
    """After the first publication every mart holds the release's very rows, and the summary counts them."""
    with schema.watched():
        done = schema.publish("1")
    marts = [table for table in schema.lake.release("1").tables if table.stage == "marts"]
    assert schema.shown() == done.release_id == schema.lake.release("1").id
    assert (done.is_new, done.rows) == (True, sum(table.row_count for table in marts))
    assert done.bytes == sum(file.size_bytes for table in marts for file in table.data_files)
    assert len(marts) == 6
    schema.check_rows("1")


def test_the_models_marts_hold_the_releases_rows(schema: Schema, unharmed: Lake) -> None:
    """The marts that the models make, all twenty, arrive row by row."""
    schema.lake = unharmed
    schema.publish()
    schema.check_rows()
    assert len(schema.look()[1]) == 20


def test_the_same_release_again_does_nothing(schema: Schema) -> None:
    """A release that is shown already writes nothing."""
    schema.publish("1")
    everything = f"SELECT oid, relname FROM pg_class WHERE relnamespace IN ('{schema.name}'::regnamespace, '{schema.name}_parts'::regnamespace) ORDER BY 1"
    before = schema.rows(everything), schema.rows("SELECT * FROM releases")
    done = schema.publish("1")
    assert (done.is_new, done.rows, done.tables) == (False, 0, {})
    assert (schema.rows(everything), schema.rows("SELECT * FROM releases")) == before


def test_one_more_day_loads_its_partitions_alone(schema: Schema) -> None:
    """The partitions that are loaded are those whose rows differ between the two releases, no others; the parts of the others stay."""
    schema.publish("1")
    before = schema.parts()
    with schema.watched():
        done = schema.publish("2")
    diff = diff_releases(schema.lake.release("1"), schema.lake.release("2"))
    changed = {change.name: list(change.partitions) for change in diff.changed if change.name.startswith("marts.") and change.partitions}
    assert done.tables == changed == {"marts.coverage_v1": [""], "marts.events_v1": ["2024-01"], "marts.series_v1": ["2024-01"]}
    assert len(before & schema.parts()) == len(before) - 3
    assert schema.look() == (schema.lake.release("2").id, schema.expected[schema.lake.release("2").id])


def test_back_to_an_older_release(schema: Schema, tmp_path: Path) -> None:
    """An older release shows its tables again, and so does the release that restores it, for which nothing is loaded."""
    schema.publish("2")
    with schema.watched():
        schema.publish("1")
        schema.publish("2")
        schema.publish("1")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    restoring = rollback_release(schema.lake.settings, "1").release
    done = schema.publish()
    assert (done.release_id, done.is_new, done.rows) == (restoring.id, True, 0)
    del schema.expected
    assert schema.look() == (restoring.id, schema.expected[restoring.id])
    assert len(schema.rows("SELECT 1 FROM releases")) == 5


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_publication_completes_it(schema: Schema, point: str) -> None:
    """After SIGKILL at each step readers see the old release or the new one, and the next publication leaves what one that wasn't killed does."""
    schema.publish("1")
    with schema.watched():
        killed = osslake("--lake", schema.lake.folder, "publish", "postgres", environment=schema.environment, crash_at=point)
        assert killed.code == -9
        assert schema.shown() == schema.lake.release("2" if point.endswith("exchanged") else "1").id
        done = osslake("--lake", schema.lake.folder, "publish", "postgres", "--output", "json", environment=schema.environment)
    assert done.code == 0, done.err
    assert json.loads(done.out)["postgres"]["is_new"] is not point.endswith("exchanged")
    assert schema.look() == (schema.lake.release("2").id, schema.expected[schema.lake.release("2").id])
    parts = schema.parts()
    schema.rows(f"DROP SCHEMA {schema.name} CASCADE; DROP SCHEMA {schema.name}_parts CASCADE")
    schema.publish("2")
    assert parts == schema.parts()


def test_leftovers_of_another_release_are_removed(schema: Schema, tmp_path: Path) -> None:
    """What a killed publication of one release has loaded is gone after that of another."""
    schema.publish("1")
    before = schema.parts()
    osslake("--lake", schema.lake.folder, "publish", "postgres", environment=schema.environment, crash_at="publish.postgres.loaded")
    assert schema.parts() > before
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    rollback_release(schema.lake.settings, "1")
    schema.publish()
    assert schema.parts() == before


def test_an_autovacuum_of_a_part_is_waited_for(schema: Schema) -> None:
    """Who holds a part for longer than the readers of tables are kept waiting (as an autovacuum does) delays the exchange and doesn't end it."""
    schema.publish("1")
    before = schema.parts()
    osslake("--lake", schema.lake.folder, "publish", "postgres", environment=schema.environment, crash_at="publish.postgres.loaded")
    part = min(schema.parts() - before)
    with schema.connect() as vacuum:
        vacuum.execute(f"LOCK TABLE {schema.name}_parts.{part} IN SHARE UPDATE EXCLUSIVE MODE")
        end = Timer(3 * LOCK_MS / 1000, vacuum.commit)
        end.start()
        schema.publish("2")
        end.join()
    schema.check_rows("2")


def test_the_command_line_publishes_to_all_and_tells_how_far_each_is(schema: Schema, tmp_path: Path) -> None:
    """Without a name all that the settings name are tried, though one fails; `osslake status` tells what each shows."""
    schema.publish("1")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    for dataset in RAW_TABLES:  # which every lake has, and `status` looks at
        ensure_table(open_catalog(schema.lake.settings), dataset)
    environment = schema.environment | {
        "OSSLAKE_PUBLISH__STATIC": str(tmp_path / "files"),
        "OSSLAKE_PUBLISH__STATIC_URL": "http://127.0.0.1:1",
    }
    behind = json.loads(osslake("--lake", schema.lake.folder, "status", "--output", "json", environment=environment).out)["targets"]
    assert [(one["target"], one["releases_behind"], one["days_behind"]) for one in behind] == [
        ("iceberg", 0, 0), ("static", None, None), ("postgres", 1, 1)
    ]  # fmt: skip
    done = osslake("--lake", schema.lake.folder, "publish", environment=environment)
    assert done.code == 1
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["static", "postgres"]
    assert "error: publish iceberg: " in done.err
    assert schema.shown() == schema.lake.release("2").id
