"""From a file's bytes to its lines: unpacked piece by piece, e-mails hashed, with what can't be read set apart."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from catalog.errors import SourceFormatError
from ingest.emails import hash_emails

PIECE_BYTES = 16_000_000
PIECE_LINES = 100_000
SALVAGE_BYTES = 64
CUT_BYTES = 1024
"""What goes from the end of a line of which only the beginning is kept, since an address may be cut there and not hashed."""
_GZIP = b"\x1f\x8b"
_NEWLINE, _BLANK = 0x0A, 0x20


@dataclass
class Unpacked:
    """What was learned about a file while it was unpacked."""

    is_cut: bool = False
    problem: str = ""
    bytes: int = 0
    lines: int = 0


@dataclass(frozen=True)
class BadLine:
    """A line that can't even be handed to the JSON parser."""

    number: int
    reason: str
    message: str
    text: str


@dataclass
class Lines:
    """Some lines of a file: `numbers` (int64, from 1) and `texts` (string), and the bad ones among them."""

    file: str
    numbers: pa.Array
    texts: pa.Array
    bad: list[BadLine] = field(default_factory=list)


def read_lines(content: bytes, found: Unpacked, *, max_line_bytes: int, max_bytes: int, name: str) -> Iterator[Lines]:
    """Yield the lines of a packed or plain file, in pieces of at most 16 MB and `PIECE_LINES`; blank lines are no records.

    Of a line that is too long and goes on over several pieces only the beginning is held and kept.

    Raises:
        SourceFormatError: it unpacks to more than `max_bytes`.
    """
    rest, left_out = b"", 0
    for piece in _unpack(content, found, is_packed=name.endswith(".gz")):
        found.bytes += len(piece)
        if found.bytes > max_bytes:
            raise SourceFormatError(
                f"{name}: unpacks to more than {max_bytes:,} bytes; if it is right, raise the setting load.max_hour_bytes", file=name
            )
        if len(rest) > max_line_bytes:
            end, newline, piece = piece.partition(b"\n")
            left_out += len(end)
            if not newline:
                continue
            yield _too_long(name, rest, left_out, found, max_line_bytes)
            rest, left_out = b"", 0
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            for lines in _few_lines(whole):
                yield _lines(name, lines, found, max_line_bytes)
    if left_out:
        yield _too_long(name, rest, left_out, found, max_line_bytes)
    elif rest:
        yield _lines(name, rest, found, max_line_bytes)


def _too_long(file: str, begun: bytes, left_out: int, found: Unpacked, max_line_bytes: int) -> Lines:
    """Set apart a line of which only the beginning is held."""
    found.lines += 1
    text = hash_emails(begun)[:-CUT_BYTES][:max_line_bytes]
    told = f"{len(begun) + left_out:,} bytes, of which the first {len(text):,} are kept"
    bad = BadLine(found.lines, "too_long", told, _shown(text))
    return Lines(file, pa.array([], pa.int64()), pa.array([], pa.string()), [bad])


def _few_lines(text: bytes) -> Iterator[bytes]:
    """Cut text after each `PIECE_LINES` lines."""
    start = 0
    if text.count(b"\n") >= PIECE_LINES:
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
        for end in ends[PIECE_LINES - 1 :: PIECE_LINES].tolist():
            yield text[start:end]
            start = end + 1
    yield text[start:]


def _unpack(content: bytes, found: Unpacked, *, is_packed: bool) -> Iterator[bytes]:
    """Yield a file's plain bytes; one that should be packed and isn't counts as damaged, and has nothing if it is too short to tell."""
    if content.startswith(_GZIP):
        yield from _unzip(content, found)
        return
    is_short = len(content) < len(_GZIP)
    if is_packed:
        found.is_cut, found.problem = True, f"gzip ends too early: {len(content)} bytes" if is_short else "no gzip"
    if not (is_packed and is_short):
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]


def _unzip(content: bytes, found: Unpacked) -> Iterator[bytes]:
    """Yield the plain bytes of a gzip file; a cut or damaged one ends where it ends."""
    packed = content
    while packed.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        while not unpacker.eof:
            before = unpacker.copy()
            try:
                piece = unpacker.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                found.is_cut, found.problem = True, f"damaged gzip: {error}"
                yield _before_the_damage(before, packed)
                return
            packed = unpacker.unconsumed_tail
            if piece:
                yield piece
            elif not packed and not unpacker.eof:
                found.is_cut, found.problem = True, "gzip ends too early"
                return
        packed = unpacker.unused_data
    if packed.strip(b"\0"):
        found.is_cut, found.problem = True, f"{len(packed):,} bytes after the end of the gzip data that are none"


def _before_the_damage(unpacker: zlib._Decompress, packed: bytes) -> bytes:
    """Return what a damaged file's next input gives until the damage, which zlib withholds from a call that fails."""
    pieces, size = [], 0
    for start in range(0, len(packed), SALVAGE_BYTES):
        try:
            pieces.append(unpacker.decompress(packed[start : start + SALVAGE_BYTES]))
        except zlib.error:
            break
        size += len(pieces[-1])
        if size > PIECE_BYTES:
            break
    return b"".join(pieces)


def _lines(file: str, data: bytes, found: Unpacked, max_line_bytes: int) -> Lines:
    """Split hashed text into lines; those that are too long or not UTF-8 are set apart.

    Lines are cut where numpy finds their ends, without a Python object for each.
    """
    plain = hash_emails(data) + b"\n"
    every = np.frombuffer(plain, np.uint8)
    ends = np.flatnonzero(every == _NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    first = found.lines + 1
    found.lines += len(ends)
    if (every[starts] <= _BLANK).any() or b"\r" in data or (ends - starts).max() > max_line_bytes:
        return _sorted_out(file, plain[:-1].split(b"\n"), first, max_line_bytes)
    offsets = np.append(starts, len(plain)) - np.arange(len(starts) + 1)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(plain.translate(None, b"\n"))]
    try:
        texts = pa.BinaryArray.from_buffers(pa.binary(), len(starts), buffers).cast(pa.string())
    except pa.ArrowInvalid:
        return _sorted_out(file, plain[:-1].split(b"\n"), first, max_line_bytes)
    return Lines(file, pa.array(np.arange(first, first + len(starts))), texts)


def _sorted_out(file: str, texts: list[bytes], first: int, max_line_bytes: int) -> Lines:
    """Look at each line by itself, which takes longer."""
    numbered = [(first + position, text.removesuffix(b"\r")) for position, text in enumerate(texts) if text.strip()]
    bad = [BadLine(n, "too_long", f"{len(t):,} bytes", _shown(t)) for n, t in numbered if len(t) > max_line_bytes]
    bad += [
        BadLine(n, "not_utf8", "bytes that are not UTF-8", _shown(t)) for n, t in numbered if len(t) <= max_line_bytes and not _is_utf8(t)
    ]
    skipped = {line.number for line in bad}
    good = [(n, t) for n, t in numbered if n not in skipped]
    return Lines(file, pa.array([n for n, _ in good], pa.int64()), pa.array([t for _, t in good], pa.binary()).cast(pa.string()), bad)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")
