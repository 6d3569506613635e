"""Files of the logical bucket, as an object store would hand them out: ranges, HEAD, ETags, nothing else.

Where the bytes lie in a folder they are sent from there; where they lie in an object store they are passed on as they come.
"""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

from fastapi import HTTPException, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from catalog.bucket import LATEST_KEY, RELEASES_FOLDER, FolderBucket
from serving.conditional import IMMUTABLE, REVALIDATE, bytes_response, is_known
from serving.problems import problem
from serving.ranges import parse_ranges
from serving.releases import ServedReleases
from serving.store import Store
from serving.threads import iterate_apart

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


def file_response(request: Request, key: str, releases: ServedReleases) -> Response:
    """Answer with the file under a key of the bucket.

    Raises:
        HTTPException: 404, there is no such file, or it is none of the bucket's.
        StorageError: the store can't be read.
    """
    store = releases.store
    media_type = _MEDIA_TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
    try:
        if key == LATEST_KEY:
            return bytes_response(request, store.read(key), media_type, REVALIDATE)
        if store.folder is not None:
            return _local_response(request, store.folder, key, media_type, releases)
        return _object_response(request, store, key, media_type, releases)
    except FileNotFoundError as error:
        raise HTTPException(404, f"there is no file {key}") from error


def _local_response(request: Request, bucket: FolderBucket, key: str, media_type: str, releases: ServedReleases) -> Response:
    """Send a file of a folder."""
    path = find_file(bucket.folder, key)
    if path is None:
        raise FileNotFoundError(key)
    headers = _headers(releases.sha256(key) or bucket.state(key).etag)
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return RangedFile(path, headers=headers, media_type=media_type, stat_result=path.stat())


def _object_response(request: Request, store: Store, key: str, media_type: str, releases: ServedReleases) -> Response:
    """Pass an object on, where a release lists it: one range, or all (several ranges are answered by the whole, as a server may)."""
    sha256 = releases.sha256(key) if _is_plain(key) else None
    if sha256 is None and not (_is_plain(key) and key.startswith(f"{RELEASES_FOLDER}/")):
        raise FileNotFoundError(key)
    state = store.state(key)
    headers, size = _headers(sha256 or state.etag), state.size_bytes
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    status, first, last = 200, 0, size - 1
    is_same = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
    ranges = parse_ranges(request.headers.get("range", ""), size) if request.method == "GET" and is_same else None
    if ranges == []:
        return problem(request.url.path, 416, f"the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
    if ranges is not None and len(ranges) == 1:
        status, (first, last) = 206, ranges[0]
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
    if request.method == "HEAD" or not size:
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(iterate_apart(store.chunks(key, first, last)), status, headers, media_type)


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "Cache-Control": IMMUTABLE, "X-Content-Type-Options": "nosniff"}


def _is_plain(key: str) -> bool:
    return all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in key.split("/"))


def find_file(warehouse: Path, key: str) -> Path | None:
    """Return the regular file under a key, or None; hidden files, folders, and ways out of the warehouse are no files of it."""
    if not _is_plain(key):
        return None
    try:
        root = warehouse.resolve(strict=True)
        path = root.joinpath(*key.split("/")).resolve(strict=True)
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return None
    return path if is_file and path.is_relative_to(root) else None
