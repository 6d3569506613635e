"""What the API says of releases: which are kept, what each holds, and what differs between two."""

from __future__ import annotations

from datetime import date

import pytest
from released_lake import FIRST_EVENTS, PROJECTS, ReleasedLake
from web_servers import AppClient, answering


def test_kept_releases_stand_newest_first(client: AppClient, two_releases: ReleasedLake) -> None:
    """The list has each kept release with its day, tables and rows, the newest first and marked as the current one."""
    answer = client.get("/v1/releases").json()
    second, first = answer["data"]
    assert [one["id"] for one in (first, second)] == [release.id for release in two_releases.releases]
    assert (second["is_current"], first["is_current"], first["sequence"], second["previous"]) == (True, False, 1, first["id"])
    assert (first["as_of_date"], second["as_of_date"], answer["release_id"]) == ("2024-01-01", "2024-01-02", second["id"])
    assert (second["table_count"], second["row_count"]) == (4, 3 + 2 + 3)


def test_a_release_says_what_it_holds(client: AppClient, two_releases: ReleasedLake) -> None:
    """By id, number or `latest` a release tells its tables with rows, bytes and digest, its key, and where the signed document lies."""
    release = two_releases.releases[-1]
    answers = [client.get(f"/v1/releases/{name}") for name in (release.id, "2", "latest")]
    assert len({answer.content for answer in answers}) == 1
    told = answers[0].json()["data"]
    assert told["tables"][-1] == {
        "name": "marts.source_gaps_v1",
        "row_count": 0,
        "size_bytes": release.tables[-1].size_bytes,
        "file_count": 0,
        "content_digest": release.tables[-1].content_digest,
        "url": f"/releases/{release.id}/v1/datasets/marts.source_gaps_v1",
    }
    assert (told["key_id"], told["audits"], told["coverage"]) == (release.document.key_id, [], [])
    assert client.get(told["document"]).content == release.content
    assert client.get(told["signature"]).json()["key_id"] == told["key_id"]


def test_changes_tell_what_differs(client: AppClient, two_releases: ReleasedLake) -> None:
    """Between two releases each changed table stands with its rows before and after and the partitions that changed."""
    told = client.get("/v1/releases/1/changes/2").json()["data"]
    changed = {table["name"]: table for table in told["changed"]}
    assert (told["added"], told["removed"], told["is_empty"]) == ([], [], False)
    assert set(changed) == {"raw.demo__events", "intermediate.int_days", PROJECTS.full_name}
    assert (changed[PROJECTS.full_name]["rows_before"], changed[PROJECTS.full_name]["rows_after"]) == (2, 3)
    assert changed["raw.demo__events"]["partitions"] == ["2024-01-02"]
    assert (told["as_of_before"], told["as_of_after"]) == ("2024-01-01", "2024-01-02")
    assert client.get("/v1/releases/2/changes/2").json()["data"]["is_empty"]
    assert client.get(client.get("/v1/releases/2").json()["data"]["changes"]).json()["data"] == told


def test_an_answer_is_known_until_another_release_comes(own_lake: ReleasedLake) -> None:
    """The list's ETag gives 304 until a release is made; then the list has it at once."""
    own_lake.release_first()
    with answering(own_lake.settings) as client:
        etag = client.get("/v1/releases").headers["etag"]
        assert client.get("/v1/releases", headers={"If-None-Match": etag}).status_code == 304
        own_lake.append(own_lake.datasets[0], [FIRST_EVENTS[0] | {"event_id": 9}])
        own_lake.release(date(2024, 1, 3))
        answer = client.get("/v1/releases", headers={"If-None-Match": etag})
    assert (answer.status_code, [one["sequence"] for one in answer.json()["data"]]) == (200, [2, 1])
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/releases/7", 404, "kept are 2, 1"),
        ("/v1/releases/nothing", 404, "kept are 2, 1"),
        ("/v1/releases/000001-" + "0" * 64, 410, "is not kept"),
        ("/v1/releases/1/changes/7", 404, "kept are 2, 1"),
        ("/v1/releases?limit=1", 400, "no parameter 'limit'"),
        ("/v1/releases/1?a", 400, "no parameter 'a'"),
        ("/releases/7/v1/releases", 404, "kept are 2, 1"),
    ],
)
def test_what_is_not_there_is_told(client: AppClient, path: str, status: int, said: str) -> None:
    """A release that isn't kept, or a parameter, is refused by a problem document that says what there is."""
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("path", ["releases", "releases/1", "releases/1/changes/2", "datasets", "dcat", "datasets/marts.projects_v1/rows"])
def test_all_can_be_asked_below_a_release_and_by_head(client: AppClient, two_releases: ReleasedLake, path: str) -> None:
    """Each path is there below `/v1/` and below a release's id, for GET and for HEAD, which brings no body."""
    for root in ("/v1", f"/releases/{two_releases.releases[-1].id}/v1"):
        assert client.get(f"{root}/{path}").status_code == 200
        head = client.request("HEAD", f"{root}/{path}")
        assert (head.status_code, head.headers["etag"]) == (200, client.get(f"{root}/{path}").headers["etag"])
