"""Files of the logical bucket, as an object store would hand them out: ranges, HEAD, ETags, nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

from fastapi import HTTPException, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from catalog.releases import LATEST_KEY
from serving.conditional import IMMUTABLE, REVALIDATE, bytes_response, is_known
from serving.problems import problem
from serving.ranges import parse_ranges
from serving.releases import ServedReleases

_MEDIA_TYPES = {".json": "application/json", ".parquet": "application/vnd.apache.parquet", ".avro": "application/avro"}


class RangedFile(FileResponse):
    """A file of which ranges may be asked for; a Range header that is malformed, or comes with HEAD, is ignored."""

    chunk_size = 256 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, the ranges that it has, or 416."""
        headers = MutableHeaders(raw=list(scope["headers"]))
        size = int(self.headers["content-length"])
        ranges = parse_ranges(headers.get("range", ""), size) if scope["method"] == "GET" else None
        if ranges is None:
            del headers["range"]
        elif ranges:
            headers["range"] = "bytes=" + ",".join(f"{first}-{last}" for first, last in ranges)
        elif "if-range" not in headers or self._should_use_range(headers["if-range"]):
            refusal = problem(scope["path"], 416, f"the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
            return await refusal(scope, receive, send)
        await super().__call__({**scope, "headers": headers.raw}, receive, send)
        return None


def file_response(request: Request, warehouse: Path, key: str, releases: ServedReleases) -> Response:
    """Answer with the file under a key of the bucket.

    Raises:
        HTTPException: 404, there is no such file, or it is none of the bucket's.
    """
    path = find_file(warehouse, key)
    if path is None:
        raise HTTPException(404, f"there is no file {key}")
    media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    if key == LATEST_KEY:
        return bytes_response(request, path.read_bytes(), media_type, REVALIDATE)
    status = path.stat()
    sha256 = releases.sha256(key)
    headers = {
        "ETag": f'"{sha256}"' if sha256 else f'"{status.st_size:x}-{status.st_mtime_ns:x}"',
        "Cache-Control": IMMUTABLE,
        "X-Content-Type-Options": "nosniff",
    }
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return RangedFile(path, headers=headers, media_type=media_type, stat_result=status)


def find_file(warehouse: Path, key: str) -> Path | None:
    """Return the regular file under a key, or None; hidden files, folders, and ways out of the warehouse are no files of it."""
    parts = key.split("/")
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        root = warehouse.resolve(strict=True)
        path = root.joinpath(*parts).resolve(strict=True)
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return None
    return path if is_file and path.is_relative_to(root) else None
