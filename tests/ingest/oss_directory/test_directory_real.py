"""The real OSS Directory: its newest state as a folder, and its whole history as the lake of the recorded data has it, from a bundle."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from directorywriter import read, real_file, rows
from end_to_end import recorded
from end_to_end.lakes import Lake, open_shelf

from ingest.loads import Load

Rows = dict[str, list[dict[str, Any]]]
TABLES = ("projects", "collections", "entries")
_OF_HISTORY = ("directory", "valid_from", "valid_to", "directory_commit", "_source_file", "_source_line")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the newest state."""
    path = tmp_path_factory.mktemp("real")
    with tarfile.open(real_file("oss-directory-c174b9a.tar.xz")) as archive:
        archive.extractall(path, filter="data")
    return next(file.parents[1] for file in path.rglob("projects") if file.parent.name == "data")


@pytest.fixture(scope="module")
def newest(folder: Path) -> Load:
    """Return the load of the newest state."""
    return read(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Lake:
    """Return the lake that has the whole history."""
    shelf = open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)
    return recorded.Recorded(shelf.once("recorded", lambda folder: recorded.build(folder, shared_data))).lake


@pytest.fixture(scope="module")
def newest_rows(newest: Load) -> Rows:
    """Return the rows of the newest state by table."""
    return {table: rows(newest, table) for table in TABLES}


@pytest.fixture(scope="module")
def whole_rows(whole: Lake, newest: Load) -> Rows:
    """Return the rows of the whole history by table, of the columns that a load has."""
    columns = {table: ", ".join(newest.tables[f"oss_directory__{table}"].column_names) for table in TABLES}
    return {table: whole.query(f"SELECT {columns[table]} FROM raw.oss_directory__{table}").to_pylist() for table in TABLES}


@pytest.fixture(scope="module")
def plain(folder: Path) -> list[dict[str, Any]]:
    """Return the projects as a YAML library reads them, without any code of ours."""
    return [yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) for file in sorted((folder / "data/projects").rglob("*.yaml"))]


def test_all_projects_and_collections_are_there(newest_rows: Rows, whole_rows: Rows) -> None:
    """7,112 projects and 117 collections stand in the newest state and at the end of the history."""
    for found in (newest_rows, whole_rows):
        for table, count in (("projects", 7112), ("collections", 117)):
            assert sum(row["valid_to"] is None for row in found[table]) == count


@pytest.mark.parametrize("table", TABLES)
def test_the_history_ends_at_the_newest_state(newest_rows: Rows, whole_rows: Rows, table: str) -> None:
    """The rows that still hold are those of the newest state, column by column."""

    def holding(found: Rows) -> Counter[str]:
        held = (row for row in found[table] if row["valid_to"] is None)
        return Counter(str({name: value for name, value in row.items() if name not in _OF_HISTORY}) for row in held)

    assert holding(newest_rows) == holding(whole_rows)


def test_github_urls_are_those_of_a_plain_count(newest_rows: Rows, plain: list[dict[str, Any]]) -> None:
    """24,354 URLs stand in the files; each that differs within its project is an entry, but for one without a host."""
    urls = [(project["name"], entry["url"]) for project in plain for entry in project.get("github") or []]
    assert len(urls) == 24_354
    listed = {(row["project_name"], row["listed_as"]) for row in newest_rows["entries"] if row["field"] == "github"}
    assert set(urls) - listed == {("ophis", "https://ophis-fi")}
    assert listed <= set(urls)


def test_addresses_are_those_of_a_plain_count(newest_rows: Rows, plain: list[dict[str, Any]]) -> None:
    """23,538 addresses are listed, on the networks that the files name; three more are no addresses."""
    listed = [(entry, network) for project in plain for entry in project.get("blockchain") or [] for network in entry["networks"]]
    good = {(network.upper(), entry["address"].strip().lower()) for entry, network in listed if len(entry["address"].strip()) == 42}
    found = {(row["artifact_source"], row["artifact_key"]) for row in newest_rows["entries"] if row["field"] == "blockchain"}
    assert found == good
    assert len({key for _, key in found}) == 23_538
    assert len({entry["address"] for entry, _ in listed if len(entry["address"].strip()) != 42}) == 3


def test_some_artifacts_stand_in_several_projects(newest_rows: Rows) -> None:
    """One GitHub owner and 26 addresses belong to more than one project, and none is lost."""
    for field, count in (("github", 1), ("blockchain", 26)):
        projects: dict[str, set[str]] = {}
        for row in newest_rows["entries"]:
            if row["field"] == field:
                projects.setdefault(row["artifact_key"], set()).add(row["project_name"])
        assert sum(len(names) > 1 for names in projects.values()) == count


def test_what_is_rejected_is_known(newest: Load, whole: Lake) -> None:
    """The newest state has 4 entries that name nothing, the history 24 parts that did not fit, each with its reason."""
    assert newest.rejected == {"bad_address": 3, "wrong_host": 1}
    assert dict(whole.rows("SELECT reason, count(*) FROM raw.rejected WHERE source = 'oss_directory' GROUP BY ALL")) == {
        "bad_address": 9,
        "wrong_host": 5,
        "not_yaml": 3,
        "unknown_field": 3,
        "not_an_artifact": 2,
        "duplicate_name": 1,
        "missing_field": 1,
    }


def test_validity_never_overlaps(whole_rows: Rows) -> None:
    """The versions of a project, and the listings of an entry in it, follow each other and never overlap."""
    names = ("project_name", "field", "listed_as", "artifact_source", "artifact_key")
    for table, columns in (("projects", names[:1]), ("entries", names)):
        spans: dict[tuple[str, ...], list[tuple[Any, Any]]] = {}
        for row in whole_rows[table]:
            spans.setdefault(tuple(row[name] for name in columns), []).append((row["valid_from"], row["valid_to"]))
        for held in spans.values():
            held.sort(key=lambda span: span[0])
            assert all(start <= end <= after for (start, end), (after, _) in pairwise(held))
            assert all(end is not None for _, end in held[:-1])


def test_odd_entries_come_through(newest_rows: Rows, whole_rows: Rows) -> None:
    """An npm URL under crates, GitLab under github, hex without quotes and a trailing blank come through right."""
    crates = [row for row in newest_rows["entries"] if row["field"] == "crates" and row["artifact_source"] == "NPM"]
    assert [row["artifact_key"] for row in crates] == ["@pulseai/sdk"]
    keys = {(row["artifact_source"], row["artifact_key"]) for row in whole_rows["entries"]}
    assert ("GITLAB", "b4b-world/b4b-contracts") in keys
    assert ("OPTIMISM", "0x166d4400e49535ea8ab61d4a5800791d766c7603") in keys
    assert ("BASE", "0x327df1e6de05895d2ab08513aadd9313fe505d86") in keys
    assert ("GITHUB", "qstn-us") in keys
    collections = {row["collection_name"]: row["project_names"] for row in newest_rows["collections"]}
    assert collections["solana-crypto-ecosystems"].count("renproject") == 2
