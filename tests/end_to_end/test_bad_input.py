"""Bad input by the command line: a clear message that names file and record, the good records kept, exit codes 0, 1 and 2, no traceback."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from end_to_end.bad_hours import FILE, GOOD, HOUR, load, record, state, table
from end_to_end.lakes import Lake
from end_to_end.processes import osslake


@pytest.mark.parametrize(
    ("line", "reason", "field"),
    [
        (b"<html>502 Bad Gateway</html>", "not_json", None),
        (b'{"id": "5", "type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z", "note": "\xff\xfe"}', "not_utf8", None),
        (b'{"type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z", "actor": {"id": 1}, "repo": {"id": 2}}', "missing_field", "id"),
        (record(5, repo={"id": 2**63, "name": "ada/engine"}), "not_an_integer", "repo.id"),
        (record(5, actor={"id": 10**30, "login": "ada"}), "not_an_integer", "actor.id"),
        (record(5, created_at="yesterday"), "not_a_time", "created_at"),
        (b"[1, 2, 3]", "not_an_object", None),
    ],
)
def test_a_bad_line_is_rejected_alone(lake: Lake, hours: Path, line: bytes, reason: str, field: str | None) -> None:
    """A line that doesn't fit goes to `raw.rejected` whole, with its reason, field, file and number; the lines around it are loaded; exit code 0."""
    (hours / FILE).write_bytes(gzip.compress(b"\n".join([GOOD[0], line, *GOOD[1:]]) + b"\n"))
    ended = load(lake, hours)
    assert "4 records in = 3 loaded + 1 rejected" in ended.out
    assert f"rejected, {reason}: 1" in ended.out
    assert f"line 2 of {FILE}" in ended.out
    (row,) = table(lake, "rejected")
    assert (row["reason"], row["field"], row["_source_file"], row["_source_line"]) == (reason, field, FILE, 2)
    assert f"line 2 of {FILE}" in row["message"]
    assert row["record"].encode() == line.replace(b"\xff\xfe", b"\\xff\\xfe")
    assert state(lake) == ("loaded", 3, 1)


def test_a_truncated_file_is_partial(lake: Lake, hours: Path) -> None:
    """Of a gz file that ends too early the whole lines are loaded, the hour is `partial`, and the message names the file; whole later, it is loaded anew."""
    lines = [record(number, payload={"action": "started", "noise": f"{number * 7919**9}"}) for number in range(1, 2000)]
    whole = gzip.compress(b"\n".join(lines) + b"\n")
    (hours / FILE).write_bytes(whole[: len(whole) // 2])
    ended = load(lake, hours)
    assert FILE in ended.out
    assert "ends too early" in ended.out
    hour_state, loaded, rejected = state(lake)
    assert hour_state == "partial"
    assert 500 < loaded < 1999
    assert rejected <= 1
    (hours / FILE).write_bytes(whole)
    load(lake, hours)
    assert state(lake) == ("loaded", 1999, 0)
    assert table(lake, "rejected") == []


def test_what_is_no_hour_file_is_partial(lake: Lake, hours: Path) -> None:
    """A page that a server answers in place of a packed file, and a file of 0 bytes, make partial hours, which the summary tells; coverage is 0."""
    (hours / FILE).write_bytes(b"<html>\n<h1>Sorry</h1>\n")
    (hours / "2024-01-01-1.json.gz").write_bytes(b"")
    ended = load(lake, hours, end="2024-01-01T02")
    assert f"{FILE} is cut after line 2 (no gzip)" in ended.out
    assert "2024-01-01-1.json.gz is cut after line 0 (gzip ends too early: 0 bytes)" in ended.out
    assert [(row["state"], row["loaded_count"]) for row in table(lake, "gharchive__hours")] == [("partial", 0), ("partial", 0)]


_FULL = gzip.compress(b"\n".join(GOOD), mtime=0)


def test_a_worse_file_takes_nothing_away(lake: Lake, hours: Path) -> None:
    """A file that is cut, no hour file, or all rejected does not take the place of a loaded hour; the summary names it. A whole one does, also an empty one."""
    (hours / FILE).write_bytes(_FULL)
    load(lake, hours)
    for content in (b"", _FULL[:-9], b"<html>", gzip.compress(b"<html>", mtime=0)):
        (hours / FILE).write_bytes(content)
        ended = load(lake, hours)
        assert f"{FILE} changed and was not taken" in ended.out
        assert "the hour keeps its 3" in ended.out
        assert (state(lake), table(lake, "rejected")) == (("loaded", 3, 0), [])
    (hours / FILE).write_bytes(gzip.compress(GOOD[0] + b"\nno record", mtime=0))
    load(lake, hours)
    assert state(lake) == ("loaded", 1, 1)
    (hours / FILE).write_bytes(gzip.compress(b"", mtime=0))
    load(lake, hours)
    assert state(lake) == ("empty", 0, 0)


def test_a_partial_hour_grows(lake: Lake, hours: Path) -> None:
    """Of two cut files of an hour the one with more good records stays, and the hours beside it are loaded with either."""
    lines = b"".join(record(number, payload={"noise": f"{number * 7919**9}"}) + b"\n" for number in range(1, 2000))
    whole = gzip.compress(lines, mtime=0)
    counts = []
    for number, size in enumerate((len(whole) // 2, len(whole) // 3, len(whole) * 2 // 3)):
        (hours / FILE).write_bytes(whole[:size])
        (hours / f"2024-01-01-{number + 1}.json").write_bytes(record(5))
        load(lake, hours, end=f"2024-01-01T0{number + 2}")
        rows = {row["hour"]: row for row in table(lake, "gharchive__hours")}
        counts.append(rows[HOUR]["loaded_count"])
        assert [row["state"] for row in rows.values() if row["hour"] != HOUR] == ["loaded"] * (number + 1)
        assert (rows[HOUR]["state"], len(table(lake, "gharchive__events"))) == ("partial", counts[-1] + number + 1)
    assert counts[0] == counts[1] < counts[2]


def test_an_hour_of_too_many_rejects_is_refused(lake: Lake, hours: Path) -> None:
    """An hour that has more rejected lines than `load.max_hour_rejected` is an error that names it and loads nothing of it; the others are loaded."""
    (lake.folder / "osslake.toml").write_text("[load]\nmax_hour_rejected = 2\n")
    (hours / FILE).write_bytes(gzip.compress(b"\n".join([*GOOD, b"{}", b"{}", b"\xff"])))
    (hours / "2024-01-01-1.json.gz").write_bytes(gzip.compress(b"\n".join([GOOD[0], b"{}", b"{}"])))
    ended = load(lake, hours, end="2024-01-01T02", code=1)
    assert f"{FILE}: more than 2 of its lines are rejected" in ended.err
    assert "load.max_hour_rejected" in ended.err
    assert state(lake) == ("loaded", 1, 2)
    assert {row["_source_file"] for row in table(lake, "rejected")} == {"2024-01-01-1.json.gz"}


def test_a_line_of_211_kb_is_loaded(lake: Lake, hours: Path) -> None:
    """A record of 211 KB, as the real archive has, is loaded whole."""
    long = record(5, payload={"action": "started", "body": "x" * 211_000})
    (hours / FILE).write_bytes(gzip.compress(b"\n".join([*GOOD, long]) + b"\n"))
    load(lake, hours)
    assert state(lake) == ("loaded", 4, 0)
    assert max(len(row["record"]) for row in table(lake, "gharchive__events")) == len(long)


@pytest.mark.parametrize(("name", "content"), [(f"{HOUR}.json", b""), (FILE, gzip.compress(b"", mtime=0))])
def test_an_empty_file_is_an_empty_hour(lake: Lake, hours: Path, name: str, content: bytes) -> None:
    """A file without a line, packed or plain, is an `empty` hour, no error and no missing one."""
    (hours / name).write_bytes(content)
    load(lake, hours)
    assert state(lake) == ("empty", 0, 0)


def test_a_missing_hour_is_noted(lake: Lake, hours: Path) -> None:
    """An hour that has no file is `missing`, the hours beside it are loaded, and status names it."""
    (hours / FILE).write_bytes(gzip.compress(GOOD[0], mtime=0))
    load(lake, hours, end="2024-01-01T02")
    assert {row["hour"]: row["state"] for row in table(lake, "gharchive__hours")} == {HOUR: "loaded", "2024-01-01-1": "missing"}
    told = osslake("--lake", lake.folder, "status")
    assert "missing: 2024-01-01-1" in told.out


def test_a_folder_that_does_not_exist(lake: Lake, tmp_path: Path) -> None:
    """A folder that isn't there is an error of one line that names it: exit code 1."""
    ended = load(lake, tmp_path / "nowhere", code=1)
    assert str(tmp_path / "nowhere") in ended.err
    assert "does not exist" in ended.err


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-01-01T01", "2024-01-01T00"),
        ("yesterday", "2024-01-01T00"),
        ("0001-01-01", "0001-01-02"),
        ("1969-12-31T23", "1970-01-01T01"),
        ("2024-01-01T00:30", "2024-01-01T01"),
    ],
)
def test_hours_that_are_none(lake: Lake, hours: Path, start: str, end: str) -> None:
    """A range of hours that is empty or no range, begins before 1970 or within an hour is wrong usage, which is told before anything is made."""
    assert start in load(lake, hours, start, end, code=2).err
    assert [path.name for path in lake.folder.iterdir()] == ["osslake.toml"]


def test_wrong_usage(lake: Lake) -> None:
    """Options that are lacking or unknown, empty folders, dates that are none, and no such command are wrong usage: exit code 2, no traceback."""
    for arguments in (
        ["ingest", "gharchive", "somewhere"],
        ["ingest", "gharchive", "--nonsense"],
        ["nonsense"],
        ["run", "--as-of", "yesterday"],
        ["world", str(lake.folder / "world"), "--start", "2015-13-01"],
        ["world", ""],
        ["ingest", "git", ""],
        ["ingest", "oss-directory", "somewhere", ""],
        ["ingest", "gharchive", "", "--from", "2024-01-01T00", "--to", "2024-01-01T01"],
        ["--lake", "", "status"],
    ):
        ended = osslake("--lake", lake.folder, *arguments)
        assert (ended.code, "Traceback" in ended.err) == (2, False), ended


def test_a_setting_that_is_not_known(lake: Lake) -> None:
    """An unknown setting is an error that names setting and file: exit code 1."""
    (lake.folder / "osslake.toml").write_text("[load]\ntimeout = 3\n")
    ended = osslake("--lake", lake.folder, "run")
    assert ended.code == 1
    assert "load.timeout" in ended.err
    assert "osslake.toml" in ended.err


def test_a_directory_with_a_wrong_type(lake: Lake, tmp_path: Path) -> None:
    """A YAML file whose list is a number is rejected with file and field named; the other projects are kept; exit code 0."""
    projects = tmp_path / "directory" / "data" / "projects"
    for name, github in (("good", "\n  - url: https://github.com/ada/engine"), ("wrong", " 42")):
        (projects / name[0]).mkdir(parents=True)
        (projects / name[0] / f"{name}.yaml").write_text(f"version: 7\nname: {name}\ndisplay_name: {name}\ngithub:{github}\n")
    (tmp_path / "directory" / "data" / "collections").mkdir()
    ended = osslake("--lake", lake.folder, "ingest", "oss-directory", tmp_path / "directory")
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended
    assert "good" in {row["project_name"] for row in table(lake, "oss_directory__projects")}
    (row,) = table(lake, "rejected")
    assert "wrong.yaml" in row["_source_file"]
    assert row["field"] == "github"


def test_a_directory_that_does_not_exist(lake: Lake, tmp_path: Path) -> None:
    """A directory, or a clone, that isn't there is an error of one line: exit code 1."""
    for source in ("oss-directory", "git"):
        ended = osslake("--lake", lake.folder, "ingest", source, tmp_path / "nowhere")
        assert (ended.code, "Traceback" in ended.err) == (1, False), ended
        assert "nowhere" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("command", ["run", "transform", "release create"])
def test_a_mistyped_lake_is_no_release(tmp_path: Path, command: str) -> None:
    """`run`, `transform` and `release create` where no settings name a source say so, and make nothing."""
    ended = osslake("--lake", tmp_path / "nosuch", *command.split())
    assert (ended.code, ended.out) == (1, "")
    assert "nosuch/osslake.toml names no source" in ended.err
    assert not (tmp_path / "nosuch").exists()


def test_nothing_loaded_is_no_release(lake: Lake, hours: Path) -> None:
    """Where settings name a source that nothing was loaded from yet, there is nothing to release."""
    (lake.folder / "osslake.toml").write_text(f'[[sources.oss_directory]]\naddress = "{hours}/nowhere"\n')
    for before in ((), ("run",)):
        if before:
            osslake("--lake", lake.folder, *before)
        ended = osslake("--lake", lake.folder, "release", "create")
        assert (ended.code, ended.out) == (1, "")
        assert f"nothing is loaded in {lake.folder} yet" in ended.err
    assert not list(lake.folder.glob("keys/*"))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, hours: Path) -> None:
    """A lake below a file is an error of one line that names the path."""
    (tmp_path / "file").write_bytes(b"")
    ended = osslake("--lake", tmp_path / "file" / "lake", "ingest", "gharchive", hours, "--from", "2024-01-01T00", "--to", "2024-01-01T01")
    assert (ended.code, "Traceback" in ended.err) == (1, False), ended
    assert f"{tmp_path}/file" in ended.err.splitlines()[-1]


def test_missing_hours_are_told(lake: Lake, hours: Path) -> None:
    """An ingest says how many hours are missing, and the first of them."""
    (hours / FILE).write_bytes(gzip.compress(b"\n".join(GOOD)))
    ended = load(lake, hours, end="2024-01-01T03")
    assert f"missing at {hours}: 2 of 3 hours, the first: 2024-01-01-1" in ended.out
