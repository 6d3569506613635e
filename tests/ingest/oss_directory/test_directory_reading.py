"""Loads of a directory: plain, of git's newest state, with history."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from directorywriter import DirectoryWriter, github, project, read, rows

from catalog.errors import SettingsError, SourceFormatError, SourceMissingError
from catalog.raw_tables import RAW_TABLES
from ingest.loads import Replaced
from ingest.oss_directory import directory_load_id, directory_name, read_directory

HUB = "https://github.com/"
COLLECTION = "version: 7\nname: all\ndisplay_name: All\nprojects:\n  - tulip\n"


def at(seconds: int | None) -> datetime | None:
    """Return a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def spans(listed: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    """Return columns with validity as seconds, in order."""

    def seconds(time: datetime | None) -> float | None:
        return time.timestamp() if time else None

    found = [(*(row[name] for name in columns), seconds(row["valid_from"]), seconds(row["valid_to"])) for row in listed]
    return sorted(found, key=lambda span: tuple(str(part) for part in span))


def test_a_plain_folder_has_no_times_and_no_commit(directory: DirectoryWriter) -> None:
    """A folder without git gives its newest state under its own name; a README among the YAML is ignored."""
    directory.write(
        {
            "projects/t/tulip.yaml": project("tulip", github(HUB + "Tulip/Bulb")),
            "projects/README.md": "# Not YAML: at all",
            "projects/t/notes.txt": "x",
            "collections/all.yaml": COLLECTION,
            "elsewhere/other.yaml": project("other"),
        }
    )
    load = read(directory.folder, position=3)
    projects, entries, collections = (rows(load, name) for name in ("projects", "entries", "collections"))
    assert [row["project_name"] for row in projects] == ["tulip"]
    assert [row["collection_name"] for row in collections] == ["all"]
    for row in (*projects, *entries, *collections):
        assert (row["directory"], row["directory_position"]) == ("own", 3)
        assert row["valid_from"] is row["valid_to"] is row["directory_commit"] is None
    assert (entries[0]["_source_file"], entries[0]["_source_line"]) == ("data/projects/t/tulip.yaml", 5)
    assert (load.files, load.rejected) == (2, {})


def test_tables_have_the_declared_columns(directory: DirectoryWriter) -> None:
    """Each table has the columns that the catalog declares, but for the loader's; projects, the cursor, come last."""
    directory.write({"projects/t/tulip.yaml": project("tulip")})
    load = read(directory.folder)
    declared = {dataset.name: dataset.column_names for dataset in RAW_TABLES}
    assert [*load.tables][-1] == "oss_directory__projects"
    assert len(load.tables) == 4
    for name, table in load.tables.items():
        assert table.column_names == [column for column in declared[name] if column not in ("_load_id", "_loaded_at")]


def test_git_s_newest_state_is_that_of_head(directory: DirectoryWriter) -> None:
    """Without history rows bear HEAD and no times; what isn't committed, and links, play no part."""
    directory.commit(1000, {"projects/t/tulip.yaml": project("tulip")})
    (directory.folder / "data" / "projects" / "t" / "link.yaml").symlink_to("tulip.yaml")
    head = directory.commit(2000, {"projects/q/quarry.yaml": project("quarry")})
    directory.write({"projects/d/draft.yaml": project("draft")})
    found = rows(read(directory.folder), "projects")
    assert {row["project_name"] for row in found} == {"tulip", "quarry"}
    assert {(row["valid_from"], row["directory_commit"]) for row in found} == {(None, head)}


def test_every_version_of_a_file_is_a_row(directory: DirectoryWriter) -> None:
    """Versions follow each other from commit to commit; a deleted one ends, one that comes back begins anew."""
    path = "projects/t/tulip.yaml"
    commits = [
        directory.commit(1000, {path: project("tulip"), "collections/all.yaml": COLLECTION}),
        directory.commit(2000, {path: project("tulip", "description: new")}),
        directory.commit(3000, {path: None}),
        directory.commit(4000, {path: project("tulip")}),
    ]
    load = read(directory.folder, history=True)
    assert spans(rows(load, "projects"), "description", "directory_commit") == [
        (None, *pair) for pair in sorted([(commits[0], 1000, 2000), (commits[3], 4000, None)])
    ] + [("new", commits[1], 2000, 3000)]
    assert spans(rows(load, "collections"), "collection_name", "directory_commit") == [("all", commits[0], 1000, None)]


def test_an_entry_that_stays_is_one_row(directory: DirectoryWriter) -> None:
    """An entry has one row per uninterrupted time: commit, file and line are of its first listing, tags the newest."""
    path = "projects/t/tulip.yaml"
    chain = ["blockchain:", f"  - address: '0x{1:040x}'", "    networks: [base]"]
    first = directory.commit(1000, {path: project("tulip", github(HUB + "a/b", HUB + "a/c"), *chain, "    tags: [eoa]")})
    directory.commit(2000, {path: project("tulip", "description: x", github(HUB + "a/b"), *chain, "    tags: [safe]")})
    third = directory.commit(3000, {path: project("tulip", github(HUB + "a/c", HUB + "a/b"))})
    entries = rows(read(directory.folder, history=True), "entries")
    assert spans(entries, "artifact_key", "directory_commit") == sorted(
        [
            (f"0x{1:040x}", first, 1000, 3000),
            ("a/b", first, 1000, None),
            ("a/c", first, 1000, 2000),
            ("a/c", third, 3000, None),
        ],
        key=lambda span: tuple(map(str, span)),
    )
    kept = next(row for row in entries if row["artifact_key"] == "a/b")
    assert (kept["_source_file"], kept["_source_line"]) == (f"data/{path}", 5)
    assert next(row["tags"] for row in entries if row["field"] == "blockchain") == ["safe"]


def test_duplicates_within_a_project_are_one_row_per_text(directory: DirectoryWriter) -> None:
    """The same text twice is one row, on its first line; another spelling of the same artifact is a row of its own."""
    directory.write({"projects/t/t.yaml": project("t", github(HUB + "a/b", HUB + "A/B/", HUB + "a/b"))})
    entries = rows(read(directory.folder), "entries")
    assert [(row["listed_as"], row["artifact_key"], row["_source_line"]) for row in entries] == [
        (HUB + "a/b", "a/b", 5),
        (HUB + "A/B/", "a/b", 6),
    ]


def test_an_artifact_may_stand_in_two_projects(directory: DirectoryWriter) -> None:
    """Both projects keep the entry."""
    directory.write({f"projects/{name}/{name}.yaml": project(name, github(HUB + "a/b")) for name in ("p", "q")})
    assert [row["project_name"] for row in rows(read(directory.folder), "entries")] == ["p", "q"]


def test_a_renamed_project_ends_and_another_begins(directory: DirectoryWriter) -> None:
    """A renamed file is a deleted project and a new one; its entries follow it."""
    directory.commit(1000, {"projects/o/old.yaml": project("old", github(HUB + "a/b"))})
    directory.commit(2000, {"projects/o/old.yaml": None, "projects/n/new.yaml": project("new", github(HUB + "a/b"))})
    load = read(directory.folder, history=True)
    expected = [("new", 2000, None), ("old", 1000, 2000)]
    assert spans(rows(load, "projects"), "project_name") == spans(rows(load, "entries"), "project_name") == expected


def test_a_file_that_moves_keeps_its_entries(directory: DirectoryWriter) -> None:
    """Moved to another folder, or to another case, a project goes on under its slug, its entries without a break."""
    text = project("gm", github(HUB + "a/b"))
    directory.commit(1000, {"projects/g/GM.yaml": text})
    directory.commit(2000, {"projects/g/GM.yaml": None, "projects/0/gm.yaml": text})
    load = read(directory.folder, history=True)
    assert spans(rows(load, "projects"), "project_name") == [("gm", 1000, 2000), ("gm", 2000, None)]
    assert spans(rows(load, "entries"), "project_name") == [("gm", 1000, None)]


def test_of_two_files_with_one_slug_the_first_is_read(directory: DirectoryWriter) -> None:
    """The other is rejected while both are there, and read when it is alone."""
    directory.commit(1000, {"projects/a/x.yaml": project("x", "description: a"), "projects/b/x.yaml": project("x", "description: b")})
    directory.commit(2000, {"projects/a/x.yaml": None})
    load = read(directory.folder, history=True)
    assert spans(rows(load, "projects"), "description") == [("a", 1000, 2000), ("b", 2000, None)]
    assert [(row["reason"], row["_source_file"]) for row in rows(load, "rejected")] == [("duplicate_name", "data/projects/b/x.yaml")]


def test_times_that_go_back_never_end_a_version_before_it_begins(directory: DirectoryWriter) -> None:
    """A commit dated before its parent counts as made at its parent's time."""
    path = "projects/t/t.yaml"
    for seconds, word in ((5000, "one"), (4000, "two"), (6000, "three")):
        directory.commit(seconds, {path: project("t", f"description: {word}", github(HUB + "a/b"))})
    load = read(directory.folder, history=True)
    assert spans(rows(load, "projects"), "description") == [
        ("one", 5000, 5000),
        ("three", 6000, None),
        ("two", 5000, 6000),
    ]
    assert spans(rows(load, "entries"), "artifact_key") == [("a/b", 5000, None)]


def test_merged_branches_count_when_they_are_merged(directory: DirectoryWriter) -> None:
    """History is the first-parent line: what a branch did holds from the merge on."""
    directory.commit(1000, {"projects/a/a.yaml": project("a")})
    directory.git("checkout", "--quiet", "-b", "side")
    directory.commit(2000, {"projects/b/b.yaml": project("b")})
    directory.git("checkout", "--quiet", "main")
    directory.commit(3000, {"projects/c/c.yaml": project("c")})
    directory.git("merge", "--quiet", "--no-ff", "-m", "merge", "side", seconds=4000)
    found = spans(rows(read(directory.folder, history=True), "projects"), "project_name")
    assert found == [("a", 1000, None), ("b", 4000, None), ("c", 3000, None)]


def test_a_version_that_is_broken_is_rejected_once(directory: DirectoryWriter) -> None:
    """While a file is no YAML its project has no row; a wrong entry that stays through versions is one rejected row."""
    path, bad = "projects/t/t.yaml", "https://ophis-fi"
    first = directory.commit(1000, {path: project("t", github(bad, HUB + "a/b"))})
    directory.commit(2000, {path: "a: b: c\n"})
    directory.commit(3000, {path: project("t", "description: x", github(bad, HUB + "a/b"))})
    load = read(directory.folder, history=True)
    assert spans(rows(load, "projects"), "project_name") == [("t", 1000, 2000), ("t", 3000, None)]
    assert spans(rows(load, "entries"), "artifact_key") == [("a/b", 1000, 2000), ("a/b", 3000, None)]
    rejected = rows(load, "rejected")
    assert load.rejected == {"wrong_host": 1, "not_yaml": 1}
    assert first in next(row["message"] for row in rejected if row["reason"] == "wrong_host")


def test_names_of_files_may_have_any_letters(directory: DirectoryWriter) -> None:
    """A slug with letters beyond ASCII comes through."""
    directory.commit(1000, {"projects/f/fun\u2011token.yaml": project("fun")})
    assert rows(read(directory.folder, history=True), "projects")[0]["project_name"] == "fun\u2011token"
    assert rows(read(directory.folder), "projects")[0]["project_name"] == "fun\u2011token"


def test_all_kinds_of_addresses_give_the_same_rows(directory: DirectoryWriter, tmp_path: Path) -> None:
    """Work tree, bare clone, URL and bundle, with HEAD in it or not, give the same rows under their own names."""
    directory.commit(1000, {"projects/t/t.yaml": project("t", github(HUB + "a/b"))})
    directory.commit(2000, {"projects/t/t.yaml": project("t"), "projects/u/u.yaml": "a: b: c"})
    directory.git("bundle", "create", str(tmp_path / "whole.bundle"), "HEAD", "main")
    directory.git("bundle", "create", str(tmp_path / "branch.bundle"), "main")
    subprocess.run(["git", "clone", "--quiet", "--bare", directory.folder, tmp_path / "bare.git"], check=True, capture_output=True)
    addresses = [
        tmp_path / "bare.git",
        f"file://{directory.folder}",
        tmp_path / "whole.bundle",
        tmp_path / "branch.bundle",
    ]
    for history in (False, True):
        expected = {
            name: table.drop_columns("directory") if "directory" in table.column_names else table
            for name, table in read(directory.folder, history=history).tables.items()
        }
        for address in addresses:
            load = read(address, history=history)
            assert {
                name: table.drop_columns("directory") if "directory" in table.column_names else table for name, table in load.tables.items()
            } == expected
    assert [directory_name(str(address)) for address in addresses] == ["bare.git", "own", "whole", "branch"]


def test_the_name_is_the_remote_s_address(directory: DirectoryWriter) -> None:
    """A clone is called after its remote, without credentials; never after a path of this machine."""
    directory.commit(1000, {"projects/t/t.yaml": project("t")})
    directory.git("config", "remote.origin.url", "/somewhere/else")
    assert directory_name(str(directory.folder)) == "own"
    directory.git("config", "remote.origin.url", "https://me:token@GitHub.com/Some/Directory.git")
    assert rows(read(directory.folder), "projects")[0]["directory"] == "https://github.com/some/directory"


def test_nothing_new_is_no_load(directory: DirectoryWriter) -> None:
    """A directory in the state that is known makes no load, and its id can be told without reading it."""
    directory.commit(1000, {"projects/t/t.yaml": project("t")})
    for history in (False, True):
        load = read(directory.folder, history=history)
        known = {"position": 0, "history": history, "known_load_id": load.id}
        assert read_directory(str(directory.folder), **known) is None
        assert directory_load_id(str(directory.folder), **known) == load.id
        assert load.id == directory_load_id(str(directory.folder), position=0, history=history)


def test_a_load_replaces_the_directory_s_rows(directory: DirectoryWriter) -> None:
    """All rows of the directory go in the same commits, and the rejected ones of the load before."""
    directory.write({"projects/t/t.yaml": project("t")})
    first = read(directory.folder)
    own = Replaced("directory", frozenset({"own"}))
    tables = ("oss_directory__entries", "oss_directory__collections", "oss_directory__projects")
    assert first.replaces == dict.fromkeys(tables, own)
    directory.write({"projects/t/t.yaml": project("t", "description: x")})
    second = read(directory.folder, known_load_id=first.id)
    assert second.replaces == {**dict.fromkeys(tables, own), "rejected": Replaced("_load_id", frozenset({first.id}))}


def test_a_state_that_comes_back_is_a_load_of_its_own(directory: DirectoryWriter) -> None:
    """Changed, changed back, and changed again, each state is news and has an id of its own; told twice, the same."""
    ids: list[str] = []
    for word in ("one", "two", "one", "two"):
        directory.write({"projects/t/t.yaml": project("t", f"description: {word}")})
        known = ids[-1] if ids else None
        ids.append(read(directory.folder, known_load_id=known).id)
        assert ids[-1] == read(directory.folder, known_load_id=known).id
    assert len(set(ids)) == 4
    assert read(directory.folder, known_load_id=ids[-1], position=1).id not in ids


def test_what_can_t_be_read_is_told_clearly(directory: DirectoryWriter, tmp_path: Path) -> None:
    """No folder, a file, a folder without data, and the history of a plain folder each have their message."""
    directory.write({"projects/t/t.yaml": project("t")})
    (tmp_path / "bare").mkdir()
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "broken.bundle").write_bytes(b"# v2 git bundle\nnonsense\n")
    for address, error, words in (
        (tmp_path / "absent", SourceMissingError, "no folder"),
        (tmp_path / "file.txt", SourceFormatError, "neither a folder nor a git bundle"),
        (tmp_path / "bare", SourceFormatError, "no YAML files in data/projects"),
        (tmp_path / "broken.bundle", SourceFormatError, "broken.bundle"),
    ):
        with pytest.raises(error, match=words):
            read(address)
    with pytest.raises(SettingsError, match="--history"):
        read(directory.folder, history=True)


def test_a_directory_without_a_project_is_refused(directory: DirectoryWriter) -> None:
    """Where no project is left, or none can be read, nothing takes the place of what was loaded: the next load could not know of this one."""
    directory.write({"collections/c.yaml": "version: 7\nname: c\ndisplay_name: C\nprojects: []\n"})
    with pytest.raises(SourceFormatError, match="has no project that can be read; what was loaded"):
        read(directory.folder)
    directory.write({"projects/t/t.yaml": "{"})
    with pytest.raises(SourceFormatError, match=r"has no project that can be read \(rejected: not_yaml 1\)"):
        read(directory.folder)


def test_a_shallow_clone_has_no_history(directory: DirectoryWriter, tmp_path: Path) -> None:
    """A shallow clone gives its newest state; its history is refused, since it would begin too late."""
    for seconds in (1000, 2000):
        directory.commit(seconds, {"projects/t/t.yaml": project("t", f"description: {seconds}")})
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{directory.folder}", tmp_path / "shallow"],
        check=True,
        capture_output=True,
    )
    assert len(rows(read(tmp_path / "shallow"), "projects")) == 1
    with pytest.raises(SourceFormatError, match="shallow"):
        read(tmp_path / "shallow", history=True)
