"""A lake of two small releases, and what it is to show one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from small_lake import GAPS, SERIES, SmallLake

from bigquery.datasets import Dataset, digest_of_rows
from bigquery.reader import names
from catalog.releases import Release
from lakehouse.publications.changes import public_tables


@dataclass
class Small:
    """A lake of two releases: the second changes one of two months, and a table without partitions."""

    lake: SmallLake
    releases: list[Release]


def make_small(folder: Path) -> Small:
    """Make the lake, with a settings file."""
    lake = SmallLake(folder).fill()
    (folder / "osslake.toml").write_text('dataset = "small-lake"\n')
    releases = [lake.release()]
    lake.write(SERIES, [(date(2024, 2, 2), 2 / 3, "Grüße"), (date(2024, 2, 3), 1e100, "'"), (date(2024, 2, 4), 0.1 + 0.2, "")])
    lake.write(GAPS, [("a storm",), (None,)])
    return Small(lake, [*releases, lake.release()])


def check_shows(dataset: Dataset, release: Release) -> None:
    """Check that a dataset shows a release: rows, row of `releases`, labels, and nothing beside."""
    assert dataset.shown is not None
    assert dataset.shown.id == release.id
    for table in public_tables(release):
        found = digest_of_rows(dataset, table)
        assert (table.name, found.row_count, found.hex) == (table.name, table.row_count, table.content_digest)
        assert dataset.table(table.name).labels["release"] == release.id[:23]
    assert dataset.tables == {"releases", *names(release)}
    assert dataset.rows("SELECT COUNT(*) FROM `{d}.releases` WHERE is_shown") == [(1,)]
