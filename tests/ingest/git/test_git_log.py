"""What is read of commits, whatever is in them."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from gitwriter import JANE, Writer

from catalog.errors import SourceFormatError
from ingest.git.commands import Repository
from ingest.git.log import CommitLog, LoggedCommit


def read(writer: Writer) -> list[LoggedCommit]:
    """Return the commits that HEAD reaches, newest first."""
    return list(CommitLog(Repository(writer.folder), writer.git("rev-parse", "HEAD")))


def counts(commit: LoggedCommit) -> tuple[int, int, int]:
    """Return files changed, additions and deletions."""
    return commit.files_changed, commit.additions, commit.deletions


def test_changes_are_counted_against_the_first_parent(writer: Writer) -> None:
    """The first commit counts all its lines, a merge what it brings to the first parent, an empty commit nothing."""
    writer.commit({b"a": b"1\n2\n3\n", b"b": b"1\n"})
    writer.git("branch", "topic", "main")
    writer.commit({b"topic": b"x\ny\n"}, branch="topic")
    writer.commit({b"a": b"1\n2\nthree\n"})
    writer.commit({b"topic": b"x\ny\n"}, merged="topic", message=b"Merge\n")
    writer.commit()
    by_parents = {len(commit.parents.split()): counts(commit) for commit in read(writer)}
    assert by_parents[2] == (1, 2, 0)
    assert by_parents[0] == (2, 4, 0)
    assert sorted(map(counts, read(writer))) == [(0, 0, 0), (1, 1, 1), (1, 2, 0), (1, 2, 0), (2, 4, 0)]


def test_a_rename_is_one_file_and_a_binary_file_has_no_lines(writer: Writer) -> None:
    """A renamed file counts once, with the lines that differ; a binary file counts as a file without lines."""
    body = b"".join(b"line %d\n" % number for number in range(50))
    writer.commit({b"old name": body, b"gone": b"1\n2\n"})
    writer.commit({b"new\\tname": body + b"more\n", b"logo": b"\0\1\2" * 99}, deleted=(b"old name", b"gone"))
    assert counts(read(writer)[0]) == (3, 1, 2)


def test_any_byte_may_stand_in_names_paths_and_messages(writer: Writer) -> None:
    """Tabs, newlines, quotes and bytes that are not UTF-8 in names, paths and messages shift nothing."""
    odd = b'T\xe9\tn "Q" \x01 <odd@x.org> 1600000000 -0330'
    message = b"subject\n\n1\t2\tnot a numstat\n\nCo-authored-by: \xff\xfe <c@x.org>\n"
    writer.commit({rb"tab\there": b"1\n", rb"new\nline": b"1\n", rb"caf\351": b"1\n"}, author=odd, message=message)
    writer.commit({b"next": b"1\n2\n"})
    newest, first = read(writer)
    assert counts(newest) == (1, 2, 0)
    assert counts(first) == (3, 3, 0)
    assert first.author_name == b'T\xe9\tn "Q" \x01'
    assert first.author_date == b"1600000000 -0330"
    assert first.trailers == b"Co-authored-by: \xff\xfe <c@x.org>\n"


def test_other_encodings_become_utf_8(writer: Writer) -> None:
    """A commit that names its encoding is converted."""
    writer.commit(author=b"Jos\xe9 <j@x.org> 1600000000 +0000", encoding=b"ISO-8859-1")
    assert read(writer)[0].author_name.decode() == "José"


def test_settings_of_a_repository_change_no_number(tmp_path: Path, writer: Writer) -> None:
    """Attributes (committed or in the work tree), mailmaps, replace refs and the user's diff settings play no part."""
    lines = b"".join(b"%d\n" % number for number in range(9))
    mailmap = b"Other <jane.doe@example.org>\n"
    first = writer.commit({b"a.py": lines, b".gitattributes": b"*.py -diff binary\n", b".mailmap": mailmap})
    writer.commit({b"a.py": lines + b"x\n"})
    expected = [(counts(commit), commit.author_name) for commit in read(writer)]
    assert expected == [((1, 1, 0), b"Jane Doe"), ((3, 11, 0), b"Jane Doe")]
    tree = tmp_path / "tree"
    subprocess.run(["git", "clone", "--quiet", writer.folder, tree], check=True, capture_output=True)
    clone = Repository(tree / ".git")
    for setting in ("log.showRoot=false", "diff.renames=false", "log.mailmap=true", "diff.algorithm=patience"):
        clone.text("config", *setting.split("="))
    writer.git("replace", first, writer.git("commit-tree", "-m", "another", f"{first}^{{tree}}", "-p", "main"))
    for repository in (clone, Repository(writer.folder)):
        log = CommitLog(repository, writer.git("rev-parse", "main"))
        assert [(counts(commit), commit.author_name) for commit in log] == expected


def test_only_commits_that_were_not_reached_before(writer: Writer) -> None:
    """With a commit to leave out, that one and all that it reaches are left out."""
    old = writer.commit({b"a": b"1\n"})
    new = [writer.commit({b"a": b"%d\n" % number}) for number in (2, 3)]
    found = CommitLog(Repository(writer.folder), new[-1], old)
    assert [commit.sha.decode() for commit in found] == new[::-1]


def test_numbers_agree_with_those_that_git_itself_sums(writer: Writer) -> None:
    """Over a history of changes, merges and renames the sums equal those of `git show --shortstat` commit by commit."""
    for number in range(12):
        writer.commit({b"f%d" % (number % 4): b"".join(b"%d\n" % (line * number) for line in range(number + 2))})
        if number % 5 == 2:
            writer.git("branch", "--force", "side", "main~1")
            writer.commit({b"side%d" % number: b"s\n"}, branch="side")
            writer.commit({b"side%d" % number: b"s\n"}, merged="side")
    for commit in read(writer):
        shown = writer.git("show", "--shortstat", "--diff-merges=first-parent", "--format=", commit.sha.decode())
        numbers = {part.split()[1].rstrip("s()+-"): int(part.split()[0]) for part in shown.split(",") if part.strip()}
        assert counts(commit) == (numbers.get("file", 0), numbers.get("insertion", 0), numbers.get("deletion", 0))


def test_a_damaged_repository_is_an_error_of_ours(writer: Writer) -> None:
    """A missing object ends the reading with git's own complaint; nothing is passed off as complete."""
    first = writer.commit({b"a": b"1\n"})
    for number in range(2, 40):
        writer.commit({b"a": b"%d\n" % number})
    loose = writer.folder / "objects"
    for pack in list((loose / "pack").glob("*.pack")):
        moved = pack.rename(writer.folder / pack.name)
        pack.with_suffix(".idx").unlink()
        writer.git("unpack-objects", "-q", data=moved.read_bytes())
    (loose / first[:2] / first[2:]).unlink()
    with pytest.raises(SourceFormatError, match="git log"):
        read(writer)


def test_output_that_stops_short_is_an_error(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that ends inside a commit is refused, though git itself claims success."""
    writer.commit({b"a": b"1\n"}, author=JANE)
    log = CommitLog(Repository(writer.folder), writer.git("rev-parse", "HEAD"))
    whole = log._tokens
    monkeypatch.setattr(log, "_tokens", lambda output: whole(io.BytesIO(output.read()[:60])))
    with pytest.raises(SourceFormatError, match="ends inside commit"):
        list(log)
