"""Releases as readers meet them: documents, their chain, signatures; each lie is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.bucket import FolderBucket, bucket_key, open_bucket
from catalog.canonical import canonical_json, parse, parse_canonical
from catalog.errors import ReleaseError, SettingsError, VerificationError
from catalog.release_checks import check_latest, check_release
from catalog.releases import (
    LATEST_KEY,
    Latest,
    Models,
    Release,
    ReleasedFile,
    ReleaseDocument,
    ReleasedTable,
    document_key,
    list_releases,
    read_latest,
    read_release,
    release_id,
    signature_key,
)
from catalog.settings import Settings
from catalog.signatures import key_id, read_public_keys, sign, sign_latest

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = {key_id(KEY.public_key()): KEY.public_key()}
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def document(sequence: int, previous: str | None, **changes: Any) -> ReleaseDocument:
    """Return a document with one table of one file."""
    metadata = ReleasedFile(path="s3://small/marts/a_v1/metadata/1.json", kind="metadata", size_bytes=1, sha256="0" * 64)
    table = ReleasedTable(
        stage="marts",
        name="a_v1",
        description="Ä table.",
        licence="Apache-2.0",
        grain=["a"],
        content_columns=["a"],
        snapshot_id="1",
        schema_={"type": "struct", "schema-id": 0, "fields": []},
        partition_spec={"spec-id": 0, "fields": []},
        row_count=0,
        content_digest="0" * 32,
        metadata_file=metadata.path,
        files=[metadata],
    )
    values: dict[str, Any] = {
        "format_version": 1,
        "dataset": "small",
        "sequence": sequence,
        "created_at": NOW,
        "as_of_date": date(2024, 1, sequence),
        "previous": previous,
        "restores": None,
        "key_id": key_id(KEY.public_key()),
        "author_key_id": "public-v1",
        "tables": [table],
        "inputs": {},
        "models": Models(git_commit=None, sources={}),
        "coverage": [],
        "audits": [],
    }
    return ReleaseDocument(**(values | changes))


def publish(bucket: FolderBucket, sequence: int, previous: str | None, *, is_current: bool = True, **changes: Any) -> str:
    """Write a signed release and let `latest.json` name it; return its id."""
    content = canonical_json(document(sequence, previous, **changes))
    identifier = release_id(sequence, content)
    bucket.write(document_key(identifier), content)
    bucket.write(signature_key(identifier), canonical_json(sign(KEY, content)))
    if is_current:
        bucket.write(LATEST_KEY, canonical_json(latest_of(identifier, sequence)))
    return identifier


def latest_of(identifier: str, sequence: int) -> Latest:
    """Return the signed `latest.json` of a release, valid for a day from NOW."""
    unsigned = Latest(
        format_version=1,
        sequence=sequence,
        sha256=identifier[-64:],
        id=identifier,
        signed_at=NOW,
        expires_at=NOW + timedelta(days=1),
        key_id=key_id(KEY.public_key()),
        signature="",
    )
    return sign_latest(KEY, unsigned)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    """Return an empty bucket in a folder."""
    return FolderBucket(tmp_path, "small")


@pytest.fixture
def chain(bucket: FolderBucket) -> list[str]:
    """Publish three releases; return their ids, the oldest first."""
    identifiers: list[str] = []
    for sequence in (1, 2, 3):
        identifiers.append(publish(bucket, sequence, identifiers[-1] if identifiers else None))
    return identifiers


def test_a_document_survives_its_bytes() -> None:
    """A document read from its canonical bytes is the same document and has the same bytes; times end in Z, keys are sorted."""
    content = canonical_json(document(1, None))
    again = parse(ReleaseDocument, content, "it")
    assert again == document(1, None)
    assert canonical_json(again) == content
    assert json.loads(content)["created_at"] == "2026-11-21T10:00:00Z"
    assert list(json.loads(content)) == sorted(json.loads(content))


def test_releases_are_read_by_id_number_and_beginning(bucket: FolderBucket, chain: list[str]) -> None:
    """Without an id the newest is read; an id, its beginning, or the sequence number name a kept one."""
    assert read_release(bucket).id == chain[2]
    for name in (chain[1], chain[1][:12], "2", "000002"):
        assert read_release(bucket, name).id == chain[1]


@pytest.mark.parametrize("name", ["4", "000002-ffff", "../secret", "x", "", "000001-" + "0" * 64])
def test_a_release_that_is_not_there_is_named(bucket: FolderBucket, chain: list[str], name: str) -> None:
    """What isn't a kept release is an error that names it and what is kept."""
    with pytest.raises(ReleaseError, match=f"(?s){name}.*kept are 000001-"):
        read_release(bucket, name)


def test_nothing_released_is_no_list_and_a_clear_error(bucket: FolderBucket) -> None:
    """An empty bucket has no releases; to read the newest says how to make one."""
    assert list_releases(bucket) == []
    assert read_latest(bucket) is None
    with pytest.raises(ReleaseError, match="osslake release create"):
        read_release(bucket)


def test_the_list_is_the_chain_from_latest(bucket: FolderBucket, chain: list[str]) -> None:
    """The list runs from the newest to the first; a document that was never current isn't in it."""
    publish(bucket, 4, chain[2], is_current=False)
    assert [release.id for release in list_releases(bucket)] == chain[::-1]
    with pytest.raises(ReleaseError, match="is no release"):
        read_release(bucket, "4")


def test_the_list_ends_where_older_ones_were_removed(bucket: FolderBucket, chain: list[str]) -> None:
    """When the first documents are gone, the list holds those that are kept."""
    bucket.delete(document_key(chain[0]))
    assert [release.id for release in list_releases(bucket)] == [chain[2], chain[1]]


def test_a_lake_reads_its_own_bucket(tmp_path: Path) -> None:
    """Settings stand for the bucket in the lake's warehouse folder."""
    settings = Settings(folder=tmp_path, dataset="small")
    identifier = publish(FolderBucket(settings.warehouse, "small"), 1, None)
    assert read_release(settings).id == list_releases(open_bucket(settings))[0].id == identifier


@pytest.mark.parametrize("changes", [{"previous": "000001-" + "0" * 64}, {"sequence": 7}, {"dataset": "other", "tables": []}])
def test_a_broken_link_is_found(bucket: FolderBucket, chain: list[str], changes: dict[str, Any]) -> None:
    """A release that does not follow the one that it should follow is refused by the list."""
    content = canonical_json(document(3, chain[1]).model_copy(update=changes))
    identifier = release_id(3, content)
    bucket.write(document_key(identifier), content)
    bucket.write(document_key(changes.get("previous", chain[1])), bucket.read(document_key(chain[1])))
    bucket.write(LATEST_KEY, canonical_json(latest_of(identifier, 3)))
    with pytest.raises(VerificationError):
        list_releases(bucket)


@pytest.mark.parametrize("position", [0, 100, -2])
def test_a_changed_byte_is_found_on_reading(bucket: FolderBucket, chain: list[str], position: int) -> None:
    """A document whose bytes are not those of its id is not read."""
    content = bytearray(bucket.read(document_key(chain[2])))
    content[position] ^= 1
    bucket.write(document_key(chain[2]), bytes(content))
    with pytest.raises(VerificationError, match="its name says another"):
        read_release(bucket)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "is not a JSON document|Input should be"),
        (b"{", "is not a JSON document"),
        (b"\xff", "is not a JSON document"),
        (b'{"a": 1}', "is not canonical"),
        (b'{"a":1,"a":1}', "is not canonical"),
        (b'{"a":NaN}', "is not"),
        (b"[" * 100_000, "is not a JSON document"),
        (b"{}", "format_version: Field required"),
    ],
)
def test_what_is_no_document_is_refused(content: bytes, problem: str) -> None:
    """Bytes that aren't a canonical document are refused by name, whatever they are."""
    with pytest.raises(VerificationError, match=f"latest.json.*({problem})"):
        parse_canonical(Latest, content, "latest.json")


@pytest.mark.parametrize("version", [2, "1", None])
def test_another_format_version_is_refused(version: object) -> None:
    """A reader of version 1 does not guess at other versions."""
    plain = json.loads(canonical_json(document(1, None))) | {"format_version": version}
    with pytest.raises(VerificationError, match="format_version"):
        parse(ReleaseDocument, canonical_json(plain), "it")


def test_fields_of_later_writers_are_passed_over() -> None:
    """A field that this reader doesn't know is no error; in `latest.json` the signature covers it too."""
    plain = json.loads(canonical_json(document(1, None))) | {"mood": "good"}
    assert parse(ReleaseDocument, canonical_json(plain), "it") == document(1, None)
    identifier = release_id(1, canonical_json(plain))
    later = sign_latest(KEY, latest_of(identifier, 1).model_copy(update={"mood": "good"}))
    check_latest(parse_canonical(Latest, canonical_json(later), LATEST_KEY), TRUSTED, NOW)
    with pytest.raises(VerificationError, match="does not fit"):
        check_latest(later.model_copy(update={"mood": "bad"}), TRUSTED, NOW)


@pytest.mark.parametrize("field", ["format_version", "previous", "restores", "tables", "coverage"])
def test_no_field_is_filled_in(field: str) -> None:
    """A document that lacks a field is refused; nothing is taken for granted."""
    plain = json.loads(canonical_json(document(1, None)))
    del plain[field]
    with pytest.raises(VerificationError, match=f"{field}: Field required"):
        parse(ReleaseDocument, canonical_json(plain), "it")


@pytest.mark.parametrize(
    "path",
    [
        "s3://small/../secret",
        "s3://small/a/../../b",
        "s3://other/a",
        "/etc/passwd",
        "s3://small/",
        "s3://small/a//b",
        "s3://small/a\\b",
        "s3://small/a\n",
    ],
)
def test_a_path_out_of_the_bucket_is_refused(path: str) -> None:
    """No document can name a file outside the bucket, so that no mirror writes there."""
    table = document(1, None).tables[0].model_copy(update={"metadata_file": path})
    content = canonical_json(document(1, None).model_copy(update={"tables": [table]}))
    with pytest.raises(VerificationError, match="is not a plain path below s3://small"):
        parse(ReleaseDocument, content, "it")


def test_a_bucket_stays_in_its_folder(bucket: FolderBucket) -> None:
    """A key that leads out of the folder is refused; a plain path has its key."""
    with pytest.raises(ValueError, match="is not a path below"):
        bucket.read("../secret")
    assert bucket_key("small", "s3://small/marts/a b/c=1.parquet") == "marts/a b/c=1.parquet"


def test_the_publishers_signature_holds(bucket: FolderBucket, chain: list[str]) -> None:
    """A release signed by a trusted key passes, and with no key given any that fits."""
    for trusted in (TRUSTED, None):
        check_release(bucket, read_release(bucket), trusted)


def test_a_document_must_be_canonical(bucket: FolderBucket) -> None:
    """A document that is rightly named and signed, but not in canonical form, does not pass the check."""
    content = canonical_json(document(1, None)) + b"\n"
    identifier = release_id(1, content)
    bucket.write(document_key(identifier), content)
    bucket.write(signature_key(identifier), canonical_json(sign(KEY, content)))
    with pytest.raises(VerificationError, match="is not canonical"):
        check_release(bucket, read_release(bucket, identifier), TRUSTED)


def _other_key(bucket: FolderBucket, release: Release) -> None:
    bucket.write(signature_key(release.id), canonical_json(sign(Ed25519PrivateKey.generate(), release.content)))


def _other_content(bucket: FolderBucket, release: Release) -> None:
    bucket.write(signature_key(release.id), canonical_json(sign(KEY, release.content + b" ")))


def _missing(bucket: FolderBucket, release: Release) -> None:
    bucket.delete(signature_key(release.id))


def _other_spelling(bucket: FolderBucket, release: Release) -> None:
    signature = sign(KEY, release.content)
    spelled = signature.signature[:-3] + chr(ord(signature.signature[-3]) + 1) + "=="
    bucket.write(signature_key(release.id), canonical_json(signature.model_copy(update={"signature": spelled})))


def _borrowed_id(bucket: FolderBucket, release: Release) -> None:
    forged = sign(Ed25519PrivateKey.generate(), release.content).model_copy(update={"key_id": next(iter(TRUSTED))})
    bucket.write(signature_key(release.id), canonical_json(forged))


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (_other_key, "is not trusted"),
        (_other_content, "does not fit the document"),
        (_missing, "is missing"),
        (_other_spelling, "is not the base64 of 64 bytes"),
        (_borrowed_id, "does not belong to the key beside it"),
    ],
)
def test_a_forged_signature_is_refused(
    bucket: FolderBucket, chain: list[str], forge: Callable[[FolderBucket, Release], None], problem: str
) -> None:
    """Another key, another content, no signature, a second spelling and a borrowed key id are each refused by name."""
    release = read_release(bucket)
    forge(bucket, release)
    with pytest.raises(VerificationError, match=f"{chain[2]}.sig.json.*{problem}"):
        check_release(bucket, release, TRUSTED)


def test_latest_holds_until_it_expires(bucket: FolderBucket, chain: list[str]) -> None:
    """`latest.json` passes in its term; after it, under another key, or changed in any field, it is refused."""
    latest = read_latest(bucket)
    assert latest is not None
    check_latest(latest, TRUSTED, NOW)
    with pytest.raises(VerificationError, match="expired at"):
        check_latest(latest, TRUSTED, NOW + timedelta(days=2))
    with pytest.raises(VerificationError, match="not trusted"):
        check_latest(latest, {}, NOW)
    with pytest.raises(VerificationError, match="does not fit"):
        check_latest(latest.model_copy(update={"expires_at": NOW + timedelta(days=900)}), TRUSTED, NOW)


def test_latest_must_fit_together(bucket: FolderBucket, chain: list[str]) -> None:
    """A `latest.json` whose id is another than its sequence and hash say is refused."""
    bucket.write(LATEST_KEY, canonical_json(latest_of(chain[2], 2)))
    with pytest.raises(VerificationError, match="don't fit together"):
        read_release(bucket)


def test_public_keys_are_read_from_one_file() -> None:
    """A file may hold several public keys; what is none is refused by the file's name."""
    others = [Ed25519PrivateKey.generate().public_key() for _ in range(2)]
    pem = b"".join(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in others)
    assert set(read_public_keys(pem, "keys.pub")) == {key_id(key) for key in others}
    with pytest.raises(SettingsError, match=r"keys\.pub"):
        read_public_keys(b"nothing", "keys.pub")
