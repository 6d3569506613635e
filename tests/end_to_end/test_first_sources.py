"""A source that comes to a lake for the first time is a change like any other; before that the lake is whole without it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner
from web_servers import answering

from catalog.errors import QueryError
from end_to_end.lakes import Lake, Shelf, digests
from end_to_end.worlds import TINY, hours_of
from lakehouse.cli.app import app

STAGING = {
    "hours": ("stg_gharchive__events", "stg_git__commits", "git__commits"),
    "clones": ("stg_git__commits", "stg_gharchive__events", "gharchive__events"),
}
"""Of each lake: a staging model that it has, one that it hasn't, and the raw table that it lacks for that."""


@pytest.fixture(scope="session", params=["hours", "clones"])
def begun_with(request: pytest.FixtureRequest, shelf: Shelf, tiny_world: Path) -> tuple[str, Lake]:
    """Return a lake that has hours and directory alone, or clones alone."""

    def build(folder: Path) -> None:
        lake = Lake(folder).name_sources(tiny_world, hours_of(TINY), git=())
        if request.param == "clones":
            (lake.folder / "osslake.toml").write_text(f'[[sources.git]]\naddress = "{tiny_world}/git/*.git"\n')
        lake.run()

    return request.param, Lake(shelf.once(f"begun_with_{request.param}", build))


def test_the_first_of_a_source_is_no_build_from_nothing(
    unharmed: Lake, tiny_world: Path, tmp_path: Path, begun_with: tuple[str, Lake]
) -> None:
    """Where a lake gets its first clones, or its first hours and directory, it restates what they touch, and ends as if all had come at once."""
    lake = begun_with[1].copy_to(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY))
    run = lake.run()
    assert run.transformed
    assert not run.transformed.is_full
    ours, theirs = digests(lake.release()), digests(unharmed.release())
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()


def test_a_number_is_explained_without_the_other_sources(begun_with: tuple[str, Lake], tmp_path: Path) -> None:
    """The command and the API lead from a number to the raw rows of the sources that there are."""
    lake = begun_with[1].copy_to(tmp_path / "lake")
    ((artifact, day, count),) = lake.rows(
        "SELECT to_artifact_id, CAST(min(time) AS DATE), count(*) FROM marts.events_v1 WHERE event_source = 'GITHUB' AND event_type = 'COMMIT_CODE'"
        " GROUP BY to_artifact_id, date_trunc('month', time) ORDER BY 3, 1 LIMIT 1"
    )
    command = ["--lake", str(lake.folder), "explain", "github_commits_monthly", str(artifact), str(day), "--output", "json"]
    told = orjson.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    with answering(lake.settings) as client:
        answer = client.get(f"/v1/explain?metric=github_commits_monthly&entity={artifact}&date={day}&shown=50")
    for one in (told, answer.json()["data"]):
        assert one["recomputed"] == one["event_count"] == count == len(one["events"])
        assert all(event["raw_file"] for event in one["events"])


def test_staging_is_read_without_the_other_sources(begun_with: tuple[str, Lake]) -> None:
    """The staging models of sources that there are can be read; of another one it is said which raw table the release lacks."""
    name, lake = begun_with
    there, lacking, table = STAGING[name]
    asked = [["--lake", str(lake.folder), "sql", f"SELECT count(*) AS n FROM staging.{one}", "--format", "csv"] for one in (there, lacking)]
    assert int(CliRunner().invoke(app, asked[0], catch_exceptions=False).stdout.split()[1]) > 0
    with pytest.raises(QueryError, match=rf"^staging\.{lacking} can't be read: this release holds no raw\.{table}, since nothing"):
        CliRunner().invoke(app, asked[1], catch_exceptions=False)


@pytest.mark.parametrize("count", ["-1", "99999999999999999999"])
def test_events_that_are_no_number_of_rows(tmp_path: Path, count: str) -> None:
    """A number of events below 0, or beyond what a release may have, is wrong usage: exit code 2."""
    ended = CliRunner().invoke(app, ["--lake", str(tmp_path), "explain", "github_commits_monthly", "a", "2024-01-01", "--events", count])
    assert (ended.exit_code, "--events" in ended.stderr) == (2, True)
