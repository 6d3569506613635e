"""What an answer's rows are written as: by the path's suffix, else by the Accept header; and how its bytes are packed, at once or piece by piece."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from catalog.results import ResultFormat, write_result
from serving.api.errors import RequestError

_WEIGHT = re.compile(r"0(\.[0-9]*)?|1(\.0*)?")
PACKED_FROM = 1_000
"""Bytes below which packing saves nothing."""


@dataclass(frozen=True)
class Format:
    """A way to write rows."""

    name: ResultFormat
    media_type: str
    is_packed: bool
    """Whether it is packed already."""


FORMATS = {
    "json": Format("json", "application/json", is_packed=False),
    "ndjson": Format("ndjson", "application/x-ndjson", is_packed=False),
    "csv": Format("csv", "text/csv; charset=utf-8", is_packed=False),
    "arrow": Format("arrow", "application/vnd.apache.arrow.stream", is_packed=False),
    "parquet": Format("parquet", "application/vnd.apache.parquet", is_packed=True),
}
JSON = FORMATS["json"]
JSON_LD = "application/ld+json"
_BY_MEDIA_TYPE = {one.media_type.partition(";")[0]: one for one in FORMATS.values()} | {
    "application/ndjson": FORMATS["ndjson"],
    "application/jsonl": FORMATS["ndjson"],
}


def write_rows(schema: pa.Schema, batches: Iterable[pa.RecordBatch], chosen: Format) -> bytes:
    """Return rows as a whole document."""
    out = io.BytesIO()
    write_result(chosen.name, schema, batches, out)
    return out.getvalue()


@lru_cache(1024)
def accepted(header: str, offered: tuple[str, ...] = tuple(FORMATS)) -> Format:
    """Return the format that an Accept header likes best.

    Raises:
        RequestError: 406, none of them.
    """
    if not header.strip():
        return JSON
    items = _weighed(header)
    if offered == ("json",) and "application/json" not in items and JSON_LD in items:
        items["application/json"] = items[JSON_LD]  # such a document is JSON, and may be JSON-LD
    ranked = [(-weight, place, name) for name in offered for weight, place in _liked(name, items)]
    if ranked:
        return FORMATS[min(ranked, key=lambda one: one[:2])[2]]
    listed = ", ".join(FORMATS[name].media_type.partition(";")[0] for name in offered)
    raise RequestError(406, f"none of the media types in Accept is made here; there are {listed}")


def _liked(name: str, items: dict[str, tuple[float, int]]) -> list[tuple[float, int]]:
    """Return weight and place of the item that speaks most exactly of a format; nothing where none does, or it is unwanted."""
    exact = [items[media_type] for media_type, one in _BY_MEDIA_TYPE.items() if one.name == name and media_type in items]
    family = FORMATS[name].media_type.partition("/")[0]
    found = exact or [items[media_range] for media_range in (f"{family}/*", "*/*") if media_range in items]
    return [one for one in found[: len(exact) or 1] if one[0] > 0]


@lru_cache(256)
def chosen_encoding(header: str) -> str:
    """Return the content coding that an Accept-Encoding header likes best, of those that it likes alike the one that packs best; empty for none."""
    items = {name: weight for name, (weight, _) in _weighed(header).items()}
    rest = items.get("*", 0.0)
    best = max(_PACKERS, key=lambda name: items.get(name, rest))
    weight = items.get(best, rest)
    return best if weight > 0 and weight >= items.get("identity", 0.0) else ""


def _weighed(header: str) -> dict[str, tuple[float, int]]:
    """Return the items of a header, each with its weight, 0 where it is unwanted, and its place."""
    found: dict[str, tuple[float, int]] = {}
    for place, item in enumerate(header.lower().split(",")):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
        weight = _weight(weights[0]) if weights else 1.0
        if name and name not in found:
            found[name] = (weight, place)
    return found


def _weight(text: str) -> float:
    """Return a weight from 0 to 1; what is none is 0."""
    return float(text) if _WEIGHT.fullmatch(text) else 0.0


def _zstd(body: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(body)


def _brotli(body: bytes) -> bytes:
    import brotli

    packed: bytes = brotli.compress(body, quality=4)
    return packed


_PACKERS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "br": _brotli, "gzip": lambda body: gzip.compress(body, 5, mtime=0)}


def packed(body: bytes, encoding: str) -> bytes:
    """Return bytes in a content coding."""
    return _PACKERS[encoding](body)


Pack = tuple[Callable[[bytes], bytes], Callable[[], bytes]]
"""What takes a piece and returns it packed, all of it; and what returns the end."""


def _zstd_stream() -> Pack:
    import zstandard

    packer = zstandard.ZstdCompressor(level=3).compressobj()
    return lambda piece: packer.compress(piece) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK), packer.flush


def _brotli_stream() -> Pack:
    import brotli

    packer = brotli.Compressor(quality=3)
    return lambda piece: packer.process(piece) + packer.flush(), packer.finish


def _gzip_stream() -> Pack:
    packer = zlib.compressobj(3, wbits=31)
    return lambda piece: packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH), packer.flush


_STREAM_PACKERS: dict[str, Callable[[], Pack]] = {"zstd": _zstd_stream, "br": _brotli_stream, "gzip": _gzip_stream}
"""Each packs more than 100 MB of rows a second on a core, so that packing a stream takes less time than making its rows."""


def packed_pieces(pieces: Generator[bytes, None, None], encoding: str) -> Generator[bytes, None, None]:
    """Yield pieces in a content coding, each so that a client can unpack it when it has come, and the end of the packed stream.

    No more is held than the coding looks back, a few megabytes. Where the pieces end by an error there is no end of the packed stream either.
    """
    with closing(pieces):
        pack, end = _STREAM_PACKERS[encoding]()
        for piece in pieces:
            yield pack(piece)
        yield end()
