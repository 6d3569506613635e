"""The Range header by itself."""

from __future__ import annotations

import pytest

from serving.ranges import MAX_RANGES, parse_ranges


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-9", [(0, 9)]),
        ("bytes=0-10", [(0, 9)]),
        ("bytes=9-", [(9, 9)]),
        ("bytes=-1", [(9, 9)]),
        ("bytes=-20", [(0, 9)]),
        ("Bytes= 0-1 , 4-", [(0, 1), (4, 9)]),
        ("bytes=20-30,0-1", [(0, 1)]),
    ],
)
def test_ranges_that_a_file_of_ten_bytes_has(header: str, ranges: list[tuple[int, int]]) -> None:
    """Each range is cut to the file; those beyond its end drop out."""
    assert parse_ranges(header, 10) == ranges


@pytest.mark.parametrize(
    ("header", "size_bytes"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0), ("bytes=11-12,-0", 10)]
)
def test_ranges_that_it_does_not_have(header: str, size_bytes: int) -> None:
    """Well-formed ranges of which the file has none are an empty list."""
    assert parse_ranges(header, size_bytes) == []


@pytest.mark.parametrize(
    "header", ["", "bytes", "bytes=", "bytes=-", "bytes=1-0", "bytes=0-1,", "bytes=0x1-2", "items=0-1", "bytes=+1-2", "bytes=٣-٤"]
)
def test_headers_that_say_nothing(header: str) -> None:
    """A malformed header is None."""
    assert parse_ranges(header, 10) is None


def test_too_much_is_passed_over() -> None:
    """Very many ranges, and numbers of very many digits, are passed over."""
    assert parse_ranges("bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)), 10) is None
    assert parse_ranges("bytes=" + "1" * 5000 + "-", 10) is None
