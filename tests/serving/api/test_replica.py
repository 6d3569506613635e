"""The serving replica: it says what its release says, is made from the one before where that says the same, and is never half there."""

from __future__ import annotations

import gc
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from marts_lake import ALPHA, DAY_METRIC, ROLLING_METRIC, MartsLake
from web_servers import AppClient, answering

from catalog.bucket import bucket_key, open_bucket
from catalog.duck import DuckError
from catalog.errors import VerificationError
from catalog.releases import Release, list_releases
from catalog.settings import Settings, load_settings
from serving.releases import ServedReleases
from serving.replica import build
from serving.replica.build import BuildSummary, build_replica, merged
from serving.replica.builder import start_build
from serving.replica.files import replica_file, rows_file
from serving.replica.keeper import NOTHING_MADE, Replicas, make_replica
from serving.replica.packed import pack, unpack
from serving.replica.replica import Replica
from serving.replica.whereabouts import unpacked

EPOCH = date(1970, 1, 1)
SEARCH_TABLES = ("search", "search_kinds", "search_words", "search_near")


@pytest.fixture
def lake(marts_lake: MartsLake, tmp_path: Path) -> Settings:
    """Return a copy of the lake without replicas."""
    folder = tmp_path / "lake"
    shutil.copytree(marts_lake.settings.folder, folder)
    shutil.rmtree(folder / "state" / "serving")
    return load_settings(folder, dataset="small-lake")


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables of a replica, series by their names, files by their paths; without the time when it was built."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        plain = [name for name in names if not name.startswith(("series_", "search", "content", "located_"))]
        rows = {name: connection.execute(f"SELECT rowid, * FROM {name}").fetchall() for name in plain}
        for name in (name for name in names if name.startswith("series_") and name not in ("series_entities", "series_metrics")):
            query = f"SELECT entity_id, metric_name, points FROM {name} JOIN series_entities USING (entity_row) JOIN series_metrics USING (metric_row)"
            rows[name] = sorted(connection.execute(query).fetchall())
        paths = dict(connection.execute("SELECT file_row, path FROM located_files").fetchall())
        rows["located_files"] = sorted(connection.execute("SELECT path, first_day, last_day FROM located_files").fetchall())
        for name in (name for name in names if name.startswith("located_") and name != "located_files"):
            found = connection.execute(f"SELECT value, files FROM {name}").fetchall()
            rows[name] = [(value, *sorted(paths[number] for number in unpacked(files).tolist())) for value, files in found]
        rows |= {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names if name in SEARCH_TABLES}
        assert set(SEARCH_TABLES) <= rows.keys()
    return rows


def made(lake: Settings, release: Release, before: Release | None = None) -> tuple[BuildSummary, dict[str, list[tuple[object, ...]]]]:
    """Make a replica; return what was done, and its rows."""
    summary = build_replica(lake, release, lake.replicas, before)
    return summary, rows_of(replica_file(lake.replicas, release.id))


def test_made_from_the_one_before_it_is_the_same_as_made_anew(lake: Settings) -> None:
    """What a replica takes from the one before and what it reads anew make up the rows that a whole build has."""
    second, first = list_releases(lake)
    made(lake, first)
    grown, rows = made(lake, second, first)
    whole, expected = made(lake, second)
    assert rows == expected
    assert {"artifacts_v1", "metrics_v1"} <= set(grown.copied)
    assert not {"projects_v1", "timeseries_metrics_by_project_v1", "metric_periods_v1"} & set(grown.copied)
    assert grown.read < whole.read
    assert not whole.copied


def test_an_older_release_is_made_from_a_newer_one(lake: Settings) -> None:
    """The release before needs no whole build either: differences hold both ways, as after a rollback."""
    second, first = list_releases(lake)
    _, expected = made(lake, first)
    replica_file(lake.replicas, first.id).unlink()
    made(lake, second)
    _, rows = made(lake, first, second)
    assert rows == expected


def test_a_series_holds_the_points_of_the_release(lake: Settings) -> None:
    """Packed points are those of the table, by day, of all its months."""
    newest = list_releases(lake)[0]
    build_replica(lake, newest, lake.replicas)
    replica = Replica(replica_file(lake.replicas, newest.id), newest)
    entity, metric = replica.entity("project", "alpha"), replica.metric(ROLLING_METRIC)
    assert entity is not None
    assert metric is not None
    assert entity.id == ALPHA
    days, amounts = replica.series(entity, metric)
    found = {(date.fromordinal(EPOCH.toordinal() + int(day))): amount for day, amount in zip(days, amounts, strict=True)}
    assert found == {
        date(2024, 1, 30): 3.0,
        date(2024, 1, 31): 4.5,
        date(2024, 2, 1): 4.5,
        date(2024, 2, 6): 1.5,
        date(2024, 2, 7): 0.0,
        date(2024, 2, 9): 2.0,
        date(2024, 2, 11): 9.0,
    }


def test_what_differs_from_the_release_is_refused(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica whose points aren't the release's is not given its name."""
    newest = list_releases(lake)[0]

    def spoilt(days: np.ndarray, amounts: np.ndarray) -> bytes:
        return pack(days, amounts + 1)

    monkeypatch.setattr(build, "pack", spoilt)
    with pytest.raises(VerificationError, match=r"the replica's timeseries_metrics_by_project_v1 has \d+ rows with digest"):
        build_replica(lake, newest, lake.replicas)
    assert not list(lake.replicas.glob("*.sqlite"))


@pytest.mark.parametrize(
    "spoil", ["UPDATE projects_v1 SET artifact_count = 3", "DELETE FROM metrics_v1", "UPDATE series_metrics SET unit = 'x'"]
)
def test_a_table_that_differs_is_refused(lake: Settings, monkeypatch: pytest.MonkeyPatch, spoil: str) -> None:
    """A row that is other than the release's, or missing, is found before the replica is used."""
    newest, fill = list_releases(lake)[0], build.fill_search

    def spoilt(target: sqlite3.Connection) -> None:
        fill(target)
        target.execute(spoil)

    monkeypatch.setattr(build, "fill_search", spoilt)
    with pytest.raises(VerificationError, match="the replica's"):
        build_replica(lake, newest, lake.replicas)


@pytest.mark.parametrize("point", ["replica.filled", "replica.checked", "replica.rows_named"])
def test_killed_while_it_is_made_the_next_one_makes_it(lake: Settings, point: str) -> None:
    """SIGKILL leaves no replica, and nothing in the way of the next try."""
    code = "import sys; from pathlib import Path; from catalog.settings import load_settings; from serving.replica.keeper import make_replica\n"
    code += "make_replica(load_settings(Path(sys.argv[1]), dataset='small-lake'))"
    done = subprocess.run([sys.executable, "-c", code, str(lake.folder)], env=crashing(point), check=False)
    assert done.returncode == -signal.SIGKILL
    assert not list(lake.replicas.glob("*.sqlite"))
    summary = make_replica(lake)
    assert summary is not None
    replica = replica_file(lake.replicas, summary.release_id)
    assert {path for path in lake.replicas.iterdir() if path.suffix != ".lock"} == {replica, rows_file(replica)}


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("harm", ["gone", "cut", "other bytes"])
def test_a_damaged_replica_is_made_again(lake: Settings, kind: str, harm: str) -> None:
    """One that can't be opened, or lacks a file, is removed and made anew by a server that starts with it."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    build_replica(lake, second, lake.replicas)
    (file,) = lake.replicas.glob(f"{second.id}*.{kind}")
    content = file.read_bytes()
    file.unlink()
    if harm != "gone":
        file.write_bytes(content[:5000] if harm == "cut" else bytes(reversed(content)))
    with answering(lake) as client:
        wait_until_ready(client)
        assert client.get("/v1/projects").headers["osslake-release"] == second.id
    found, expected = rows_of(replica_file(lake.replicas, second.id)), made(lake, second, first)[1]
    words = {"search_words", "search_near"}  # numbered otherwise by another process
    assert {name: rows for name, rows in found.items() if name not in words} == {
        name: rows for name, rows in expected.items() if name not in words
    }


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_an_older_replica_that_is_damaged_is_made_again(lake: Settings, kind: str, harm: str) -> None:
    """While the server runs: until it is there again, who asks for it is told that it comes; nobody is told that it went."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    build_replica(lake, second, lake.replicas)
    with answering(quick(lake)) as client:
        wait_until_ready(client)
        (file,) = lake.replicas.glob(f"{first.id}*.{kind}")
        content = file.read_bytes()
        file.unlink()
        if harm == "cut":
            file.write_bytes(content[:5000])
        answers = []
        while not answers or answers[-1] != 200:
            answers.append(client.get(f"/v1/projects?release={first.id}").status_code)
            assert len(answers) < 300
            time.sleep(0.1)
        assert set(answers) <= {503, 200}
        assert client.get("/v1/projects").headers["osslake-release"] == second.id


def test_an_older_replica_that_was_made_again_is_taken(lake: Settings) -> None:
    """A worker that has the former files open lets go of them."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    build_replica(lake, second, lake.replicas)
    replicas = Replicas(lake, ServedReleases(lake))
    replicas.look()
    former, newest = replicas.of(first.id), replicas.newest()
    replicas.look()
    assert replicas.of(first.id) is former
    replica_file(lake.replicas, first.id).unlink()
    assert make_replica(lake) is not None
    replicas.look()
    assert replicas.of(first.id) is not former
    assert replicas.newest() is newest
    replicas.stop()


def test_a_release_that_can_not_be_laid_down_keeps_no_other_waiting(lake: Settings) -> None:
    """Where a file of the newest release is damaged the one before gets its replica; then the cause is told."""
    second, first = list_releases(lake)
    mine = {file.path for table in first.tables for file in table.data_files}
    new = next(file.path for table in second.tables for file in table.data_files if file.path not in mine and "projects_v1" in file.path)
    open_bucket(lake).write(bucket_key(second.document.dataset, new), b"damaged")
    summary = make_replica(lake)
    assert summary is not None
    assert summary.release_id == first.id
    with pytest.raises(DuckError, match=Path(new).name):
        make_replica(lake)
    assert start_build(lake).wait() == 1


def test_where_there_is_nothing_to_make_it_is_told(lake: Settings) -> None:
    """The process that makes replicas ends with another code than after one that it made, so that it isn't started again at once."""
    codes = [start_build(lake).wait() for _ in list_releases(lake)]
    assert (codes, start_build(lake).wait()) == ([0, 0], NOTHING_MADE)


def quick(lake: Settings) -> Settings:
    """Return settings of a server that looks for replicas often."""
    return lake.model_copy(update={"serve": lake.serve.model_copy(update={"poll_s": 0.1})})


def test_a_worker_short_of_files_leaves_the_replica(lake: Settings) -> None:
    """What can't be opened for want of file handles is no damage: it stays, and is answered from when there are some."""
    newest = list_releases(lake)[0]
    build_replica(lake, newest, lake.replicas)
    code = """
import os, resource, sys
from pathlib import Path
from catalog.settings import load_settings
from serving.releases import ServedReleases
from serving.replica.keeper import Replicas
settings = load_settings(Path(sys.argv[1]), dataset="small-lake")
replicas = Replicas(settings, ServedReleases(settings))
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, limits[1]))
print(replicas.of(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
replicas.look()
print(replicas.newest().release.id)
"""
    done = subprocess.run([sys.executable, "-c", code, str(lake.folder), newest.id], stdout=subprocess.PIPE, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if not line.startswith("{")] == ["None", newest.id]
    assert replica_file(lake.replicas, newest.id).exists()
    assert rows_file(replica_file(lake.replicas, newest.id)).exists()


def test_a_replica_that_is_no_longer_used_is_closed(lake: Settings) -> None:
    """Its files are closed when the last one lets go of it, not at some time later: each of them holds a deleted file's space."""
    newest = list_releases(lake)[0]
    build_replica(lake, newest, lake.replicas)
    replica = Replica(replica_file(lake.replicas, newest.id), newest)
    assert replica.entity("project", "alpha") is not None
    seen = weakref.ref(replica)
    gc.disable()
    try:
        del replica
        assert seen() is None
    finally:
        gc.enable()


def wait_until_ready(client: AppClient) -> None:
    """Wait until the newest release is answered from its replica."""
    for _ in range(300):
        if client.get("/readyz").json()["state"] == "ready":
            return
        time.sleep(0.1)
    raise AssertionError("the newest release was not made ready in 30 s")


def test_one_kept_replica_is_made_from_the_one_before(lake: Settings) -> None:
    """Where a setting keeps a single replica the next is made from it, before it goes."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    summary = make_replica(lake.model_copy(update={"serve": lake.serve.model_copy(update={"keep_replicas": 1})}))
    assert summary is not None
    assert (summary.release_id, bool(summary.copied)) == (second.id, True)


def test_a_damaged_one_before_is_not_needed(lake: Settings) -> None:
    """Where the replica before can't be read through, all is read from the release."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    file = replica_file(lake.replicas, first.id)
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'artifacts_v1'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\x77" * size
    file.write_bytes(content)
    summary = make_replica(lake)
    assert summary is not None
    assert (summary.release_id, summary.copied) == (second.id, [])


def test_one_before_that_says_something_wrong_is_not_needed(lake: Settings) -> None:
    """Where a value of the replica before is another than its release's, all is read from the release, and that one is made again."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    good = rows_of(replica_file(lake.replicas, first.id))["artifacts_v1"]
    with closing(sqlite3.connect(replica_file(lake.replicas, first.id))) as connection, connection:
        assert connection.execute("UPDATE artifacts_v1 SET artifact_name = 'wrong' WHERE rowid = 1").rowcount == 1
    assert [summary and summary.release_id for summary in (make_replica(lake), make_replica(lake), make_replica(lake))] == [
        second.id,
        first.id,
        None,
    ]
    for release in (second, first):
        assert rows_of(replica_file(lake.replicas, release.id))["artifacts_v1"] == good


def test_a_page_of_a_replica_that_went_is_gone(lake: Settings) -> None:
    """Whoever asks on for a release that is no longer answered from here is told 410, and what there is."""
    second, first = list_releases(lake)
    few = lake.model_copy(update={"serve": lake.serve.model_copy(update={"keep_replicas": 1})})
    make_replica(few)
    with answering(few) as client:
        answer = client.get(f"/v1/projects?release={first.id}")
        assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
        assert f"there are {second.sequence} " in answer.json()["detail"]


def crashing(point: str) -> dict[str, str]:
    """Return an environment in which a process dies at a point."""
    import os

    return os.environ | {"OSSLAKE_CRASH_AT": point}


def test_replicas_of_the_last_releases_are_kept(lake: Settings) -> None:
    """When a new one is made, those of releases beyond the setting go."""
    second, first = list_releases(lake)
    build_replica(lake, first, lake.replicas)
    few = lake.model_copy(update={"serve": lake.serve.model_copy(update={"keep_replicas": 1})})
    assert make_replica(few) is not None
    for kind in ("sqlite", "duckdb"):
        assert [file.name.partition(".")[0] for file in lake.replicas.glob(f"*.{kind}")] == [second.id]
    assert make_replica(few) is None


@pytest.mark.parametrize("count", [0, 1, 365])
def test_packed_points_are_unpacked_as_they_were(count: int) -> None:
    """Days and amounts come back as they went in."""
    days, amounts = np.arange(count, dtype=np.int32) - 7, np.linspace(-1e300, 1e300, count)
    found = unpack(pack(days, amounts))
    assert [one.tolist() for one in found] == [days.tolist(), amounts.tolist()]


def test_runs_of_series_are_merged_by_key_and_day() -> None:
    """Points of one key come together in the order of their days, whichever run, or batch of a run, they are in."""

    def run(*series: tuple[int, int, list[int]]) -> Iterator[build.Series]:
        for entity, metric, days in series:
            yield (entity, metric), np.array(days, np.int32), np.array(days, np.float64)

    found = merged(run((1, 1, [1, 9]), (2, 1, [5])), run((1, 1, [4]), (1, 1, [6]), (3, 1, [7])))
    assert [(key, days.tolist(), amounts.tolist()) for key, days, amounts in found] == [
        ((1, 1), [1, 4, 6, 9], [1.0, 4.0, 6.0, 9.0]),
        ((2, 1), [5], [5.0]),
        ((3, 1), [7], [7.0]),
    ]


def test_the_file_is_read_after_it_was_deleted(lake: Settings) -> None:
    """An open replica answers on when its file is gone."""
    newest = list_releases(lake)[0]
    build_replica(lake, newest, lake.replicas)
    replica = Replica(replica_file(lake.replicas, newest.id), newest)
    shutil.rmtree(lake.folder)
    entity, metric = replica.entity("project", "alpha"), replica.metric(DAY_METRIC)
    assert entity is not None
    assert metric is not None
    assert len(replica.series(entity, metric)[0]) == 4


def test_names_that_are_not_there_are_not_kept(lake: Settings) -> None:
    """However many names are asked for that nothing has, and however long they are, they take no memory."""
    newest = list_releases(lake)[0]
    build_replica(lake, newest, lake.replicas)
    replica = Replica(replica_file(lake.replicas, newest.id), newest)
    for number in range(100):
        assert replica.entity("project", f"nobody-{number}") is None
        assert replica.entity("artifact", "x" * 900 + str(number)) is None
        assert replica.metric(f"nothing-{number}") is None
    assert replica.entity("project", "a" * 100_000) is None
    assert (replica._known_entity.cache_info().currsize, replica._known_metric.cache_info().currsize) == (0, 0)
    assert replica.entity("project", "alpha") is replica.entity("project", "alpha")


def test_an_older_replica_may_be_opened_at_any_time(lake: Settings) -> None:
    """That of a release beyond those that are kept, asked for in the moment before its file goes, is answered from once more."""
    newest, first = list_releases(lake)
    few = lake.model_copy(update={"serve": lake.serve.model_copy(update={"keep_replicas": 1})})
    replicas = Replicas(few, ServedReleases(few))
    for release in (newest, first):
        build_replica(lake, release, lake.replicas)
        found = replicas.of(release.id)
        assert found is not None
        assert found.release.id == release.id
