"""From lines to rows: the three forms of records, and what is rejected with which reason."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.duck import connect
from ingest.gharchive.lines import Lines
from ingest.gharchive.records import ParsedLines, parse_lines

NEW: dict[str, Any] = {
    "id": "2489651045",
    "type": "PushEvent",
    "actor": {"id": 665991, "login": "petroav"},
    "repo": {"id": 28688495, "name": "petroav/6.828"},
    "payload": {"ref": "refs/heads/master", "commits": [{"sha": "a1"}, {"sha": "b2"}]},
    "created_at": "2015-01-01T15:00:00Z",
}
OLD: dict[str, Any] = {
    "created_at": "2012-06-14T15:01:39-07:00",
    "type": "PushEvent",
    "actor": "Ada",
    "repository": {"owner": "Ada", "name": "Engine"},
    "url": "https://github.com/Ada/Engine/compare/c3...d4",
    "payload": {"ref": "refs/heads/master", "shas": [["c3", "x@y", "message", "Ada"], ["d4", "x@y", "message", "Ada"]]},
}


def parse(*lines: str | bytes | dict[str, Any]) -> ParsedLines:
    """Parse lines, given as text or as records."""
    texts = [line if isinstance(line, str) else line.decode() if isinstance(line, bytes) else json.dumps(line) for line in lines]
    with connect() as connection:
        return parse_lines(connection, [Lines("f.json", pa.array(range(1, len(texts) + 1), pa.int64()), pa.array(texts, pa.string()))])


def row(line: str | dict[str, Any]) -> dict[str, Any]:
    """Return the row of a good record."""
    parsed = parse(line)
    assert parsed.rejected == []
    found: dict[str, Any] = parsed.events.to_pylist()[0]
    return found


def reason(line: str | dict[str, Any]) -> tuple[object, object]:
    """Return reason and field of a record that is rejected."""
    parsed = parse(line)
    assert parsed.events.num_rows == 0
    return parsed.rejected[0]["reason"], parsed.rejected[0]["field"]


def test_a_record_since_2015() -> None:
    """Numbers, names, ref and commits of a push come out typed; the record is kept as it came."""
    found = row(NEW)
    assert (found["record_id"], found["record_type"], found["created_at"]) == (
        "2489651045",
        "PushEvent",
        datetime(2015, 1, 1, 15, tzinfo=UTC),
    )
    assert (found["actor_id"], found["actor_login"]) == (665991, "petroav")
    assert (found["repository_id"], found["repository_name"]) == (28688495, "petroav/6.828")
    assert (found["ref"], found["commit_shas"]) == ("refs/heads/master", ["a1", "b2"])
    assert json.loads(found["record"]) == NEW


def test_a_record_before_2015() -> None:
    """Without numbers names stand; the time's offset counts; the id is the line's SHA-256."""
    line = json.dumps(OLD)
    found = row(line)
    assert found["record_id"] == hashlib.sha256(line.encode()).hexdigest()
    assert found["created_at"] == datetime(2012, 6, 14, 22, 1, 39, tzinfo=UTC)
    assert (found["actor_id"], found["actor_login"], found["repository_id"], found["repository_name"]) == (None, "Ada", None, "Ada/Engine")
    assert found["commit_shas"] == ["c3", "d4"]


@pytest.mark.parametrize("change", [{"actor": None}, {"repository": None}, {"payload": None}, {"actor": None, "repository": None}])
def test_an_old_record_may_lack_things(change: dict[str, Any]) -> None:
    """Before 2015 actor, repository and payload may be null, actor and repository both: no reject."""
    assert row(OLD | change)["record_type"] == "PushEvent"


def test_a_record_without_anything_is_of_no_old_form() -> None:
    """Without an id, an actor and a repository, and without the url that all records before 2015 have, a record lacks its id."""
    assert reason(NEW | {"id": None, "repo": None, "actor": None}) == ("missing_field", "id")


def test_a_record_since_october_2025() -> None:
    """A push without commits and a merge that comes as the action `merged` are rows."""
    assert row(NEW | {"payload": {"ref": "refs/heads/main", "head": "a", "before": "b"}})["commit_shas"] in (None, [])
    pull = {"url": "u", "id": 1, "node_id": "n", "number": 12, "head": {}, "base": {}}
    found = row(NEW | {"type": "PullRequestEvent", "payload": {"action": "merged", "number": 12, "pull_request": pull}})
    assert (found["action"], found["number"], found["is_merged"], found["merged_at"]) == ("merged", 12, None, None)


def test_a_merged_pull_request() -> None:
    """Merge, its time and who opened the pull request are promoted."""
    pull = {"number": 3, "merged": True, "merged_at": "2015-01-01T14:59:00Z", "user": {"id": 5, "login": "bob"}}
    found = row(NEW | {"type": "PullRequestEvent", "payload": {"action": "closed", "pull_request": pull}})
    assert (found["number"], found["is_merged"], found["opened_by_id"], found["opened_by_login"]) == (3, True, 5, "bob")
    assert found["merged_at"] == datetime(2015, 1, 1, 14, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2012/06/14 15:01:39 -0700", datetime(2012, 6, 14, 22, 1, 39, tzinfo=UTC)),
        ("2012-06-14T15:01:39+05:30", datetime(2012, 6, 14, 9, 31, 39, tzinfo=UTC)),
        ("2012-06-14T15:01:39.250Z", datetime(2012, 6, 14, 15, 1, 39, 250_000, tzinfo=UTC)),
        ("2016-02-29T23:59:59Z", datetime(2016, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_forms_of_times(written: str, expected: datetime) -> None:
    """Times with offsets, with slashes and with fractions come out in UTC; `created_date` is the UTC day."""
    found = row(OLD | {"created_at": written})
    assert (found["created_at"], found["created_date"]) == (expected, expected.date())


@pytest.mark.parametrize("identity", [7, "7"])
def test_an_id_may_be_a_number(identity: object) -> None:
    """A record's id may be a string or an integer; it is text then."""
    assert row(NEW | {"id": identity})["record_id"] == "7"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": None}, ("missing_field", "id")),
        ({"id": ""}, ("missing_field", "id")),
        ({"type": None}, ("missing_field", "type")),
        ({"created_at": None}, ("missing_field", "created_at")),
        ({"created_at": "yesterday"}, ("not_a_time", "created_at")),
        ({"created_at": "2015-02-30T00:00:00Z"}, ("not_a_time", "created_at")),
        ({"created_at": "infinity"}, ("not_a_time", "created_at")),
        ({"created_at": "-infinity"}, ("not_a_time", "created_at")),
        ({"created_at": "0000-01-01T00:00:00Z"}, ("not_a_time", "created_at")),
        ({"created_at": "0001-01-01T00:00:00Z"}, ("not_a_time", "created_at")),
        ({"created_at": "2015-03-01 (BC)"}, ("not_a_time", "created_at")),
        ({"created_at": "9999-01-01T00:00:00Z"}, ("not_a_time", "created_at")),
        ({"created_at": "9999-12-31T23:59:59-01:00"}, ("not_a_time", "created_at")),
        ({"created_at": "10000-01-01T00:00:00Z"}, ("not_a_time", "created_at")),
        ({"actor": {"id": 2**63}}, ("not_an_integer", "actor.id")),
        ({"repo": {"id": 1.5, "name": "a/b"}}, ("not_an_integer", "repo.id")),
        ({"repo": {"id": "x", "name": "a/b"}}, ("not_an_integer", "repo.id")),
        ({"payload": {"number": -(2**63) - 1}}, ("not_an_integer", "payload.number")),
        ({"payload": {"pull_request": {"user": {"id": 10**40}}}}, ("not_an_integer", "payload.pull_request.user.id")),
    ],
)
def test_what_is_rejected(change: dict[str, Any], expected: tuple[str, str]) -> None:
    """A field that is lacking or can't be is told by reason and name."""
    assert reason(NEW | change) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not_json"),
        ("{} {}", "not_json"),
        ("null", "not_an_object"),
        ("[]", "not_an_object"),
        ('"x"', "not_an_object"),
        ("7", "not_an_object"),
        ("{}", "missing_field"),
    ],
)
def test_lines_that_are_no_record(line: str, expected: str) -> None:
    """A line must be one JSON object."""
    assert reason(line)[0] == expected


@pytest.mark.parametrize("field", ["merged_at", "published_at"])
@pytest.mark.parametrize("time", ["infinity", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"])
def test_a_time_in_the_payload_beyond_all_calendars_is_none(field: str, time: str) -> None:
    """A time in the payload that is `infinity`, or not from 1970 to 9998, is taken as none."""
    payload = {"action": "closed", "pull_request": {"merged_at": time}, "release": {"published_at": time}}
    assert row(NEW | {"payload": payload})[field] is None


@pytest.mark.parametrize("commits", ["none", "", "[", 7, {"sha": "a1"}, None])
def test_commits_that_are_no_list_are_none(commits: object) -> None:
    """A push whose list of commits is a text, a number or an object is loaded without commits, in both forms, beside its neighbours."""
    parsed = parse(NEW, NEW | {"payload": {"commits": commits}}, OLD | {"payload": {"shas": commits}}, OLD)
    assert [found or [] for found in parsed.events.column("commit_shas").to_pylist()] == [["a1", "b2"], [], [], ["c3", "d4"]]


def test_limits_of_64_bits() -> None:
    """The greatest and the least number of 64 bits are kept."""
    found = row(NEW | {"actor": {"id": 2**63 - 1}, "payload": {"number": -(2**63)}})
    assert (found["actor_id"], found["number"]) == (2**63 - 1, -(2**63))


def test_deep_nesting() -> None:
    """A record that nests 10,000 deep is loaded or rejected like any other, beside its neighbours."""
    deep = json.dumps(NEW)[:-1] + ', "deep": ' + "[" * 10_000 + "]" * 10_000 + "}"
    parsed = parse(NEW, deep, NEW)
    assert parsed.events.num_rows + len(parsed.rejected) == 3
    assert parsed.events.num_rows >= 2


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(NEW)[:-1] + ', "type": "WatchEvent"}',
        json.dumps(NEW)[:-1] + ', "note": NaN}',
        json.dumps(NEW)[:-1] + ', "note": "\\u0000\\ud800"}',
        json.dumps(NEW | {"actor": {"id": 1, "login": "a\u0000b"}}),
        json.dumps(NEW)[:-1] + ', "note": "\x00"}',
        json.dumps(NEW | {"type": "\ud800"}),
    ],
)
def test_oddities_are_one_record(line: str) -> None:
    """Names that occur twice, NaN, NUL and half surrogates, escaped or not: each is one row or one reject, as its line stands."""
    parsed = parse(NEW, line, NEW)
    assert parsed.events.num_rows + len(parsed.rejected) == 3
    kept = parsed.events.column("record").to_pylist() + [one["record"] for one in parsed.rejected]
    assert kept.count(line) == 1


def test_a_reject_names_file_and_line() -> None:
    """The message of a reject says which line of which file, and what is wrong."""
    (rejected,) = parse(NEW, NEW | {"id": None}).rejected
    assert rejected["message"] == "line 2 of f.json: missing field (id)"
    assert (rejected["_source_file"], rejected["_source_line"]) == ("f.json", 2)


_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["2015-01-01T00:00:00Z", "infinity", "epoch", "-1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "login", "name", "number", "commits", "sha", "user", "merged_at"]), inner, max_size=3),
    ),
    max_leaves=8,
)
_FIELDS = st.sampled_from(["id", "type", "created_at", "actor", "repo", "repository", "payload"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=20), st.dictionaries(_FIELDS, _JSON, max_size=4).map(lambda change: json.dumps(NEW | change))),
        min_size=1,
        max_size=6,
    )
)
def test_every_line_is_loaded_or_rejected(lines: list[str]) -> None:
    """Whatever stands in the fields: each line is one row or one reject, unchanged."""
    parsed = parse(*[line.encode("utf-8", "replace").decode() for line in lines])
    assert parsed.events.num_rows + len(parsed.rejected) == len(lines)
    assert parsed.events.schema.field("record_id").type == pa.string()
    assert not any(
        one is None for name in ("record_id", "record_type", "created_at", "created_date") for one in parsed.events.column(name).to_pylist()
    )
