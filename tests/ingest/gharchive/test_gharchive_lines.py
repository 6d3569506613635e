"""From a file's bytes to lines: packed or plain, whole or cut."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import SourceFormatError
from ingest.gharchive import lines
from ingest.gharchive.lines import Unpacked, read_lines


def read(
    content: bytes, *, max_line_bytes: int = 1000, max_bytes: int = 10**9, name: str = "x"
) -> tuple[list[tuple[int, str]], list[tuple[int, str]], Unpacked]:
    """Return the good lines and the bad ones (number and reason), and what was found out."""
    found = Unpacked()
    pieces = list(read_lines(content, found, max_line_bytes=max_line_bytes, max_bytes=max_bytes, name=name))
    good = [pair for one in pieces for pair in zip(one.numbers.to_pylist(), one.texts.to_pylist(), strict=True)]
    return good, [(bad.number, bad.reason) for one in pieces for bad in one.bad], found


LINES = [(1, "a"), (2, "ü"), (3, "c")]
TEXT = "a\nü\nc\n".encode()


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT[:-1],
        gzip.compress(TEXT, mtime=0),
        gzip.compress(TEXT[:4], mtime=0) + gzip.compress(TEXT[4:], mtime=0),
        TEXT.replace(b"\n", b"\r\n"),
        gzip.compress(TEXT, mtime=0) + b"\0" * 9,
    ],
)
def test_packed_and_plain_say_the_same(content: bytes) -> None:
    """Plain, packed, packed in several members, with CRLF, without a last newline, padded: the lines are the same."""
    good, bad, found = read(content)
    assert (good, bad, found.is_cut) == (LINES, [], False)


def test_blank_lines_are_no_records() -> None:
    """Blank lines are passed over, and the numbers of those behind them count them."""
    assert read(b"\na\n  \n\r\nb\n")[0] == [(2, "a"), (5, "b")]


def test_bad_lines_are_set_apart() -> None:
    """Lines that are too long or not UTF-8 are told by number; the others go on."""
    good, bad, _ = read(b"a\n\xff\n" + b"x" * 20 + b"\nb\n", max_line_bytes=10)
    assert (good, sorted(bad)) == ([(1, "a"), (4, "b")], [(2, "not_utf8"), (3, "too_long")])


@pytest.mark.parametrize("cut", [1, 8, 12, 30])
def test_a_cut_file_is_told(cut: int) -> None:
    """A gzip file that lacks its end is cut, however little is lacking."""
    whole = gzip.compress(bytes(range(97, 123)) * 40, mtime=0)
    _, _, found = read(whole[:-cut])
    assert found.is_cut
    assert found.problem


@pytest.mark.parametrize("content", [b"", b"\x1f", TEXT])
def test_what_should_be_packed_and_is_not_is_told(content: bytes) -> None:
    """A file whose name ends in .gz and that is no gzip, or has not even a gzip's first two bytes, is cut; its lines are kept."""
    good, _, found = read(content, name="x.json.gz")
    assert found.is_cut
    assert found.problem
    assert good == (LINES if content == TEXT else [])


@pytest.mark.parametrize(("content", "name"), [(b"", "x.json"), (gzip.compress(b"", mtime=0), "x.json.gz")])
def test_an_empty_file_is_whole(content: bytes, name: str) -> None:
    """A plain file of no bytes, and a gzip file of nothing, are whole."""
    good, _, found = read(content, name=name)
    assert (good, found.is_cut) == ([], False)


def test_very_many_lines_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are cut after so many, so that tiny ones take no memory beyond measure; none is lost, each has its number, the blank ones count."""
    monkeypatch.setattr(lines, "PIECE_LINES", 3)
    texts = ["a", "b", "c", "", "d", "", "", "e"]
    for end in ("", "\n", "\n\n"):
        data = ("\n".join(texts) + end).encode()
        pieces = list(read_lines(data, Unpacked(), max_line_bytes=10, max_bytes=100, name="x"))
        assert all(len(one.texts) <= 3 for one in pieces)
        numbered = [pair for one in pieces for pair in zip(one.numbers.to_pylist(), one.texts.to_pylist(), strict=True)]
        assert numbered == [(number, text) for number, text in enumerate(texts, 1) if text]


def test_a_damaged_file_is_told() -> None:
    """A gzip file whose checksum doesn't fit is damaged."""
    whole = bytearray(gzip.compress(TEXT, mtime=0))
    whole[-6] ^= 1
    assert read(bytes(whole))[2].is_cut


def test_what_stands_before_damage_is_kept() -> None:
    """Of a file with a flipped bit the lines before it are kept; with a wrong checksum alone all of them."""
    text = b"".join(b"line %d of many, %d\n" % (number, number * 7919 % 10_007) for number in range(20_000))
    packed = bytearray(gzip.compress(text, mtime=0))
    packed[len(packed) // 2] ^= 1
    good, _, found = read(bytes(packed))
    assert found.is_cut
    assert 5_000 < len(good) < 20_000
    assert [line for _, line in good[:5_000]] == text.decode().split("\n")[:5_000]
    packed[len(packed) // 2] ^= 1
    packed[-6] ^= 1
    good, _, found = read(bytes(packed))
    assert found.is_cut
    assert len(good) >= 19_990


def test_bytes_after_the_end_are_told() -> None:
    """What stands after the last gzip member and is no gzip marks the file as cut, but for zeros; its lines are kept."""
    good, _, found = read(gzip.compress(TEXT, mtime=0) + b"<html>")
    assert (good, found.is_cut) == (LINES, True)


def test_too_much_is_refused() -> None:
    """A file that unpacks to more than is allowed is refused, so that a bomb doesn't fill the memory."""
    with pytest.raises(SourceFormatError, match="unpacks to more than 1,000 bytes"):
        read(gzip.compress(b"0" * 100_000, mtime=0), max_bytes=1000)


def test_of_an_endless_line_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that goes on over many pieces is told by its size, with its beginning, no address half hashed; the lines around it go on."""
    monkeypatch.setattr(lines, "PIECE_BYTES", 500)
    endless = b"x " * 2000 + b"jane.doe.with.a.name.of.more.than.forty.letters@example.org " * 1000
    pieces = list(read_lines(b"one\n" + endless + b"\ntwo\n" + endless, Unpacked(), max_line_bytes=4990, max_bytes=10**6, name="x"))
    assert [line for one in pieces for line in one.texts.to_pylist()] == ["one", "two"]
    told = [bad for one in pieces for bad in one.bad]
    assert [(bad.number, bad.reason) for bad in told] == [(2, "too_long"), (4, "too_long")]
    assert all(bad.message.startswith(f"{len(endless):,} bytes") for bad in told)
    assert all(bad.text.startswith("x x ") and 3000 < len(bad.text) <= 5000 and "jane" not in bad.text for bad in told)


@given(st.lists(st.binary(max_size=30), max_size=10), st.booleans())
def test_no_line_is_lost(lines: list[bytes], is_packed: bool) -> None:
    """Of any bytes each line that isn't blank is good or bad, once, under its own number."""
    data = b"\n".join(lines)
    good, bad, found = read(gzip.compress(data, mtime=0) if is_packed or data.startswith(b"\x1f\x8b") else data, max_line_bytes=20)
    numbers = sorted([number for number, _ in good] + [number for number, _ in bad])
    assert numbers == [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    assert not found.is_cut
