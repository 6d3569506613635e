"""Single rules of the truth: names, malformed lines, bots, authors, periods."""

from __future__ import annotations

import json

import pytest

from ingest.world.truth.gitlog import author_of
from ingest.world.truth.keys import Key, Kind, kind_of_login
from ingest.world.truth.names import EARLIEST, LAST, Names
from ingest.world.truth.periods import period, to_date, to_day
from ingest.world.truth.records import RejectedError, Sighting, parse

REPOSITORY, NAME = Kind.REPOSITORY, "a/b"
SOUND = {"id": "1", "type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z"}


def names_of(*sightings: tuple[int, int]) -> Names:
    """Return names where numbers were sighted under one name at the given times."""
    names = Names()
    names.note([Sighting(Key(REPOSITORY, number), NAME, second) for number, second in sightings])
    return names


def test_a_name_is_borne_until_another_is_sighted_under_it() -> None:
    """The bearer at a time is the one first sighted under the name last before it; before all of them the earliest."""
    names = names_of((7, 100), (7, 500), (3, 300))
    bearers = [names.bearer(REPOSITORY, NAME, second) for second in (EARLIEST, 100, 299, 300, 600, LAST)]
    assert [bearer.key if bearer else None for bearer in bearers] == [7, 7, 7, 3, 3, 3]


def test_of_equal_first_sightings_the_smallest_number_counts() -> None:
    """A tie goes to the smallest number, whether the time asked for lies before or after it."""
    names = names_of((9, 100), (4, 100))
    assert names.bearer(REPOSITORY, NAME, 100) == names.bearer(REPOSITORY, NAME, 0) == Key(REPOSITORY, 4)


def test_a_name_leads_as_a_whole_to_the_bearer_at_its_last_old_sighting() -> None:
    """Old records of a name go to the bearer at the last of them; a name without bearers stays itself."""
    names = names_of((7, 100), (3, 300))
    by_name = Key(Kind.REPOSITORY_NAME, NAME)
    names.note([Sighting(by_name, NAME, second, is_old=True) for second in (50, 310)])
    assert names.canonical(by_name) == Key(REPOSITORY, 3)
    assert names.canonical(Key(Kind.REPOSITORY_NAME, "x/y")) == Key(Kind.REPOSITORY_NAME, "x/y")


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"id":"1","type":"WatchEvent","created_at":"2024-01-01T00:00:00Z","x":"\xff"}',
        json.dumps(SOUND | {"created_at": "2024-13-45T99:00:00Z"}).encode(),
        json.dumps(SOUND | {"repo": {"id": 2**63, "name": "a/b"}}).encode(),
        json.dumps(SOUND | {"id": None}).encode(),
        json.dumps({"type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z", "repo": {}, "actor": {}}).encode(),
        json.dumps({"type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z", "payload": {}, "actor": None}).encode(),
    ],
)
def test_lines_that_are_no_records_are_rejected(line: bytes) -> None:
    """No JSON, no object, bad UTF-8, a bad time, a number beyond 64 bits, and no id are rejected."""
    with pytest.raises(RejectedError):
        parse(line)


def test_old_records_get_the_hash_of_their_redacted_line() -> None:
    """An old record's id depends on its line with the addresses hashed: a hashed address gives the same id."""
    line = b'{"type":"WatchEvent","created_at":"2012-06-14T15:26:11-07:00","actor":"A","note":"\\nfoo@x.org"}'
    hashed = line.replace(b"foo@", b"0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33@")
    assert parse(line).id == parse(hashed).id
    assert len(parse(line).id) == 64
    assert parse(line).second == 1339712771


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        ("dependabot[bot]", "bot"),
        ("Deploy-Bot", "bot"),
        ("web-flow", "bot"),
        ("robot", "human"),
        ("dependabot-fan", "human"),
        (None, "unknown"),
    ],
)
def test_bots_are_told_by_their_logins(login: str | None, kind: str) -> None:
    """A suffix or the list makes a bot; no login is unknown."""
    assert kind_of_login(login) == kind


def test_authors_lead_to_accounts_by_noreply_addresses() -> None:
    """A numbered noreply address is the account, a plain one the login, any other a hash without regard to case of the domain."""
    assert author_of("12+Ann@users.noreply.github.com").key == Key(Kind.ACCOUNT, 12)
    assert author_of("Ann@users.noreply.github.com").key == Key(Kind.ACCOUNT_NAME, "ann")
    assert author_of("a@X.org") == author_of("a@x.org") != author_of("b@x.org")
    assert author_of("a@x.org").kind == "unknown"


@pytest.mark.parametrize(
    ("window", "first", "length"),
    [
        ("daily", "2024-02-29", 1),
        ("weekly", "2024-02-26", 7),
        ("monthly", "2024-02-01", 29),
        ("quarterly", "2024-01-01", 91),
        ("yearly", "2024-01-01", 366),
    ],
)
def test_periods_have_their_nominal_lengths(window: str, first: str, length: int) -> None:
    """The periods that hold 29 February 2024 begin and last as the calendar says."""
    day = to_day(to_date(19_782))
    assert str(to_date(day)) == "2024-02-29"
    start, days = period(window, day)
    assert (str(to_date(start)), days) == (first, length)
