"""Verifying: whatever byte is changed, it is found and named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from small_lake import SERIES, SmallLake, table_of

from catalog.bucket import FolderBucket, open_bucket
from catalog.canonical import canonical_json
from catalog.errors import ReleaseError, VerificationError
from catalog.release_document import ReleasedTable
from catalog.releases import Release, document_key, release_id, signature_key
from catalog.signatures import sign
from lakehouse.releases import Failure, Verification, verify_release
from lakehouse.releases.keys import load_key
from lakehouse.releases.publication import point_latest


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallLake, list[Release]]:
    """Return a lake of two releases; tests put back what they change."""
    lake = SmallLake(tmp_path_factory.mktemp("verify") / "lake").fill()
    releases = [lake.release()]
    lake.write(SERIES, [(date(2024, 2, 2), 1.0, "new")])
    releases.append(lake.release())
    return lake, releases


def failures_of(lake: SmallLake, identifier: str | None = None) -> list[Failure]:
    """Return what verification finds."""
    try:
        verify_release(lake.settings, identifier)
    except VerificationError as error:
        found = error.values["failures"]
        assert isinstance(found, tuple)
        assert all(failure.subject in str(error) for failure in found)
        return list(found)
    return []


@contextmanager
def changed(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Give a file other bytes, and its own back at the end."""
    content = path.read_bytes()
    path.write_bytes(change(content))
    try:
        yield
    finally:
        path.write_bytes(content)


def flipped(position: int) -> Callable[[bytes], bytes]:
    """Return a change of one bit of the byte at a position."""
    return lambda content: content[:position] + bytes([content[position] ^ 1 << position % 8]) + content[position + 1 :]


def test_what_was_released_holds(two: tuple[SmallLake, list[Release]]) -> None:
    """Both releases verify, and it is told what was checked."""
    lake, (first, second) = two
    found = verify_release(lake.settings)
    files = [file for table in second.tables for file in table.files]
    assert found == Verification(second, 2, len(files), sum(file.size_bytes for file in files), 7)
    assert verify_release(lake.settings, first.id).row_count == verify_release(lake.settings, "1").row_count == 6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("part", ["document", "old document", "signature", "old signature", "latest"])
def test_any_changed_byte_of_the_documents_is_found(two: tuple[SmallLake, list[Release]], part: str, seed: int) -> None:
    """One flipped bit at any of fifteen places in a document, a signature or `latest.json` is found, and that file is named."""
    lake, (first, second) = two
    key = {
        "document": document_key(second.id),
        "old document": document_key(first.id),
        "signature": signature_key(second.id),
        "old signature": signature_key(first.id),
        "latest": "latest.json",
    }[part]
    path = lake.settings.warehouse / key
    for position in random.Random(seed).sample(range(path.stat().st_size), 15):
        with changed(path, flipped(position)):
            subjects = {failure.subject for failure in failures_of(lake)}
            assert key.replace(".sig.json", ".json") in {subject.replace(".sig.json", ".json") for subject in subjects}
    assert failures_of(lake) == []


@pytest.mark.parametrize("kind", ["data", "manifest", "manifest_list", "metadata"])
def test_any_changed_byte_of_a_table_is_found(two: tuple[SmallLake, list[Release]], kind: str) -> None:
    """One flipped bit at any of twenty places in a file of each kind is found, and the file is named."""
    lake, (_, second) = two
    listed = next(file for file in table_of(second, SERIES).files if file.kind == kind)
    path = lake.path(listed.path)
    for position in random.Random(kind).sample(range(listed.size_bytes), 20):
        with changed(path, flipped(position)):
            (failure,) = failures_of(lake)
            assert failure.subject == listed.path
            assert "its SHA-256 is" in failure.problem


def test_truncated_and_missing_files_are_found_together(two: tuple[SmallLake, list[Release]]) -> None:
    """All that is wrong is told at once: a cut file and a missing one, each by name."""
    lake, (_, second) = two
    one, other = table_of(second, SERIES).data_files[:2]
    with changed(lake.path(one.path), lambda content: content[:-1]), changed(lake.path(other.path), lambda content: content):
        lake.path(other.path).unlink()
        assert {failure.subject: failure.problem.split()[0] for failure in failures_of(lake)} == {one.path: "has", other.path: "is"}


def test_removed_documents_are_found(two: tuple[SmallLake, list[Release]]) -> None:
    """A missing signature, a missing newest document and a missing `latest.json` are found; an older document may be gone."""
    lake, (first, second) = two
    bucket = open_bucket(lake.settings)
    for key in (signature_key(second.id), document_key(second.id), "latest.json"):
        content = bucket.read(key)
        bucket.delete(key)
        assert failures_of(lake), key
        bucket.write(key, content)
    content = bucket.read(document_key(first.id))
    bucket.delete(document_key(first.id))
    assert verify_release(lake.settings).chain_length == 1
    bucket.write(document_key(first.id), content)


def forge(lake: SmallLake, release: Release, change: Callable[[ReleasedTable], dict[str, object]]) -> str:
    """Publish, rightly signed, a third release that lies about a table; return its id."""
    bucket = open_bucket(lake.settings)
    tables = [table if table.full_name != SERIES.full_name else table.model_copy(update=change(table)) for table in release.tables]
    document = release.document.model_copy(update={"sequence": 3, "previous": release.id, "tables": tables})
    content = canonical_json(document)
    forged = Release(release_id(3, content), document, content)
    key = load_key(lake.settings.signing_key)
    bucket.write(document_key(forged.id), content)
    bucket.write(signature_key(forged.id), canonical_json(sign(key, content)))
    point_latest(lake.settings, bucket, key, forged)
    return forged.id


LIES: dict[str, Callable[[ReleasedTable], dict[str, object]]] = {
    "don't add up": lambda table: {"row_count": 99},
    "have digest": lambda table: {
        "files": [table.files[0].model_copy(update={"content_digest": "0" * 32}), *table.files[1:]],
    },
    "its current snapshot is": lambda table: {"snapshot_id": "5"},
    "its schema is not": lambda table: {"schema_": table.schema_ | {"schema-id": 7}},
    "its partition spec is not": lambda table: {"partition_spec": {"spec-id": 0, "fields": []}},
    "are not those that the release lists": lambda table: {"files": table.files[1:]},
    "is not among its files": lambda table: {"metadata_file": table.metadata_file + "x"},
}


@pytest.mark.parametrize("problem", LIES)
def test_a_signed_lie_is_found(two: tuple[SmallLake, list[Release]], problem: str) -> None:
    """A document that is rightly signed and says what its files don't is found."""
    lake, (_, second) = two
    bucket = open_bucket(lake.settings)
    latest = bucket.read("latest.json")
    forged = forge(lake, second, LIES[problem])
    try:
        assert problem in " ".join(failure.problem for failure in failures_of(lake))
    finally:
        bucket.write("latest.json", latest)
        bucket.delete(document_key(forged))
        bucket.delete(signature_key(forged))


def test_an_expired_latest_is_found(two: tuple[SmallLake, list[Release]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A `latest.json` that was not signed again in its term is told as expired."""
    lake, (_, second) = two
    with changed(lake.settings.warehouse / "latest.json", lambda content: content):
        settings = lake.settings.model_copy(update={"release": lake.settings.release.model_copy(update={"expires_after_days": -1})})
        point_latest(settings, open_bucket(settings), load_key(settings.signing_key), second)
        (failure,) = failures_of(lake)
        assert "expired" in failure.problem


def test_a_bad_file_is_never_opened_by_an_engine(two: tuple[SmallLake, list[Release]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file's SHA-256 doesn't hold, DuckDB isn't given it."""
    lake, (_, second) = two
    opened: list[str] = []
    location = FolderBucket.location
    monkeypatch.setattr(FolderBucket, "location", lambda self, key: (opened.append(key), location(self, key))[1])
    listed = table_of(second, SERIES).data_files[0]
    with changed(lake.path(listed.path), flipped(40)):
        failures_of(lake)
    assert opened
    assert listed.path.removeprefix(f"{lake.settings.bucket}/") not in opened


def test_nothing_to_verify_is_a_clear_error(lake: SmallLake, two: tuple[SmallLake, list[Release]]) -> None:
    """Without releases, or for one that isn't there, it is told so."""
    lake_of_two, _ = two
    with pytest.raises(ReleaseError, match="000009"):
        verify_release(lake_of_two.settings, "000009")
    load = lake.release
    load()
    for key in [*open_bucket(lake.settings).keys("releases"), "latest.json"]:
        open_bucket(lake.settings).delete(key)
    with pytest.raises(ReleaseError, match="nothing was released yet"):
        verify_release(lake.settings)
