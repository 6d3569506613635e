"""The REST catalog's documents: what they say of a release, and that they say the same by every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from released_lake import ReleasedLake

from catalog import rest_catalog
from catalog.errors import VerificationError
from catalog.releases import Release

BASE = "https://data.example.org/oss"


@pytest.fixture
def release(released_lake: ReleasedLake) -> Release:
    """Return the newest release."""
    return released_lake.releases[-1]


@pytest.fixture
def ask(released_lake: ReleasedLake, release: Release) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """Return a function from a path to status and document."""

    def _ask(path: str) -> tuple[int, dict[str, Any]]:
        answer = rest_catalog.answer(release, lambda location: released_lake.path(location).read_bytes(), BASE, path)
        return answer.status, json.loads(answer.body)

    return _ask


def test_config_leads_to_the_newest_release(ask: Callable[[str], Any], release: Release) -> None:
    """`v1/config` answers with the release's id as prefix; the addresses of a kept release and of `latest` need none."""
    assert ask("v1/config")[1]["overrides"] == {"prefix": release.id}
    assert ask("latest/v1/config")[1]["overrides"] == {}
    assert ask(f"releases/{release.id}/v1/config")[1]["overrides"] == {}


def test_only_reading_is_offered(ask: Callable[[str], Any]) -> None:
    """The endpoints that config lists are GET and HEAD ones."""
    assert {endpoint.split()[0] for endpoint in ask("v1/config")[1]["endpoints"]} == {"GET", "HEAD"}


def test_every_listed_path_has_a_document(released_lake: ReleasedLake, release: Release, ask: Callable[[str], Any]) -> None:
    """All immutable and changing paths are answered, and by the same documents as one look-up gives."""
    paths = [*rest_catalog.immutable_paths(release), *rest_catalog.changing_paths(release)]
    found = dict(rest_catalog.documents(release, lambda location: released_lake.path(location).read_bytes(), BASE, paths))
    assert list(found) == paths
    assert paths[-1] == "v1/config"
    assert all(ask(path) == (200, json.loads(body)) for path, body in found.items())
    assert {path: rest_catalog.is_immutable(path) for path in paths} == {
        path: path in rest_catalog.immutable_paths(release) for path in paths
    }


def test_the_three_roots_show_the_same_tables(ask: Callable[[str], Any], release: Release) -> None:
    """A table looks the same by the prefix, by the release's address, and by `latest`."""
    below = "namespaces/marts/tables/projects_v1"
    answers = [ask(f"{root}/{below}") for root in (f"v1/{release.id}", f"releases/{release.id}/v1", "latest/v1")]
    assert answers[0] == answers[1] == answers[2]


def test_namespaces_are_the_stages(ask: Callable[[str], Any], release: Release) -> None:
    """There are three flat namespaces, each of which lists its own tables and tells the release."""
    assert ask("latest/v1/namespaces")[1] == {"namespaces": [["raw"], ["intermediate"], ["marts"]]}
    assert ask("latest/v1/namespaces/raw")[1]["properties"] == {"release": release.id, "as_of_date": "2024-01-02"}
    listed = ask("latest/v1/namespaces/marts/tables")[1]["identifiers"]
    assert listed == [{"namespace": ["marts"], "name": name} for name in ("projects_v1", "source_gaps_v1")]


def test_a_table_is_pinned_to_its_released_snapshot(released_lake: ReleasedLake, ask: Callable[[str], Any], release: Release) -> None:
    """A table's metadata holds the released snapshot alone, though its file knows more; it can't lead to files that aren't released."""
    table = next(table for table in release.tables if table.name == "projects_v1")
    status, document = ask("latest/v1/namespaces/marts/tables/projects_v1")
    stored = json.loads(released_lake.path(table.metadata_file).read_bytes())
    assert status == 200
    assert document["metadata-location"] == table.metadata_file
    assert len(stored["snapshots"]) > 1
    assert [snapshot["snapshot-id"] for snapshot in document["metadata"]["snapshots"]] == [int(table.snapshot_id)]
    assert document["metadata"]["current-snapshot-id"] == int(table.snapshot_id)
    assert list(document["metadata"]["refs"]) == ["main"]
    assert document["metadata"]["metadata-log"] == document["metadata"]["snapshot-log"] == []
    assert document["metadata"]["schemas"] == stored["schemas"]


def test_the_bucket_is_told_without_credentials(ask: Callable[[str], Any]) -> None:
    """A table comes with the place of the logical bucket, path style below the base, read without keys."""
    config = ask("latest/v1/namespaces/marts/tables/projects_v1")[1]["config"]
    assert config["s3.endpoint"] == BASE
    assert config["s3.path-style-access"] == config["s3.anonymous"] == "true"
    assert not [name for name in config if "key" in name or "token" in name]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("latest/v1/namespaces/marts/tables/nothing_v1", "NoSuchTableException"),
        ("latest/v1/namespaces/raw/tables/projects_v1", "NoSuchTableException"),
        ("latest/v1/namespaces/nowhere", "NoSuchNamespaceException"),
        ("latest/v1/namespaces/nowhere/tables", "NoSuchNamespaceException"),
        ("latest/v1/namespaces/marts%1Fdeep/tables/projects_v1", "NoSuchNamespaceException"),
        ("latest/v1/transactions/commit", "NotFoundException"),
        (f"v1/000009-{'0' * 64}/namespaces", "NotFoundException"),
        ("v1/namespaces", "NotFoundException"),
    ],
)
def test_what_does_not_exist_is_an_iceberg_error(ask: Callable[[str], Any], path: str, kind: str) -> None:
    """What isn't there is answered by 404 with Iceberg's error document, which names the kind."""
    status, document = ask(path)
    assert status == 404
    assert (document["error"]["type"], document["error"]["code"]) == (kind, 404)


def test_a_damaged_metadata_file_is_refused(released_lake: ReleasedLake, release: Release) -> None:
    """A metadata file whose bytes are not those that the release lists is never handed on."""
    path = "latest/v1/namespaces/marts/tables/projects_v1"
    with pytest.raises(VerificationError, match="is not the file that the release lists"):
        rest_catalog.answer(release, lambda location: released_lake.path(location).read_bytes() + b" ", BASE, path)
