"""Nobody's e-mail stands in clear in a lake: in no byte of no file, rejected records, trailers and the engine's own files included."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from end_to_end import recorded
from end_to_end.disclosure import texts
from end_to_end.lakes import Lake, Shelf
from end_to_end.processes import osslake
from end_to_end.recorded import RECORDS, Recorded
from end_to_end.worlds import notes

_DOMAIN = re.compile(r"@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})")
_LOCAL = re.compile(r"[A-Za-z0-9._%+-]*$")
_HASHED = re.compile(r".*[0-9a-f]{40}|git")
_ESCAPE = re.compile(r"\\[nrtbf]")  # of JSON: the letter is no part of the address after it


def _found(folder: Path, wanted: list[str]) -> set[tuple[str, str]]:
    """Return which of some texts stand in which files, upper or lower case."""
    sought = {one.lower() for one in wanted}
    return {
        (str(path.relative_to(folder)), one) for path, text in texts(folder) for lower in [text.lower()] for one in sought if one in lower
    }


def _clear_addresses(text: str) -> set[str]:
    """Return the addresses in a text whose local part is in clear."""
    text = _ESCAPE.sub(" ", text)
    found = ((_LOCAL.search(text, max(0, match.start() - 64), match.start()), match[1]) for match in _DOMAIN.finditer(text))
    return {f"{local[0]}@{domain}" for local, domain in found if local and local[0] and not _HASHED.fullmatch(local[0])}


def test_no_planted_address_stands_in_a_lake(small_lake: Lake, small_world: Path) -> None:
    """The local parts that the world plants (in commits, trailers, comments, rejected lines) stand in the sources and nowhere in the lake."""
    planted = notes(small_world)["planted_emails"]
    sources = {match for _, match in _found(small_world, planted)}
    assert sources == {one.lower() for one in planted}
    assert _found(small_lake.folder, planted) == set()


def test_what_was_planted_is_there_hashed(small_lake: Lake, small_world: Path) -> None:
    """The SHA-1 of planted local parts stands in the lake: the texts that held them were loaded, not dropped."""
    hashed = [hashlib.sha1(local.encode()).hexdigest() for local in notes(small_world)["planted_emails"]]
    assert len({match for _, match in _found(small_lake.folder / "warehouse", hashed)}) > len(hashed) // 2


def test_rejected_records_are_hashed_too(tmp_path: Path) -> None:
    """Lines that are no JSON, no UTF-8, lack a field or are too long are kept with hashed addresses; so is what the command prints."""
    lake, hours = Lake(tmp_path / "lake"), tmp_path / "hours"
    hours.mkdir()
    (hours / "2024-01-01-0.json").write_bytes(
        b'not json, by petra.klar@example.org\n{"id":"1","note":"petra.klar@example.org \xff"}\n{"note":"<petra.klar@example.org>"}\n'
        + b'{"id":"2","type":"X","created_at":"2024-01-01T00:00:00Z","note":"'
        + b"x" * 3000
        + b' petra.klar@example.org"}\n'
    )
    lake.folder.mkdir()
    (lake.folder / "osslake.toml").write_text("[load]\nmax_record_bytes = 2000\n")
    ended = osslake("--lake", lake.folder, "ingest", "gharchive", hours, "--from", "2024-01-01T00", "--to", "2024-01-01T01")
    assert ended.code == 0
    assert "4 rejected" in ended.out
    assert "petra" not in ended.out + ended.err
    assert _found(lake.folder, ["petra.klar"]) == set()


def test_a_fetched_repository_leaves_no_address(tmp_path: Path, small_world: Path) -> None:
    """A repository that is fetched from an address leaves no e-mail in clear in the lake, in whatever the lake keeps of it."""
    lake, clone = Lake(tmp_path / "lake"), sorted((small_world / "git").glob("*.git"))[0]
    ended = osslake("--lake", lake.folder, "ingest", "git", f"file://{clone}", "--repository", "https://github.com/some/where")
    assert ended.code == 0, ended
    assert _found(lake.folder, notes(small_world)["planted_emails"]) == set()


@pytest.fixture(scope="session")
def real(shelf: Shelf, shared_data: Path) -> Recorded:
    """Return the lake of the real data."""
    return Recorded(shelf.once("recorded", lambda folder: recorded.build(folder, shared_data)))


def test_no_address_of_the_real_hours_stands_in_their_lake(real: Recorded) -> None:
    """Addresses that the recorded hours hold in clear stand nowhere in the lake."""
    clear = set().union(*(_clear_addresses(line.decode()) for hour in RECORDS for line in real.lines(hour)))
    assert len(clear) > 10
    assert {(path.name, one) for path, text in texts(real.lake.folder) for one in clear & _clear_addresses(text)} == set()


def test_no_address_at_all_in_raw_hours(real: Recorded, small_lake: Lake) -> None:
    """What looks like an address anywhere in a raw record has 40 hex digits, or `git`, before its @."""
    for lake in (real.lake, small_lake):
        rows = lake.rows("SELECT record FROM raw.gharchive__events UNION ALL SELECT record FROM raw.rejected WHERE source = 'gharchive'")
        assert set().union(*(_clear_addresses(str(row[0])) for row in rows)) == set()
