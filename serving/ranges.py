"""The Range header of RFC 9110, section 14."""

from __future__ import annotations

import re

MAX_RANGES = 50
_RANGES = re.compile(r"bytes=\s*((?:\d+-\d*|-\d+)(?:\s*,\s*(?:\d+-\d*|-\d+))*)\s*", re.IGNORECASE | re.ASCII)
_MAX_DIGITS = 19


def parse_ranges(header: str, size_bytes: int) -> list[tuple[int, int]] | None:
    """Return the ranges that a header asks for and a file of this size has, as (first, last) byte.

    An empty list: there is none of them, which is 416. None: the header is malformed or asks for more than MAX_RANGES,
    and is to be ignored.
    """
    match = _RANGES.fullmatch(header)
    if match is None:
        return None
    texts = [text.strip() for text in match[1].split(",")]
    if len(texts) > MAX_RANGES or any(len(number) > _MAX_DIGITS for text in texts for number in text.split("-")):
        return None
    ranges = []
    for text in texts:
        first, last = _bounds(text, size_bytes)
        if text[0] != "-" and first > last:
            return None
        if first < size_bytes and last >= 0:
            ranges.append((first, min(last, size_bytes - 1)))
    return ranges


def _bounds(text: str, size_bytes: int) -> tuple[int, int]:
    """Return first and last byte as asked for; of `-0` and of an empty file nothing is there."""
    first, last = text.split("-")
    if not first:
        return (max(size_bytes - int(last), 0), size_bytes - 1) if int(last) else (size_bytes, size_bytes)
    return int(first), int(last) if last else max(size_bytes - 1, int(first))
