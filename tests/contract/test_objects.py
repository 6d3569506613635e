"""The bucket as releases use it, in a folder and in an object store."""

from __future__ import annotations

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.bucket import Bucket, FolderBucket, connect_lake, locate, open_bucket
from catalog.settings import Settings, load_settings
from contract.proxy import swallowing
from contract.servers import Seaweed

pytestmark = pytest.mark.stack


def settings_on(server: Seaweed, folder: Path, port: int = 0) -> Settings:
    """Return settings of a lake whose bucket is in the object store, reached at a port."""
    storage = {"type": "s3", "access_key": server.access_key, "secret_key": server.secret_key}
    return load_settings(folder, dataset="objects", storage=storage | {"endpoint": f"http://127.0.0.1:{port or server.s3_port}"})


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Each kind of bucket, made."""
    if request.param == "folder":
        made: Bucket = FolderBucket(tmp_path / "bucket", "objects")
    else:
        made = open_bucket(settings_on(request.getfixturevalue("seaweed_server"), tmp_path))
    made.make()
    made.make()
    return made


def test_what_is_written_is_read(bucket: Bucket) -> None:
    """An object has the bytes, size and hash that were written, whole, in part, and as a local file; written again, the new ones."""
    key, content = f"marts/a/data/{secrets.token_hex(4)}.parquet", secrets.token_bytes(3_000_000)
    for written in (b"before", content):
        bucket.write(key, written)
        assert (bucket.read(key), bucket.size(key)) == (written, len(written))
    assert bucket.sha256(key) == hashlib.sha256(content).hexdigest()
    assert b"".join(bucket.chunks(key, 7, 2_000_000)) == content[7:2_000_001]
    assert b"".join(bucket.chunks(key, 2_999_990)) == content[-10:]
    with bucket.local_file(key) as path:
        assert path.read_bytes() == content
    with bucket.file_io().new_input(f"s3://objects/{key}").open() as stream:
        assert stream.read() == content


def test_what_is_not_there_is_no_file(bucket: Bucket) -> None:
    """A missing object is FileNotFoundError to who reads it, and nothing to who lists or deletes it."""
    for ask in (bucket.read, bucket.size, bucket.state, bucket.sha256):
        with pytest.raises(FileNotFoundError):
            ask("releases/none.json")
    bucket.delete("releases/none.json")
    assert bucket.keys("nothing-here") == []


def test_keys_are_those_directly_below(bucket: Bucket) -> None:
    """A folder lists its own objects, sorted, not those of folders below it or beside it."""
    for name in ("listed/b.json", "listed/a.json", "listed/deeper/c.json", "listed-too/d.json"):
        bucket.write(name, b"{}")
    assert bucket.keys("listed") == ["listed/a.json", "listed/b.json"]
    bucket.delete("listed/a.json")
    assert bucket.keys("listed") == ["listed/b.json"]


def test_the_tag_changes_with_the_bytes(bucket: Bucket) -> None:
    """An object's tag is the same while its bytes are, and another one after they changed."""
    bucket.write("tagged.json", b"{}")
    before = bucket.state("tagged.json")
    assert bucket.state("tagged.json") == before
    bucket.write("tagged.json", b"[]")
    assert bucket.state("tagged.json").etag != before.etag


def test_documents_may_have_a_bucket_of_their_own(seaweed_server: Seaweed, tmp_path: Path) -> None:
    """With `storage.documents`, `latest.json` and `releases/` lie in that bucket, under the same keys, and tables do not."""
    plain = settings_on(seaweed_server, tmp_path)
    apart = open_bucket(plain.model_copy(update={"storage": plain.storage.model_copy(update={"documents": "apart"})}))
    other = open_bucket(plain.model_copy(update={"dataset": "apart"}))
    apart.make()
    for key in ("latest.json", "releases/1.json", "marts/a/data/x.parquet"):
        apart.write(key, key.encode())
        assert apart.read(key) == key.encode()
    assert (other.read("latest.json"), other.keys("releases")) == (b"latest.json", ["releases/1.json"])
    with pytest.raises(FileNotFoundError):
        other.read("marts/a/data/x.parquet")


def test_an_object_is_replaced_by_those_who_saw_it_as_it_is(bucket: Bucket) -> None:
    """Only who names the tag of the object as it is, or knows that there is none, writes; the object of the others stays."""
    key = f"{secrets.token_hex(4)}.json"
    assert bucket.replace(key, b"one", None)
    first = bucket.state(key).etag
    assert not bucket.replace(key, b"late", None)
    assert bucket.replace(key, b"second", first)
    assert not bucket.replace(key, b"stale", first)
    assert bucket.read(key) == b"second"
    assert not bucket.replace(f"not-{key}", b"gone", first)


def test_of_many_who_replace_an_object_one_does(seaweed_server: Seaweed, tmp_path: Path) -> None:
    """The store itself decides between writers at the same time."""
    bucket, key = open_bucket(settings_on(seaweed_server, tmp_path)), f"{secrets.token_hex(4)}.json"
    bucket.make()
    bucket.write(key, b"before")
    etag, written = bucket.state(key).etag, [b"%d" % number for number in range(16)]
    with ThreadPoolExecutor(len(written)) as pool:
        done = list(pool.map(lambda content: bucket.replace(key, content, etag), written))
    assert [content for content, is_done in zip(written, done, strict=True) if is_done] == [bucket.read(key)]


def test_a_replacement_whose_answer_is_lost_was_made(seaweed_server: Seaweed, tmp_path: Path) -> None:
    """The second try is refused by the store, since the first one was carried out; that is no refusal to who asks."""
    key = f"{secrets.token_hex(4)}.json"
    with swallowing(seaweed_server.s3_port) as proxy:
        bucket = open_bucket(settings_on(seaweed_server, tmp_path, proxy.port))
        bucket.make()
        bucket.write(key, b"before")
        proxy.swallow_after([b"PUT ", key.encode(), b"If-Match"])
        assert bucket.replace(key, b"after", bucket.state(key).etag)
        assert (bucket.read(key), proxy.swallowed) == (b"after", 1)


def test_an_answer_that_is_cut_is_taken_up(seaweed_server: Seaweed, tmp_path: Path) -> None:
    """An answer that ends in the middle is asked for from there on, and the bytes are whole; PyArrow gets them too."""
    content = secrets.token_bytes(4_000_000)
    with swallowing(seaweed_server.s3_port) as proxy:
        bucket = open_bucket(settings_on(seaweed_server, tmp_path, proxy.port))
        bucket.make()
        bucket.write("cut/a.bin", content)
        proxy.cut_after(1_500_000)
        assert bucket.sha256("cut/a.bin") == hashlib.sha256(content).hexdigest()
        proxy.cut_after(1_500_000)
        with bucket.file_io().new_input("s3://objects/cut/a.bin").open() as stream:
            assert stream.read() == content
        assert proxy.cut == 2


def test_duckdb_reads_objects_by_their_location(bucket: Bucket, seaweed_server: Seaweed, tmp_path: Path) -> None:
    """A prepared connection reads the bucket's Parquet files by their location."""
    settings = settings_on(seaweed_server, tmp_path) if not isinstance(bucket, FolderBucket) else load_settings(tmp_path, dataset="objects")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2, 3]}), sink)
    bucket.write("marts/a/data/read.parquet", sink.getvalue().to_pybytes())
    with connect_lake(settings) as connection:
        place = locate(bucket, "s3://objects/marts/a/data/read.parquet")
        assert connection.execute(f"SELECT sum(a) FROM read_parquet('{place}')").fetchall() == [(6,)]
