"""Released tables as data sets: described, with files that are what is said of them, and read whole as rows."""

from __future__ import annotations

import asyncio
import csv
import gc
import hashlib
import io
import json
import threading
import zlib
from collections.abc import Generator, Iterator
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import brotli
import httpx
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet
from released_lake import EVENTS, SECOND_PROJECTS, ReleasedLake
from web_servers import AppClient, granian

from serving.api.exports import Export
from serving.api.formats import packed_pieces
from serving.replica.keeper import make_replica

CODINGS = ("zstd", "br", "gzip")
WAIT_S = 10.0
PROJECTS_PATH = "/v1/datasets/marts.projects_v1"


def test_each_released_table_is_a_data_set(client: AppClient, two_releases: ReleasedLake) -> None:
    """The list has every table of the release, of all stages; `stage=` chooses one."""
    names = [table.full_name for table in two_releases.releases[-1].tables]
    assert [one["name"] for one in client.get("/v1/datasets").json()["data"]] == names
    assert [one["name"] for one in client.get("/v1/datasets?stage=raw").json()["data"]] == ["raw.demo__events"]


def test_a_data_set_is_described(client: AppClient, two_releases: ReleasedLake) -> None:
    """Description, licence, grain, columns with type and comment, rows and digest are those of the release."""
    table = next(one for one in two_releases.releases[-1].tables if one.full_name == "raw.demo__events")
    told = client.get("/v1/datasets/raw.demo__events").json()["data"]
    assert (told["description"], told["licence"], told["grain"]) == ("One event.", table.licence, ["event_id"])
    assert told["columns"][0] == {"name": "event_id", "type": "long", "is_required": True, "description": "number"}
    assert [column["type"] for column in told["columns"]] == ["long", "timestamptz", "list<string>", "string"]
    assert (told["row_count"], told["content_digest"], told["file_count"]) == (3, table.content_digest, 2)
    assert [file["partition"] for file in told["files"]] == ["2024-01-01", "2024-01-02"]
    assert sum(file["row_count"] for file in told["files"]) == 3


def test_files_are_what_is_said_of_them(client: AppClient) -> None:
    """Each file's link leads to bytes with the size and the SHA-256 that are told."""
    for one in client.get("/v1/datasets").json()["data"]:
        for file in client.get(one["url"]).json()["data"]["files"]:
            content = client.get(file["url"]).content
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])
            assert parquet.read_metadata(io.BytesIO(content)).num_rows == file["row_count"]


def test_where_a_published_table_comes_from(models: AppClient) -> None:
    """A mart names the raw tables that it is made of, with the licences that ask for attribution."""
    told = models.get("/v1/datasets/marts.timeseries_metrics_by_project_v1").json()["data"]
    licences = {one["name"]: one["licence"] for one in told["sources"]}
    assert "GH Archive" in licences["raw.gharchive__events"]
    assert licences["raw.git__commits"] == "as the repository's"


def test_rows_as_ndjson_end_with_their_number(client: AppClient) -> None:
    """NDJSON has a line for each row, and a last one that says how many there were."""
    *rows, end = [json.loads(line) for line in client.get(f"{PROJECTS_PATH}/rows").text.splitlines()]
    assert end == {"end": True, "rows": 3}
    assert [row["project_id"] for row in rows] == [row["project_id"] for row in SECOND_PROJECTS]
    assert rows[2]["first_listed_at"] == "2024-01-02T03:04:05.678901Z"


@pytest.mark.parametrize(
    ("suffix", "accept"), [(".csv", ""), ("", "text/csv"), (".arrow", ""), ("", "application/vnd.apache.arrow.stream")]
)
def test_rows_as_csv_and_arrow(client: AppClient, suffix: str, accept: str) -> None:
    """CSV and Arrow, by suffix or by Accept, hold all rows."""
    answer = client.get(f"{PROJECTS_PATH}/rows{suffix}", headers={"Accept": accept} if accept else {})
    if "csv" in suffix + accept:
        assert [row["project_id"] for row in csv.DictReader(io.StringIO(answer.text))] == ["p1", "p2", "p3"]
    else:
        assert pa.ipc.open_stream(answer.content).read_all().to_pylist() == SECOND_PROJECTS
    assert answer.headers["content-type"].partition(";")[0] in ("text/csv", "application/vnd.apache.arrow.stream")


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "arrow"])
def test_a_table_without_rows_is_whole_too(client: AppClient, suffix: str) -> None:
    """Of a table without rows there are its columns, or the end record alone."""
    content = client.get(f"/v1/datasets/marts.source_gaps_v1/rows.{suffix}").content
    assert content in (b'{"end":true,"rows":0}\n', b'"reason"\n') or pa.ipc.open_stream(content).read_all().num_rows == 0


def test_every_stage_can_be_read(client: AppClient) -> None:
    """Raw and intermediate tables are read whole as published ones are."""
    assert client.get("/v1/datasets/raw.demo__events/rows").text.splitlines()[-1] == '{"end":true,"rows":3}'
    days = client.get("/v1/datasets/intermediate.int_days/rows.csv").text.splitlines()[1:]
    assert sorted(days) == ['"2024-01-01",2', '"2024-01-02",1']  # files come in any order


def test_rows_are_known_by_their_etag(client: AppClient, two_releases: ReleasedLake) -> None:
    """An ETag is answered by 304; it differs by format, and below a release's id the answer may be kept for ever."""
    first, second = (client.get(f"{PROJECTS_PATH}/rows.{name}") for name in ("csv", "ndjson"))
    assert first.headers["etag"] != second.headers["etag"]
    assert client.get(f"{PROJECTS_PATH}/rows.csv", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    pinned = client.get(f"/releases/{two_releases.releases[-1].id}{PROJECTS_PATH}/rows.csv")
    assert (pinned.content, "immutable" in pinned.headers["cache-control"]) == (first.content, True)


@pytest.mark.parametrize("suffix", ["ndjson", "csv"])
@pytest.mark.parametrize("coding", CODINGS)
def test_rows_are_packed_as_the_client_allows(client: AppClient, suffix: str, coding: str) -> None:
    """Packed rows are the same bytes when they are unpacked, under an ETag of their own; HEAD tells the same, 304 of no coding."""
    path = f"{PROJECTS_PATH}/rows.{suffix}"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = client.get(path, headers={"Accept-Encoding": coding})
    assert (packed.content, packed.headers["content-encoding"]) == (plain.content, coding)
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"]
    assert {"Accept", "Accept-Encoding"} <= set(packed.headers["vary"].split(", "))
    head = client.request("HEAD", path, headers={"Accept-Encoding": coding})
    told = ("etag", "vary", "content-encoding", "content-type", "osslake-cost")
    assert [head.headers[name] for name in told] == [packed.headers[name] for name in told]
    assert "content-length" not in head.headers
    known = client.get(path, headers={"Accept-Encoding": coding, "If-None-Match": packed.headers["etag"]})
    assert (known.status_code, "content-encoding" in known.headers) == (304, False)
    assert client.get(path, headers={"Accept-Encoding": coding, "If-None-Match": plain.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_part_of_a_stream_is_not_given(client: AppClient, coding: str) -> None:
    """A range is of bytes that nobody knows before they are made: it is passed over, and all rows come."""
    told = {"Accept-Encoding": coding}
    answer = client.get(f"{PROJECTS_PATH}/rows.csv", headers=told | {"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, client.get(f"{PROJECTS_PATH}/rows.csv", headers=told).content)
    assert not {"accept-ranges", "content-range"} & set(answer.headers)


def test_arrow_is_sent_as_it_is(client: AppClient) -> None:
    """Arrow's readers read from a connection, which doesn't unpack."""
    answer = client.get(f"{PROJECTS_PATH}/rows.arrow", headers={"Accept-Encoding": "gzip, zstd"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("coding", CODINGS)
def test_packing_holds_nothing_back(coding: str) -> None:
    """What can't be made less comes out with the piece that it is in: a stream takes no more memory than a piece, and no row waits for others."""
    taken: list[bytes] = []

    def pieces() -> Generator[bytes, None, None]:
        for number in range(20):
            taken.append(Random(number).randbytes(1 << 18))
            yield taken[-1]

    given = bytearray()
    for piece in packed_pieces(pieces(), coding):
        given += piece
        assert len(given) >= sum(map(len, taken))
    assert unpacked(coding, given) == (b"".join(taken), True)


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_packed_and_breaks_off_has_no_end(coding: str) -> None:
    """Where the rows end by an error, so does their packing: it raises the error, and what came so far is no whole stream."""
    closed = []

    def pieces() -> Generator[bytes, None, None]:
        try:
            yield from (b"row\n" * 1_000_000, b"row\n" * 1_000_000)
            raise ValueError("broken")
        finally:
            closed.append(True)

    given = bytearray()
    with pytest.raises(ValueError, match="broken"):
        for piece in packed_pieces(pieces(), coding):
            given += piece
    assert closed
    rows, is_whole = unpacked(coding, given)
    assert rows.startswith(b"row\n")
    assert not is_whole


@pytest.mark.parametrize(
    ("path", "status", "near"),
    [
        ("/v1/datasets/marts.project_v1", 404, ["marts.projects_v1"]),
        ("/v1/datasets/projects_v1", 404, ["marts.projects_v1"]),
        ("/v1/datasets/marts.project_v1/rows", 404, ["marts.projects_v1"]),
        ("/v1/datasets?stag=raw", 400, ["stage"]),
        ("/v1/datasets?stage=mart", 400, ["marts"]),
        (f"{PROJECTS_PATH}?select=a", 400, None),
        (f"{PROJECTS_PATH}/rows?releas=1", 400, ["release"]),
        (f"{PROJECTS_PATH}/rows.xlsx", 404, None),
    ],
)
def test_near_names_are_told(client: AppClient, path: str, status: int, near: list[str] | None) -> None:
    """Tables, stages, parameters and formats that there aren't are refused with the names that are near."""
    answer = client.get(path)
    assert answer.status_code == status
    assert near is None or answer.json()["near"][:1] == near


@pytest.fixture(scope="module")
def broken_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server over a lake one of whose files has lost rows."""
    lake = ReleasedLake(tmp_path_factory.mktemp("broken"))
    lake.append(EVENTS, [_event(number) for number in range(50_000)])
    table = next(one for one in lake.release(date(2024, 1, 1)).tables if one.full_name == EVENTS.full_name)
    path = lake.path(table.data_files[0].path)
    parquet.write_table(parquet.read_table(path).slice(0, 45_000), path)
    make_replica(lake.settings)
    with granian(lake.settings.folder) as url:
        yield url


@pytest.mark.parametrize(
    ("suffix", "coding"),
    [("ndjson", ""), ("csv", ""), ("arrow", ""), ("ndjson", "gzip"), ("ndjson", "zstd"), ("ndjson", "br"), ("csv", "gzip")],
)
def test_what_breaks_off_is_no_end(broken_url: str, suffix: str, coding: str) -> None:
    """Where fewer rows come than the release says, the connection is broken off, packed or not: no client takes the part for the whole."""
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{broken_url}/v1/datasets/raw.demo__events/rows.{suffix}", headers={"Accept-Encoding": coding})
    assert httpx.get(f"{broken_url}/healthz").status_code == 200


class Pieces:
    """Pieces of a stream, each made when `made` allows it, which tell the thread that makes them and when they are closed."""

    def __init__(self, count: int) -> None:
        self.threads: set[str] = set()
        self.asked, self.made, self.closed = threading.Event(), threading.Semaphore(count), threading.Event()

    def all(self) -> Generator[bytes, None, None]:
        """Yield pieces, a hundred at most."""
        try:
            for _ in range(100):
                if not self.made.acquire(blocking=False):
                    self.asked.set()
                    self.made.acquire()
                self.threads.add(threading.current_thread().name)
                yield b"piece"
        finally:
            self.threads.add(threading.current_thread().name)
            self.closed.set()


async def _never(*_: object) -> Any:
    await asyncio.Event().wait()


async def _taken(_: object) -> None:
    """Take what is sent."""


def test_a_client_that_takes_nothing_is_let_go() -> None:
    """A stream whose client takes no piece in time is ended, and gives back what it holds."""
    pieces = Pieces(3)
    export = Export(pieces.all(), {}, "text/plain", patience_s=0.01)
    with pytest.raises((TimeoutError, ExceptionGroup)):
        asyncio.run(export({"type": "http"}, _never, _never))
    assert pieces.closed.wait(WAIT_S)


def test_a_client_that_goes_while_a_piece_is_made() -> None:
    """The piece is made to its end, then the stream is closed; one thread makes all its pieces, since each would keep memory for them."""
    pieces = Pieces(5)

    async def goes() -> Any:
        await asyncio.to_thread(pieces.asked.wait, WAIT_S)
        return {"type": "http.disconnect"}

    async def ask() -> None:
        await Export(pieces.all(), {}, "text/plain")({"type": "http"}, goes, _taken)
        assert not pieces.closed.is_set()
        pieces.made.release()

    asyncio.run(ask())
    assert pieces.closed.wait(WAIT_S)
    assert len(pieces.threads) == 1
    assert threading.current_thread().name not in pieces.threads


def test_a_stream_that_is_never_sent_is_let_go() -> None:
    """Where an answer is dropped before it is sent, what it holds goes with it."""
    pieces = Pieces(5)
    export = Export(pieces.all(), {}, "text/plain")
    gc.disable()
    try:
        del export
        assert pieces.closed.wait(WAIT_S)
    finally:
        gc.enable()


def unpacked(coding: str, content: bytes | bytearray) -> tuple[bytes, bool]:
    """Return the bytes in a packed stream, and whether it has its end."""
    if coding == "br":
        brotli_unpacker = brotli.Decompressor()
        return brotli_unpacker.process(bytes(content)), brotli_unpacker.is_finished()
    unpacker: Any = zlib.decompressobj(wbits=31) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj()
    return unpacker.decompress(bytes(content)), unpacker.eof


def _event(number: int) -> dict[str, Any]:
    return {"event_id": number, "happened_at": datetime(2024, 1, 1, tzinfo=UTC), "tags": ["a"], "_load_id": "l"}
