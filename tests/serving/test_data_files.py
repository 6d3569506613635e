"""Files over HTTP, as an object store would hand them out, and nothing that isn't one of the bucket's."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from released_lake import ReleasedLake

from catalog.releases import ReleasedFile


@pytest.fixture
def file(released_lake: ReleasedLake) -> ReleasedFile:
    """Return a data file of the newest release."""
    return next(table for table in released_lake.releases[-1].tables if table.name == "projects_v1").data_files[0]


@pytest.fixture
def content(released_lake: ReleasedLake, file: ReleasedFile) -> bytes:
    """Return the bytes of that file."""
    return released_lake.path(file.path).read_bytes()


@pytest.fixture
def url(base_url: str, file: ReleasedFile) -> str:
    """Address of that file."""
    return f"{base_url}/{file.path.removeprefix('s3://')}"


def test_a_file_is_whole_and_may_be_kept(url: str, content: bytes) -> None:
    """A data file comes with its length and type, and may be kept for ever."""
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "immutable" in answer.headers["cache-control"]


def test_head_has_the_same_headers_and_no_body(url: str) -> None:
    """HEAD tells length, type and ETag as GET does."""
    got, answer = httpx.get(url), httpx.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified", "accept-ranges", "cache-control"):
        assert answer.headers[name] == got.headers[name]


def test_head_knows_no_ranges(api_url: str, file: ReleasedFile, content: bytes) -> None:
    """A Range header beside HEAD is passed over, as RFC 9110 says."""
    answer = httpx.head(f"{api_url}/{file.path.removeprefix('s3://')}", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(content)))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-3", 0, 3), ("bytes=4-", 4, None), ("bytes=-8", -8, None), ("bytes=10-99999999", 10, None), ("bytes=0-0", 0, 0)],
)
def test_a_range_is_answered_by_its_bytes(url: str, content: bytes, asked: str, first: int, last: int | None) -> None:
    """One range, open or closed or from the end, is answered by 206 with those bytes and their place."""
    expected = content[first:] if last is None else content[first : last + 1]
    start = first if first >= 0 else len(content) + first
    answer = httpx.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"
    assert answer.headers["content-length"] == str(len(expected))


def test_several_ranges_are_answered_in_parts(url: str, content: bytes) -> None:
    """Two ranges are answered by 206 with a part for each."""
    answer = httpx.get(url, headers={"Range": "bytes=0-3, -4"})
    assert answer.status_code == 206
    message = message_from_bytes(b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.content)
    parts = [(str(part["Content-Range"]), part.get_payload(decode=True)) for part in message.get_payload()]  # type: ignore[union-attr]
    size = len(content)
    assert parts == [(f"bytes 0-3/{size}", content[:4]), (f"bytes {size - 4}-{size - 1}/{size}", content[-4:])]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(url: str, content: bytes, asked: str) -> None:
    """A range that the file doesn't have is answered by 416 with the file's size."""
    answer = httpx.get(url, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=" + "9" * 40 + "-"])
def test_a_malformed_range_does_no_harm(api_url: str, file: ReleasedFile, content: bytes, asked: str) -> None:
    """A Range header that says nothing sensible is passed over."""
    answer = httpx.get(f"{api_url}/{file.path.removeprefix('s3://')}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, content)


def test_a_range_of_another_version_is_answered_whole(url: str, content: bytes) -> None:
    """If-Range with the file's ETag gives the range; with another one the whole file."""
    etag = httpx.head(url).headers["etag"]
    assert httpx.get(url, headers={"Range": "bytes=0-3", "If-Range": etag}).content == content[:4]
    assert httpx.get(url, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).content == content


def test_an_etag_spares_the_body(url: str) -> None:
    """A client that has the file is told so by 304, with the same ETag; another ETag gets the file."""
    etag = httpx.get(url).headers["etag"]
    assert not etag.startswith("W/")
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = httpx.get(url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), known
    assert httpx.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_etag_is_the_releases_hash(api_url: str, released_lake: ReleasedLake) -> None:
    """The application's ETag is the SHA-256 that a kept release lists, for files of older releases too."""
    for release in released_lake.releases:
        for table in release.tables:
            for file in table.files:
                assert httpx.head(f"{api_url}/{file.path.removeprefix('s3://')}").headers["etag"] == f'"{file.sha256}"'


@pytest.mark.parametrize("place", ["", "small-lake/"])
def test_release_documents_are_at_both_places(base_url: str, released_lake: ReleasedLake, place: str) -> None:
    """The newest release is found by `latest.json`, and its document has the bytes that its id names, beside its signature."""
    latest = httpx.get(f"{base_url}/{place}latest.json")
    assert latest.headers["cache-control"] == "no-cache"
    assert latest.json()["id"] == released_lake.releases[-1].id
    for release in released_lake.releases:
        answer = httpx.get(f"{base_url}/{place}releases/{release.id}.json")
        assert hashlib.sha256(answer.content).hexdigest() == release.id.split("-")[1]
        assert answer.headers["content-type"] == "application/json"
        assert "immutable" in answer.headers["cache-control"]
        assert httpx.get(f"{base_url}/{place}releases/{release.id}.sig.json").json()["key_id"] == release.document.key_id


@pytest.fixture
def planted(released_lake: ReleasedLake) -> Iterator[None]:
    """Things that lie in or beside the warehouse and are nobody's business."""
    warehouse = released_lake.settings.warehouse
    made: list[Path] = []
    for path in (warehouse / "marts" / ".hidden.json", warehouse.parent / "private.json", warehouse.parent / "warehouse-other.json"):
        path.write_text('"secret"')
        made.append(path)
    for path, target in ((warehouse / "file-link.json", warehouse.parent / "private.json"), (warehouse / "folder-link", warehouse.parent)):
        path.symlink_to(target)
        made.append(path)
    yield
    for path in made:
        path.unlink()


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    "path",
    [
        "/small-lake/../private.json",
        "/small-lake/%2e%2e/private.json",
        "/small-lake/..%2fprivate.json",
        "/small-lake/%2e%2e%2fprivate.json",
        "/small-lake/marts/../../private.json",
        "/small-lake/..\\private.json",
        "/small-lake//private.json",
        "/small-lake/../warehouse-other.json",
        "/small-lake/marts/.hidden.json",
        "/small-lake/file-link.json",
        "/small-lake/folder-link/private.json",
        "/small-lake/private.json%00.json",
        "/releases/..%2f..%2fprivate.json",
        "/releases/../private.json",
        "/private.json",
        "//private.json",
        "/small-lake/",
        "/small-lake",
        "/small-lake/marts",
        "/small-lake/marts/",
        "/releases/",
        "/other-lake/latest.json",
        "/small-lake/" + "a" * 5000,
    ],
)
def test_nothing_else_is_handed_out(api_url: str, path: str) -> None:
    """No way leads out of the warehouse or to a hidden file, and folders are not listed: all of that is 404 as problem+json."""
    server = urlsplit(api_url)
    connection = http.client.HTTPConnection(str(server.hostname), server.port)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert b"secret" not in body


def test_a_file_of_no_release_has_an_etag_too(api_url: str, released_lake: ReleasedLake) -> None:
    """A file that no release lists is known by size and time, so that its ETag changes with its bytes."""
    path = released_lake.settings.warehouse / "loose.json"
    etags = []
    for text in ("1", "22"):
        path.write_text(text)
        etags.append(httpx.get(f"{api_url}/small-lake/loose.json").headers["etag"])
    path.unlink()
    assert etags[0] != etags[1]
