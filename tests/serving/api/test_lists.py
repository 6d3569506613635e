"""Lists and rows: paging that stays with its release, filters, orders, formats, and errors that say what would be right."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import orjson
import pyarrow as pa
import pytest
from marts_lake import ALPHA, ENGINE, MartsLake, oso_id
from pyarrow import csv, parquet
from web_servers import AppClient

NAMES = ["alpha", "beta", "gamma"]


def names(api: AppClient, query: str) -> list[str]:
    """Return the projects that a query string chooses."""
    answer = api.get(f"/v1/projects?{query}")
    assert answer.status_code == 200, answer.text
    return [row["project_name"] for row in answer.json()["data"]]


def detail(api: AppClient, path: str, status: int = 400) -> str:
    """Return what the error of a path says."""
    answer = api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    return str(answer.json()["detail"])


def test_a_list_tells_its_release(api: AppClient, marts_lake: MartsLake) -> None:
    """Each answer names the release that it comes from, and the last day that its metrics speak of."""
    answer = api.get("/v1/projects")
    told = answer.json()
    assert told["release_id"] == answer.headers["osslake-release"] == marts_lake.releases[1].id
    assert (told["as_of_date"], told["next"]) == ("2024-02-11", None)
    assert told["data"][0] == {
        "project_id": ALPHA,
        "oso_id": oso_id("alpha"),
        "project_name": "alpha",
        "display_name": "Alpha",
        "description": '"alpha", a project; with, commas',
        "first_listed_at": "2024-01-01T12:00:00Z",
        "artifact_count": 2,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("project_name=eq.alpha", ["alpha"]),
        ("project_name=neq.alpha", ["beta", "gamma"]),
        ("artifact_count=gte.0", ["alpha", "gamma"]),
        ("artifact_count=lt.2", ["gamma"]),
        ("artifact_count=not.lt.2", ["alpha"]),
        ("artifact_count=is.null", ["beta"]),
        ("artifact_count=not.is.null", ["alpha", "gamma"]),
        ("project_name=in.(beta,gamma,nobody)", ["beta", "gamma"]),
        ('description=in.("\\"alpha\\", a project; with, commas")', ["alpha"]),
        ("display_name=like.*ta", ["beta"]),
        ("display_name=like.B*", ["beta"]),
        ("display_name=like.b*", []),
        ("display_name=like.*%25*", []),
        ("display_name=like._eta", []),
        ("first_listed_at=lte.2024-01-01T13:00:00%2B01:00", ["alpha", "gamma"]),
        ("first_listed_at=lt.2024-01-01T12:00:00Z", []),
        ("or=(project_name.eq.beta,artifact_count.eq.2)", ["alpha", "beta"]),
        ("not.or=(project_name.eq.beta,artifact_count.eq.2)", ["gamma"]),
        ("or=(and(project_name.eq.alpha,artifact_count.eq.9),not.and(artifact_count.gte.0,artifact_count.lte.9))", []),
        ("project_name=neq.alpha&artifact_count=eq.0", ["gamma"]),
        ("order=project_name.desc", ["gamma", "beta", "alpha"]),
        ("order=artifact_count.desc", ["alpha", "gamma", "beta"]),
        ("order=artifact_count", ["gamma", "alpha", "beta"]),
        ("limit=2", ["alpha", "beta"]),
    ],
)
def test_conditions_choose_rows(api: AppClient, query: str, expected: list[str]) -> None:
    """Each operator, and any nesting of them, chooses what it says."""
    assert names(api, query) == expected


@pytest.mark.parametrize(
    "order",
    [
        "",
        "order=artifact_count.desc&",
        "order=first_listed_at&",
        "order=first_listed_at.desc,artifact_count&",
        "select=display_name,project_name&",
    ],
)
def test_pages_follow_each_other(api: AppClient, order: str) -> None:
    """Page after page every row comes once, in the order of the whole, rows without a value and rows that are alike included."""
    whole = names(api, order)
    found, path = [], f"/v1/projects?{order}limit=1"
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        found += [row["project_name"] for row in answer.json()["data"]]
        path = answer.json()["next"]
        assert answer.headers.get("link", "") == (f'<{path}>; rel="next"' if path else "")
    assert found == whole
    assert sorted(found) == NAMES


def test_pages_of_events_follow_each_other(api: AppClient) -> None:
    """Tables that are read from the release's files are paged likewise."""
    whole = api.get("/v1/events/daily").json()["data"]
    first = api.get("/v1/events/daily?limit=1").json()
    second = api.get(first["next"]).json()
    assert first["data"] + second["data"] == whole
    assert [row["bucket_date"] for row in whole] == ["2024-01-30", "2024-01-31"]
    assert second["next"] is None
    assert [row["amount"] for row in api.get(f"/v1/events/daily?bucket_date=gt.2024-01-30&to_artifact_id=eq.{ENGINE}").json()["data"]] == [
        1.5
    ]
    assert [row["amount"] for row in api.get("/v1/events/daily?order=amount&select=amount").json()["data"]] == [1.5, 3.0]


def test_a_page_stays_with_its_release(api: AppClient, marts_lake: MartsLake) -> None:
    """A list that was begun in an older release goes on in it."""
    older = marts_lake.releases[0].id
    first = api.get(f"/v1/projects?limit=1&release={older}").json()
    second = api.get(first["next"]).json()
    assert [first["release_id"], second["release_id"]] == [older, older]
    assert (second["data"][0]["project_name"], second["next"]) == ("beta", None)


def test_a_release_is_named_by_id_number_or_path(api: AppClient, marts_lake: MartsLake) -> None:
    """`?release=` takes an id or a sequence number; below the release's path answers are the same, and may be kept forever."""
    older = marts_lake.releases[0].id
    answers = [api.get(path) for path in (f"/v1/projects?release={older}", "/v1/projects?release=1", f"/releases/{older}/v1/projects")]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert [row["project_name"] for row in answers[0].json()["data"]] == ["alpha", "beta"]
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    assert api.get("/v1/projects").headers["cache-control"] == "no-cache"


def test_a_release_that_is_not_there_is_told(api: AppClient) -> None:
    """One that never was is 404, and says which there are."""
    assert "there are 2, 1" in detail(api, "/v1/projects?release=77", 404)
    assert "there are 2, 1" in detail(api, f"/releases/000002-{'0' * 64}/v1/projects", 404)
    assert "named twice" in detail(api, "/v1/projects?release=1&release=2")


def test_forged_cursors_are_refused(api: AppClient) -> None:
    """A cursor that was not made here, was changed, or belongs to another question leads nowhere."""
    following = api.get("/v1/projects?limit=1").json()["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    changed = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for forged in ("x", "%00", changed, "A" * 5000, cursor[:20]):
        assert "not made here" in detail(api, f"/v1/projects?cursor={quote(forged)}")
    assert "another question" in detail(api, f"/v1/collections?cursor={cursor}")
    assert "another question" in detail(api, f"/v1/projects?cursor={cursor}&artifact_count=eq.1")
    assert "belongs to release" in detail(api, f"/v1/projects?cursor={cursor}&release=1", 410)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("artefact_count=eq.1", "is artifact_count meant?"),
        ("artifact_count=1", "artifact_count=eq.1 compares"),
        ("artifact_count=around.1", "known are eq, neq, gt"),
        ("artifact_count=eq.many", "'many' is no value of artifact_count (long)"),
        ("artifact_count=eq.99999999999999999999", "is no value of artifact_count"),
        ("artifact_count=like.1*", "artifact_count is no text"),
        ("first_listed_at=gt.yesterday", "such as 2024-01-31T12:00:00Z"),
        ("artifact_count=is.true", "is.null would be right"),
        ("project_name=in.alpha", "in takes a list"),
        ("project_name=in.(alpha", "isn't closed"),
        ('project_name=in.("alpha)', "double quote isn't closed"),
        ("or=project_name.eq.a", "a group is to be like (a.eq.1,b.gt.2)"),
        ("or=(project_name.eq.a", "missing at character"),
        ("or=(project_name.eq.a)b", "'b' is too much"),
        ("or=(nobody.eq.a)", "there is no column 'nobody'"),
        ("or=" + "(or" * 6 + "(project_name.eq.a)" + ")" * 6, "nested 5 deep at most"),
        ("or=(" + ",".join(["project_name.eq.a"] * 60) + ")", "50 parts at most"),
        ("project_name=in.(" + ",".join(["a"] * 1001) + ")", "1000 values at most"),
        ("order=size", "there is no column 'size'"),
        ("order=project_name.up", "asc or desc would be right"),
        ("order=project_name,project_name.desc", "twice"),
        ("select=project_name,project_name", "twice"),
        ("select=name", "is project_name or display_name meant?"),
        ("limit=0", "no number between 1 and 1,000"),
        ("limit=1e3", "no number between 1 and 1,000"),
        ("limit=5&limit=6", "may be given once"),
        ("project_name=eq.%ff", "in UTF-8"),
        ("project_name", "name=value"),
    ],
)
def test_what_is_wrong_is_told(api: AppClient, query: str, said: str) -> None:
    """A question that can't be answered says what would be right."""
    assert said in detail(api, f"/v1/projects?{query}")


def test_a_row_is_found_by_each_of_its_names(api: AppClient) -> None:
    """Name, id and OSO's id (its base64 written for URLs too) lead to one row."""
    by_name = api.get("/v1/projects/alpha").json()["data"]
    assert by_name["project_id"] == ALPHA
    for key in (ALPHA, quote(oso_id("alpha"), safe=""), oso_id("alpha").replace("+", "-").replace("/", "_")):
        answer = api.get(f"/v1/projects/{key}")
        assert (answer.status_code, answer.json().get("data")) == (200, by_name), key
    assert "is alpha meant?" in detail(api, "/v1/projects/alpa", 404)
    repository = api.get("/v1/artifacts/alpha/engine").json()["data"]
    assert repository["artifact_id"] == ENGINE
    assert repository == api.get("/v1/artifacts/alpha/motor").json()["data"]


@pytest.mark.parametrize("asks", ["suffix", "accept"])
@pytest.mark.parametrize("kind", ["csv", "ndjson", "arrow", "parquet"])
def test_all_formats_hold_the_same_rows(api: AppClient, kind: str, asks: str) -> None:
    """CSV, NDJSON, Arrow and Parquet, by suffix or by Accept, hold the rows of the JSON."""
    media_types = {
        "csv": "text/csv; charset=utf-8",
        "ndjson": "application/x-ndjson",
        "arrow": "application/vnd.apache.arrow.stream",
        "parquet": "application/vnd.apache.parquet",
    }
    expected = api.get("/v1/projects").json()["data"]
    path, accept = (
        (f"/v1/projects.{kind}", "*/*") if asks == "suffix" else ("/v1/projects", f"text/html;q=0.9, {media_types[kind].partition(';')[0]}")
    )
    answer = api.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_types[kind])
    assert read_rows(kind, answer.content) == expected


def read_rows(kind: str, content: bytes) -> list[dict[str, Any]]:
    """Return the rows of a document as JSON has them."""
    if kind == "ndjson":
        return [orjson.loads(line) for line in content.splitlines()]
    if kind == "csv":
        table = csv.read_csv(
            io.BytesIO(content), convert_options=csv.ConvertOptions(strings_can_be_null=True, column_types={"first_listed_at": pa.string()})
        )
    elif kind == "arrow":
        table = pa.ipc.open_stream(content).read_all()
    else:
        table = parquet.read_table(io.BytesIO(content))
    rows: list[dict[str, Any]] = orjson.loads(orjson.dumps(table.to_pylist(), option=orjson.OPT_UTC_Z))
    return rows


def test_formats_that_are_not_made_are_told(api: AppClient) -> None:
    """An Accept header without any of ours is 406."""
    answer = api.get("/v1/projects", headers={"Accept": "text/html, image/png"})
    assert (answer.status_code, "application/json, application/x-ndjson" in answer.json()["detail"]) == (406, True)
    assert api.get("/v1/projects", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_an_etag_names_the_bytes(api: AppClient) -> None:
    """An answer that the client has is 304; another format, coding, question or release has another ETag."""
    plain = api.get("/v1/projects", headers={"Accept-Encoding": "identity"})
    again = api.get("/v1/projects", headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", plain.headers["etag"])
    others = [
        api.get("/v1/projects", headers={"Accept-Encoding": "gzip"}),
        api.get("/v1/projects.csv", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?limit=3", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?release=1", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?release=2", headers={"Accept-Encoding": "identity"}),
    ]
    assert len({answer.headers["etag"] for answer in [plain, *others]}) == 6
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in others)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_long_answers_are_packed_as_asked(api: AppClient, coding: str) -> None:
    """An answer in a content coding unpacks to the plain one."""
    plain = api.get("/v1/metric-periods", headers={"Accept-Encoding": "identity"})
    packed = api.get("/v1/metric-periods", headers={"Accept-Encoding": f"{coding}, deflate;q=0.5"})
    assert packed.headers["content-encoding"] == coding
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.content == plain.content
