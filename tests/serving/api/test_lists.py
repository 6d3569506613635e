"""Lists and rows: paging that stays with its release, filters, orders, formats, and errors that say what would be right."""

from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import orjson
import pyarrow as pa
import pytest
from marts_lake import ALPHA, ENGINE, MartsLake, oso_id
from pyarrow import csv, parquet
from web_servers import AppClient

from serving.api import answers
from serving.api.cursors import KEY_FILE, Cursors, Position
from serving.api.errors import RequestError
from serving.api.formats import FORMATS, chosen_encoding
from serving.api.unknown_paths import KNOWN

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
        ("artifact_count=neq.2", ["gamma"]),
        ("artifact_count=not.eq.2", ["gamma"]),
        ("artifact_count=not.in.(2)", ["gamma"]),
        ("or=(artifact_count.neq.2,artifact_count.is.null)", ["beta", "gamma"]),
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


def test_any_number_of_nots_is_read(api: AppClient) -> None:
    """An odd number turns a condition round, an even one doesn't; too many are refused, and no engine fails of them."""
    for count in range(1, 61):
        found = [
            api.get(f"/v1/projects?select=project_name&{'not.' * count}or=(artifact_count.{'not.' * count}eq.2)"),
            api.get(f"/v1/projects?select=project_name&artifact_count={'not.' * count}eq.2"),
            api.get(f"/v1/events/daily?select=amount&amount={'not.' * count}eq.3"),
        ]
        if count > 1:
            assert found.pop(0).status_code == 400
        else:
            assert found.pop(0).json()["data"] == [{"project_name": "alpha"}]
        if count < 50:
            expected = [{"project_name": "gamma"}], [{"amount": 1.5}]
            even = [{"project_name": "alpha"}], [{"amount": 3.0}]
            assert tuple(answer.json()["data"] for answer in found) == (expected if count % 2 else even)
        else:
            assert ["50 parts at most" in answer.json()["detail"] for answer in found] == [True, True]


@pytest.mark.parametrize(
    "value", ["\u0661", "1_0", "+1", " 1", "1 ", "1.0", "0x1", "nan", "inf", "-inf", "Infinity", "1e999", "--1", "", "1\0"]
)
@pytest.mark.parametrize("condition", ["projects?artifact_count=eq.{}", "events/daily?event_count=lt.{}", "events/daily?amount=gte.{}"])
def test_numbers_are_finite_and_of_plain_digits(api: AppClient, condition: str, value: str) -> None:
    """What Python or an engine would take for a number beyond that is refused, of whole numbers a point as well."""
    is_plain = value == "1.0" and "amount" in condition
    assert api.get(f"/v1/{condition.format(quote(value))}").status_code == (200 if is_plain else 400)


@pytest.mark.parametrize(
    ("value", "expected"), [("1.5", [1.5]), ("15e-1", [1.5]), ("-1.5", []), ("3", [3.0]), ("3.", [3.0]), (".3E+1", [3.0])]
)
def test_numbers_may_have_fractions_and_exponents(api: AppClient, value: str, expected: list[float]) -> None:
    """A number is read as JSON and CSV write it."""
    assert [row["amount"] for row in api.get(f"/v1/events/daily?amount=eq.{quote(value)}").json()["data"]] == expected


@pytest.mark.parametrize("day", ["20240130", "2024-W05-2", "\u0662024-01-30", "2024-1-30", "2024-01-30T00:00"])
def test_days_have_one_form(api: AppClient, day: str) -> None:
    """A day is YYYY-MM-DD."""
    assert "such as 2024-01-31" in detail(api, f"/v1/events/daily?bucket_date=eq.{quote(day)}")


@pytest.mark.parametrize("path", ["projects?project_name", "events/daily?event_type"])
@pytest.mark.parametrize("condition", ["eq.%00", "neq.a%00", "like.%00", "like.*%00*", "in.(a,%00)", "not.like.%00"])
def test_nul_is_refused_everywhere(api: AppClient, path: str, condition: str) -> None:
    """Engines end texts at NUL or don't, so no value may hold it."""
    assert "the character NUL" in detail(api, f"/v1/{path}={condition}")


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


def test_the_newest_release_may_be_named(api: AppClient, marts_lake: MartsLake) -> None:
    """`latest` is the newest release, in the parameter and in the path: the answer is that without it, and may not be kept forever."""
    plain, *others = (
        api.get(path) for path in ("/v1/projects?limit=1", "/v1/projects?limit=1&release=latest", "/releases/latest/v1/projects?limit=1")
    )
    assert [other.content for other in others] == [plain.content] * 2
    assert {other.headers["cache-control"] for other in others} == {"no-cache"}
    assert f"release={marts_lake.releases[1].id}" in plain.json()["next"]


def test_an_etag_depends_on_what_writes_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another version of a package that writes or packs answers, the digest of the code is another one."""
    assert set(answers.WRITERS) == {"brotli", "orjson", "pyarrow", "zstandard"}
    before = answers._code_digest()
    assert before == answers._code_digest()
    monkeypatch.setattr(answers, "version", lambda package: "0" if package == "zstandard" else version(package))
    assert answers._code_digest() != before


@pytest.mark.parametrize(
    ("path", "said", "near"),
    [
        ("/v1/projcts", "there is no /v1/projcts; is /v1/projects meant?", "/v1/projects"),
        ("/v1/projcts.csv", "is /v1/projects.csv meant?", "/v1/projects.csv"),
        ("/v1/projcts/alpha", "is /v1/projects meant?", "/v1/projects"),
        ("/v1/key-metrics/projcts", "is /v1/key-metrics/projects", "/v1/key-metrics/projects"),
        ("/v1/key-metrics/projects/", "is /v1/key-metrics/projects", "/v1/key-metrics/projects"),
        ("/v1/datasets/marts.projects_v1/roows", "is /v1/datasets meant?", "/v1/datasets"),
        ("/v1/serach", "is /v1/search meant?", "/v1/search"),
        ("/v1/projects.xml", "no .xml of /v1/projects; there are json, ndjson, csv, arrow, parquet", "/v1/projects"),
        ("/v1/key-metrics/projects.xlsx", "there are json, ndjson", "/v1/key-metrics/projects"),
        ("/v1/series.xml", "there are json, ndjson", "/v1/series"),
        ("/v1/search.csv", "it is JSON", "/v1/search"),
        ("/v1/zzzzzz", "/docs shows every path", ""),
        ("/v1", "/docs shows every path", ""),
        ("/v1/", "/docs shows every path", ""),
        ("/v1/%00%0A", "/docs shows every path", ""),
        ("/v1/" + "a" * 9_000, "/docs shows every path", ""),
        ("/releases/4/v1/projcts", "is /releases/4/v1/projects meant?", "/releases/4/v1/projects"),
        ("/releases/4/v1/projects.xml", "there are json, ndjson", "/releases/4/v1/projects"),
        ("/releases/4/v1/namespacesx", "there is no /releases/4/v1/namespacesx", ""),
        ("/releases/4/v1", "/docs shows every path", ""),
    ],
)
def test_a_path_that_is_not_there_leads_to_the_nearest(api: AppClient, path: str, said: str, near: str) -> None:
    """An unknown path is 404 as a problem that names the nearest known one, or of an unknown suffix the formats that there are."""
    assert said in detail(api, path, 404)
    told = api.get(path).json()["near"]
    assert (told[:1] == [near]) if near else said in api.get(path).json()["detail"]


def test_the_paths_that_are_led_to_are_all_there_are(models: AppClient) -> None:
    """The list of known paths is that of the OpenAPI document, of a lake with all models."""
    document = {path.removeprefix("/v1/") for path in models.get("/openapi.json").json()["paths"] if "{" not in path}
    assert document == set(KNOWN)


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


@pytest.mark.parametrize("asks", ["suffix", "accept"])
@pytest.mark.parametrize("kind", ["json", "csv", "ndjson", "arrow", "parquet"])
def test_all_pages_have_the_format_of_the_first(api: AppClient, kind: str, asks: str) -> None:
    """The link to the next page names the suffix where the first page's path did; all pages together hold the rows of the JSON."""
    expected = api.get("/v1/projects?order=project_name.desc").json()["data"]
    accept = FORMATS[kind].media_type if asks == "accept" else "*/*"
    path, found, pages = f"/v1/projects{f'.{kind}' if asks == 'suffix' else ''}?order=project_name.desc&limit=1", list[Any](), 0
    while path:
        answer = api.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, FORMATS[kind].media_type), answer.text
        found += answer.json()["data"] if kind == "json" else read_rows(kind, answer.content)
        path, pages = answer.links.get("next", {}).get("url", ""), pages + 1
        assert kind != "json" or (answer.json()["next"] or "") == path
    assert (found, pages) == (expected, 3)


def test_rows_with_long_values_are_paged_by_them(models: AppClient) -> None:
    """An order by texts of many kilobytes is paged to its end: a cursor holds a row's number, not its values."""
    whole = models.get("/v1/lineage?order=source_sql.desc,input_name&limit=1000").json()["data"]
    assert max(len(row["source_sql"]) for row in whole) > 4_000
    found, path = [], "/v1/lineage?order=source_sql.desc,input_name&limit=20"
    while path:
        answer = models.get(path)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        path = answer.json()["next"]
    assert found == whole


def test_workers_share_a_key_that_is_made_when_it_is_needed(tmp_path: Path) -> None:
    """Making them writes nothing; a cursor of one is read by another, and a key that a kill left empty is made anew."""
    one, other, position = Cursors(tmp_path / "state"), Cursors(tmp_path / "state"), Position("1", "asked", [7])
    assert list(tmp_path.iterdir()) == []
    assert other.read(one.write(position), "asked") == position
    (tmp_path / "state" / KEY_FILE).write_bytes(b"")
    with pytest.raises(RequestError, match="was not made here"):
        Cursors(tmp_path / "state").read(one.write(position), "asked")
    assert (tmp_path / "state" / KEY_FILE).stat().st_size == 32


def test_a_cursor_that_would_be_refused_is_not_given(tmp_path: Path) -> None:
    """Values that no address can hold are told at the page before, not at the next one."""
    with pytest.raises(RequestError, match="another order would do"):
        Cursors(tmp_path).write(Position("1", "asked", ["a" * 4_000]))


def test_formats_that_are_not_made_are_told(api: AppClient) -> None:
    """An Accept header without any of ours is 406."""
    answer = api.get("/v1/projects", headers={"Accept": "text/html, image/png"})
    assert (answer.status_code, "application/json, application/x-ndjson" in answer.json()["detail"]) == (406, True)
    assert api.get("/v1/projects", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json;q=0, */*", "application/x-ndjson"),
        ("*/*, application/json;q=0, application/x-ndjson;q=0", "text/csv"),
        ("application/json;q=0, application/*;q=0.5, text/*;q=0.4", "application/x-ndjson"),
        ("application/json;q=0.1, */*;q=0.01", "application/json"),
        ("text/csv;q=0.5, */*;q=0.1", "text/csv"),
        ("text/csv;q=0.5, */*", "application/json"),
        ("text/csv;q=nan, application/jsonl;q=0.1", "application/x-ndjson"),
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("application/vnd.apache.arrow.stream;q=0.2, text/*;q=0.3", "text/csv"),
    ],
)
def test_the_heaviest_media_type_is_chosen(api: AppClient, accept: str, media_type: str) -> None:
    """Weights come first, an exact name counts before a range, of what weighs alike the first one named is taken, and 0 is never."""
    answer = api.get("/v1/projects", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media_type)


@pytest.mark.parametrize("accept", ["application/json;q=0", "*/*;q=0", "text/*;q=0, text/csv;q=0", "application/json;q=nan"])
def test_nothing_unwanted_is_sent(api: AppClient, accept: str) -> None:
    """Where only unwanted media types are left, the answer is 406."""
    assert api.get("/v1/projects", headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize("path", ["search?q=alpha", "projects/alpha", "croissant", "metrics"])
@pytest.mark.parametrize("accept", ["application/json", "text/html, */*;q=0.8", "application/json;q=0, text/html"])
def test_documents_are_json_or_nothing(api: AppClient, path: str, accept: str) -> None:
    """What there is in JSON alone is 406 where that isn't wanted."""
    assert api.get(f"/v1/{path}", headers={"Accept": accept}).status_code == (406 if "q=0," in accept else 200)
    assert api.get("/v1/croissant", headers={"Accept": "application/ld+json"}).status_code == 200


def test_an_etag_names_the_bytes(api: AppClient) -> None:
    """An answer that the client has is 304; another format, coding, question or release has another ETag."""
    plain = api.get("/v1/projects", headers={"Accept-Encoding": "identity"})
    again = api.get("/v1/projects", headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", plain.headers["etag"])
    others = [
        api.get("/v1/projects", headers={"Accept-Encoding": "gzip"}),
        api.get("/v1/projects.json", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects.csv", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?limit=3", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?release=1", headers={"Accept-Encoding": "identity"}),
        api.get("/v1/projects?release=2", headers={"Accept-Encoding": "identity"}),
    ]
    assert len({answer.headers["etag"] for answer in [plain, *others]}) == 7
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in others)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/projects", 304),
        ("/v1/projects", 304),
        ("/v1/projects/alpha", 304),
        ("/v1/projects/nobody", 404),
        ("/v1/projects?artifact_count=eq.many", 400),
        ("/v1/projects?release=77", 404),
        ("/v1/datasets/marts.projects_v1/rows", 304),
        ("/v1/datasets/marts.nothing/rows", 404),
        ("/v1/datasets/marts.projects_v1/rows?limit=1", 400),
    ],
)
def test_whoever_has_anything_has_only_what_is_there(api: AppClient, path: str, status: int) -> None:
    """`If-None-Match: *` is 304 where there is an answer, and the error where there is none."""
    answer = api.get(path, headers={"If-None-Match": "*"})
    assert (answer.status_code, "etag" in answer.headers) == (status, status == 304)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_long_answers_are_packed_as_asked(api: AppClient, coding: str) -> None:
    """An answer in a content coding unpacks to the plain one."""
    plain = api.get("/v1/metric-periods", headers={"Accept-Encoding": "identity"})
    packed = api.get("/v1/metric-periods", headers={"Accept-Encoding": f"{coding}, deflate;q=0.5"})
    assert packed.headers["content-encoding"] == coding
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.content == plain.content


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip;q=1, zstd;q=0.1", "gzip"),
        ("gzip, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("*;q=0.5, gzip", "gzip"),
        ("*;q=0", ""),
        ("deflate", ""),
        ("identity", ""),
        ("identity, gzip", "gzip"),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip;q=0.8, br;q=0.8", "br"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=nan, br;q=2", ""),
        ("", ""),
    ],
)
def test_the_heaviest_coding_is_chosen(accept: str, coding: str) -> None:
    """Weights come first; of codings that weigh alike, the one that packs best; plain where that is liked better than any."""
    assert chosen_encoding(accept) == coding
