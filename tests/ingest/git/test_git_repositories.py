"""Loads of a repository: whole, incremental, replaced, refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gitwriter import Writer

from catalog.errors import SettingsError, SourceFormatError, SourceMissingError
from catalog.raw_tables import RAW_TABLES
from ingest.git import KnownRepository, identify_repository, read_repository
from ingest.loads import Load, Replaced

KEY = b"key"
URL = "https://github.com/owner/name"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Load | None]:
    """Return what reads a repository under the tests' key and cache."""

    def read_with(address: object, **options: Any) -> Load | None:
        return read_repository(str(address), author_key=KEY, cache=tmp_path / "cache", **options)

    return read_with


def known_by(load: Load) -> KnownRepository:
    """Return what the lake knows after a load."""
    row = load.tables["git__repositories"].to_pylist()[0]
    return KnownRepository(row["head_sha"], row["commit_count"], load.id)


def commits(load: Load) -> list[dict[str, Any]]:
    """Return the rows of git__commits, oldest first."""
    return load.tables["git__commits"].to_pylist()[::-1]


def test_tables_have_the_declared_columns(writer: Writer, read: Callable[..., Load]) -> None:
    """Each table has the columns that the catalog declares, in order, but for those that the loader adds."""
    writer.commit({b"a": b"1\n"})
    load = read(writer.folder)
    declared = {dataset.name: list(dataset.column_names) for dataset in RAW_TABLES}
    assert [*load.tables] == ["git__commits", "rejected", "git__repositories"]
    for name, table in load.tables.items():
        assert table.column_names == [column for column in declared[name] if column not in ("_load_id", "_loaded_at")]


def test_a_commit_row_holds_what_git_knows(writer: Writer, read: Callable[..., Load]) -> None:
    """Times with their offsets, both people, parents, counts and trailers are as they were committed."""
    first = writer.commit({b"a": b"1\n"})
    writer.commit(
        {b"a": b"1\n2\n"},
        author=b"Octo <7+Octo@users.noreply.github.com> 1600000000 -0330",
        committer=b"GitHub <noreply@github.com> 1600003600 +0000",
        message=b"Subject\n\nBody.\n\nCo-authored-by: Jane <Jane.Doe@Example.org>\n",
    )
    row = commits(read(writer.folder))[1]
    assert row["authored_at"] == datetime.fromtimestamp(1600000000, UTC)
    assert (row["authored_offset_minutes"], row["committed_offset_minutes"]) == (-210, 0)
    assert row["committed_at"] == datetime.fromtimestamp(1600003600, UTC)
    assert (row["author_name"], row["author_account_id"], row["author_login"]) == ("Octo", 7, "octo")
    assert (row["committer_name"], row["committer_account_id"], row["committer_login"]) == ("GitHub", None, None)
    assert (row["parents"], row["files_changed"], row["additions"], row["deletions"]) == ([first], 1, 1, 0)
    jane = f"{hashlib.sha1(b'jane.doe').hexdigest()}@example.org"
    assert row["co_authors"] == [hmac.new(KEY, jane.encode(), hashlib.sha256).hexdigest()]
    assert row["trailers"] == [f"Co-authored-by: Jane <{jane}>"]
    assert (row["repository_url"], row["repository_host"], row["repository_name"]) == (URL, "github.com", "owner/name")
    assert (row["_source_file"], row["_source_line"]) == (URL, 0)


def test_no_local_part_is_in_any_column(writer: Writer, read: Callable[..., Load]) -> None:
    """An address planted in names, addresses, trailers and a rejected commit is nowhere in clear."""
    planted = b"planted.local@example.org"
    person, message = b"%b <%b>" % (planted, planted), b"S\n\nSigned-off-by: <%b>\n" % planted
    writer.commit(author=person + b" 1600000000 +0000", message=message)
    writer.commit_raw(person + b" 99999999999999 +0000", person + b" 1600000000 +0000", message)
    load = read(writer.folder)
    text = json.dumps([table.to_pylist() for table in load.tables.values()], default=str)
    assert "planted.local" not in text
    assert hashlib.sha1(b"planted.local").hexdigest() in text
    assert load.rejected == {"bad_time": 1}


def test_new_commits_are_added_to_the_known_ones(writer: Writer, read: Callable[..., Load]) -> None:
    """A second read brings only the new commits, replaces only the repository's own row, and counts all."""
    writer.commit({b"a": b"1\n"})
    first = read(writer.folder)
    new = [writer.commit({b"a": b"%d\n" % number}) for number in (2, 3)]
    second = read(writer.folder, known=known_by(first))
    assert [row["sha"] for row in commits(second)] == new
    assert second.replaces == {"git__repositories": Replaced("repository_url", frozenset({URL}))}
    cursor = second.tables["git__repositories"].to_pylist()[0]
    assert (cursor["commit_count"], cursor["head_sha"], cursor["head_ref"]) == (3, new[-1], "main")
    assert second.id != first.id


def test_an_unmoved_head_is_no_load(writer: Writer, read: Callable[..., Load]) -> None:
    """Where HEAD is at the known commit nothing is read."""
    writer.commit({b"a": b"1\n"})
    assert read(writer.folder, known=known_by(read(writer.folder))) is None


def test_a_rewritten_history_replaces_all(writer: Writer, read: Callable[..., Load]) -> None:
    """Where the known head is no ancestor, or is gone, all rows of the repository are replaced in the same load."""
    writer.commit({b"a": b"1\n"})
    writer.commit({b"a": b"2\n"})
    known = known_by(read(writer.folder))
    writer.git("update-ref", "refs/heads/main", "main~1")
    writer.commit({b"a": b"other\n"})
    for base in (known, KnownRepository("0" * 40, 2, known.load_id)):
        load = read(writer.folder, known=base)
        assert len(commits(load)) == load.tables["git__repositories"].to_pylist()[0]["commit_count"] == 2
        assert load.replaces["git__commits"] == Replaced("repository_url", frozenset({URL}))
        assert load.replaces["rejected"] == Replaced("_source_file", frozenset({URL}))


def test_a_history_that_comes_back_is_a_load_of_its_own(writer: Writer, read: Callable[..., Load]) -> None:
    """Moved away and back again, twice, a repository makes a new load id each time; read again, the same one."""
    writer.commit({b"a": b"1\n"})
    one = writer.commit({b"a": b"2\n"})
    writer.git("update-ref", "refs/heads/main", "main~1")
    two = writer.commit({b"a": b"other\n"})
    ids, known = [], None
    for head in (one, two, one, two):
        writer.git("update-ref", "refs/heads/main", head)
        load = read(writer.folder, known=known)
        assert load.id == read(writer.folder, known=known).id
        ids.append(load.id)
        known = known_by(load)
    assert len(set(ids)) == 4


def test_commits_with_impossible_times_are_rejected(writer: Writer, read: Callable[..., Load]) -> None:
    """Times before 1970, after 9998 or missing are rejected; odd offsets are null; all are counted."""
    ok = b"A <a@x.org> 1600000000 +0000"
    writer.commit({b"a": b"1\n"}, author=b"A <a@x.org> 0 +0000", committer=b"A <a@x.org> 253370764799 +1400")
    bad = [
        writer.commit_raw(b"A <a@x.org> -5 +0000", ok),
        writer.commit_raw(ok, b"A <a@x.org> 253370764800 +0000"),
        writer.commit_raw(b"A <a@x.org>", ok),
        writer.commit_raw(b"A <a@x.org> 18446744073709551615 +0000", ok),
    ]
    writer.commit_raw(b"A <a@x.org> 1600000000 +99999", ok)
    load = read(writer.folder)
    rejected = load.tables["rejected"].to_pylist()
    assert [json.loads(row["record"])["sha"] for row in rejected][::-1] == bad
    assert {row["reason"] for row in rejected} == {"bad_time"}
    assert [row["field"] for row in rejected][::-1] == ["authored_at", "committed_at", "authored_at", "authored_at"]
    assert [row["authored_offset_minutes"] for row in commits(load)] == [0, None]
    assert commits(load)[0]["committed_at"] == datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert load.tables["git__repositories"].to_pylist()[0]["commit_count"] == 6 == len(commits(load)) + len(rejected)


def test_only_commits_that_head_reaches_are_read(writer: Writer, read: Callable[..., Load]) -> None:
    """Commits of other branches are left out; those of a merged one are in; a detached HEAD has no branch."""
    reached = {writer.commit({b"a": b"1\n"})}
    writer.git("branch", "merged", "main")
    writer.git("branch", "other", "main")
    reached.add(writer.commit({b"b": b"1\n"}, branch="merged"))
    writer.commit({b"c": b"1\n"}, branch="other")
    reached.add(writer.commit({b"b": b"1\n"}, merged="merged"))
    assert {row["sha"] for row in commits(read(writer.folder))} == reached
    writer.git("update-ref", "--no-deref", "HEAD", writer.git("rev-parse", "main"))
    assert read(writer.folder).tables["git__repositories"].to_pylist()[0]["head_ref"] is None


def test_the_repository_is_named_by_argument_url_or_origin(new_writer: Callable[..., Writer], read: Callable[..., Load]) -> None:
    """--repository wins over the clone's origin; without either the message asks for it."""
    named, unnamed = new_writer("a.git", "git@gitlab.com:Group/Name.git"), new_writer("b.git", "/srv/mirror/b.git")
    assert identify_repository(str(named.folder)).url == "https://gitlab.com/Group/Name"
    assert identify_repository(str(unnamed.folder), repository="https://u:p@Example.org/B.git").url == "https://example.org/B"
    assert identify_repository("https://github.com/A/B").name == "a/b"
    for wrong in ({}, {"repository": "not an address"}):
        with pytest.raises(SettingsError, match="--repository"):
            read(unnamed.folder, **wrong)


def test_what_can_t_be_read_is_told_clearly(tmp_path: Path, new_writer: Callable[..., Writer], read: Callable[..., Load]) -> None:
    """A missing or plain folder, a file, no commits, and a HEAD that leads nowhere each have their message."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("x")
    empty, dangling = new_writer("empty.git", URL), new_writer("dangling.git", URL)
    dangling.commit({b"a": b"1\n"}, branch="trunk")
    with pytest.raises(SourceMissingError, match="no folder"):
        read(tmp_path / "absent")
    for folder, words in (
        (tmp_path / "plain", "not a git repository"),
        (tmp_path / "file", "neither"),
        (empty.folder, "has no commits"),
        (dangling.folder, "refs/heads/main.*its branches are trunk"),
    ):
        with pytest.raises(SourceFormatError, match=words):
            read(folder)


def test_a_folder_inside_a_repository_is_none(tmp_path: Path, writer: Writer, read: Callable[..., Load]) -> None:
    """A folder that merely lies in somebody's work tree is not read as that repository."""
    writer.commit({b"inner/a": b"1\n"})
    subprocess.run(["git", "clone", "--quiet", writer.folder, tmp_path / "tree"], check=True, capture_output=True)
    assert commits(read(tmp_path / "tree", repository=URL))
    assert commits(read(tmp_path / "tree" / ".git", repository=URL))
    with pytest.raises(SourceFormatError, match="not a git repository"):
        read(tmp_path / "tree" / "inner", repository=URL)


def test_shallow_and_partial_clones_are_refused(tmp_path: Path, writer: Writer, read: Callable[..., Load]) -> None:
    """A shallow clone is refused with how to complete it, and completed it is read; a partial clone is refused."""
    writer.git("config", "uploadpack.allowFilter", "true")
    for number in range(3):
        writer.commit({b"a": b"%d\n" % number})
    for name, option in (("shallow", "--depth=1"), ("partial", "--filter=blob:none")):
        command = ["git", "clone", "--quiet", option, f"file://{writer.folder}", tmp_path / name]
        subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(SourceFormatError, match="git fetch --unshallow"):
        read(tmp_path / "shallow", repository=URL)
    with pytest.raises(SourceFormatError, match="--filter"):
        read(tmp_path / "partial", repository=URL)
    subprocess.run(["git", "fetch", "--unshallow"], cwd=tmp_path / "shallow", check=True, capture_output=True)
    assert len(commits(read(tmp_path / "shallow", repository=URL))) == 3


def test_a_url_is_fetched_into_the_cache_and_updated(tmp_path: Path, writer: Writer, read: Callable[..., Load]) -> None:
    """A URL gives the rows that the repository itself gives; later reads fetch what is new, into the same folder."""
    address = f"file://{writer.folder}"
    writer.commit({b"a": b"1\n"})
    first = read(address, repository=URL)
    assert first.tables == read(writer.folder).tables
    assert read(address, repository=URL, known=known_by(first)) is None
    writer.git("branch", "-m", "main", "main/deep")
    new = writer.commit({b"a": b"2\n"}, branch="main/deep")
    second = read(address, repository=URL, known=known_by(first))
    assert [row["sha"] for row in commits(second)] == [new]
    assert second.tables["git__repositories"].to_pylist()[0]["head_ref"] == "main/deep"
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_bundle_is_read_too(tmp_path: Path, writer: Writer, read: Callable[..., Load]) -> None:
    """A bundle, with HEAD in it or not, gives the repository's commits."""
    writer.commit({b"a": b"1\n"})
    for name, refs in (("whole", ["--all"]), ("branch", ["main"])):
        bundle = tmp_path / f"{name}.bundle"
        writer.git("bundle", "create", str(bundle), *refs)
        assert commits(read(bundle, repository=URL)) == commits(read(writer.folder))
