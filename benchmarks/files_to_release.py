"""(b) From files to a release: `osslake run` on a fresh lake, against one plain DuckDB script (plain.sql) over the same files.

    .venv/bin/python benchmarks/files_to_release.py [--events 2000000] [--days 30]

Both are whole commands, start-up included. Clones are left out on both sides (a DuckDB script can't read them), and so is the directory's
history. The series of the two are compared row by row. Where the plain script does less: README.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from datetime import timedelta
from pathlib import Path

from harness import (
    OSSLAKE,
    ROOT,
    START,
    World,
    fresh_folder,
    in_own_process,
    judge,
    make_world,
    median,
    name_sources,
    say,
    say_head,
    seconds_of,
    size,
    table_files,
)

LEVELS = ("artifact", "project", "collection")
_ADDRESS = re.compile(r"github\.com/(?:orgs/)?@?([^/?#]+)(?:/([^/?#]+))?")


def run_plain(world: World, out: Path) -> None:
    """Write raw rows and marts as Parquet: read the YAML files, then run plain.sql."""
    from catalog.duck import connect

    entries, collections = read_directory(world.folder / "oss-directory")
    as_of = START + timedelta(days=world.days - 1)
    sql = (Path(__file__).parent / "plain.sql").read_text()
    sql = sql.format(hours=f"{world.hours}/*.json.gz", out=out, as_of=as_of, seeds=ROOT / "models" / "seeds")
    with connect() as connection:
        connection.execute("CREATE TABLE entries (project VARCHAR, owner VARCHAR, repository VARCHAR)")
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", entries)
        connection.execute("CREATE TABLE collection_projects (collection VARCHAR, project VARCHAR)")
        connection.executemany("INSERT INTO collection_projects VALUES (?, ?)", collections)
        connection.execute(sql)


def read_directory(folder: Path) -> tuple[list[tuple[str, str, str | None]], list[tuple[str, str]]]:
    """Return (project, owner, repository or None) of each GitHub address, and (collection, project)."""
    import yaml

    entries, collections = [], []
    for file in sorted((folder / "data" / "projects").glob("*/*.yaml")):
        project = yaml.safe_load(file.read_text())
        for entry in project.get("github") or []:
            found = _ADDRESS.search(entry["url"].lower().replace(" ", ""))
            if found:
                entries.append((project["name"], found[1], _repository(entry["url"], found[2])))
    for file in sorted((folder / "data" / "collections").glob("*.yaml")):
        collection = yaml.safe_load(file.read_text())
        collections += [(collection["name"], name) for name in collection["projects"]]
    return entries, collections


def _repository(url: str, name: str | None) -> str | None:
    """Return the repository of an address; None where it names an owner alone."""
    return None if name is None or "/orgs/" in url.lower() else name.removesuffix(".git") or None


def compare(lake: Path, out: Path) -> bool:
    """Print for each level how many rows the two have, and how many of them the other has not; tell whether they are equal."""
    from catalog.duck import connect

    is_equal = True
    with connect() as connection:
        for level in LEVELS:
            for mart, plain in (("timeseries_metrics", "series"), ("key_metrics", "key_metrics")):
                files = table_files(lake, f"marts.{mart}_by_{level}_v1")
                connection.execute(
                    f"CREATE OR REPLACE VIEW ours AS SELECT metric_name, {level}_id AS entity_id, sample_date, amount FROM read_parquet({files})"
                )
                connection.execute(
                    f"CREATE OR REPLACE VIEW plain AS SELECT metric_name, entity_id, sample_date, amount"
                    f" FROM read_parquet('{out}/{plain}_{level}.parquet') WHERE amount IS NOT NULL"
                )
                rows = connection.execute(
                    "SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM plain), (SELECT sum(amount) FROM ours), (SELECT sum(amount) FROM plain),"
                    " (SELECT count(*) FROM (FROM ours EXCEPT ALL FROM plain)), (SELECT count(*) FROM (FROM plain EXCEPT ALL FROM ours))"
                ).fetchone()
                assert rows is not None
                both = f"ours {rows[0]:,} rows, sum {rows[2]:,.0f}; plain {rows[1]:,} rows, sum {rows[3]:,.0f}"
                say(f"  {mart} by {level}: {both}; only ours {rows[4]}, only plain {rows[5]}")
                is_equal = is_equal and rows[4] == rows[5] == 0
    return is_equal


def main() -> None:
    """Run both, compare, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    world = make_world(asked.events, asked.days, asked.projects)
    say_head(f"from files to a release, {asked.events:,} events over {asked.days} days, {asked.projects} projects")
    ours, plain = [], []
    for _ in range(asked.repeats):
        lake, out = fresh_folder("lake"), fresh_folder("plain")
        name_sources(lake, world, asked.days, history=False, git=False)
        ours.append(seconds_of(lambda lake=lake: subprocess.run([OSSLAKE, "--lake", str(lake), "run"], check=True)))
        done: list[int] = []
        plain.append(seconds_of(lambda out=out, done=done: done.append(in_own_process(run_plain, world, out).peak_bytes)))
        say(f"  ours {ours[-1]:.2f} s; plain {plain[-1]:.2f} s, peak of the plain script {size(done[0])}")
    say(f"values equal: {'yes' if compare(lake, out) else 'NO'}")
    judge("ours / plain", median(ours) / median(plain), 2, at_most=True)


if __name__ == "__main__":
    main()
