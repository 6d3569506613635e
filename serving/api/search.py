"""Search: names of collections, projects, artifacts and metrics that are near some words, the nearest first; a typing error is forgiven."""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import orjson
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from serving.api.answers import Asked, Body
from serving.api.errors import RequestError, unknown
from serving.api.lists import envelope
from serving.replica.replica import Replica
from serving.replica.search import KINDS, LONGEST, SHORTEST, UNNAMED, hashes_of, letters_of, words_of
from serving.resources import RESOURCES

MAX_WORDS = 200
MAX_FOUND = 100
MIN_SCORE = 55.0
NEAR_SCORE = 80.0
_PARAMETERS = ("q", "kind", "limit")
_BONUS = {"project": 3.0, "collection": 2.0, "metric": 1.0, "artifact": 0.0}
_SWAPPED = 4.0
_CANDIDATES = 100
"""Of each kind, for each way to look for them."""
_TRIGRAMS, _TYPED = 40, 8
"""Trigrams and words of a question that are looked for."""
_NEAR_WORDS, _NEAR_WORDS_INSIDE = 20, 5
"""Words that may be meant, as whole names or parts of them, and as words of names."""
_SHORT = 7
"""Characters of a text either half of which has too few trigrams to be looked for."""
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789-_.@/"


@dataclass(frozen=True)
class Found:
    """A name that was found, and how near it is (0 to about 110)."""

    kind: str
    name: str
    display_name: str | None
    table_row: int
    score: float


def respond(asked: Asked) -> Body:
    """Return what is near `q`.

    Raises:
        RequestError: nothing is asked, or a parameter isn't known.
    """
    for name, _ in asked.parameters:
        if name not in _PARAMETERS:
            raise unknown("parameter", name, _PARAMETERS, parameter=name)
    words = "".join(one for one in asked.value("q") if one.isprintable()).strip()
    if not words or len(words) > MAX_WORDS:
        raise RequestError(400, f"q is to hold what is searched for, {MAX_WORDS} characters at most: /v1/search?q=uniswap", parameter="q")
    kinds = [one for one in asked.value("kind").split(",") if one] or list(KINDS)
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS, parameter="kind")
    limit = asked.number("limit", 20, 1, MAX_FOUND)
    with asked.replica.connection(asked.limits.longest_query_s) as connection:
        found = search(asked.replica, connection, words, kinds)[:limit]
        rows = [_told(connection, asked, one) for one in found]
    return Body(envelope(asked, orjson.dumps(rows)))


def search(replica: Replica, connection: sqlite3.Connection, words: str, kinds: list[str]) -> list[Found]:
    """Return what is near some words, the nearest first.

    Names come from the index: those with a part that is what was typed or begins so, those that have all its words; where none is the very name, those
    with words that one typing error may have made of what was meant; where none of them is near, those with some of the words. Of projects, collections
    and metrics, which are few, all names are compared then.
    """
    lowered = words.lower()
    found: dict[int, Found] = {}

    def look(*matches: str) -> float:
        for match in filter(None, matches):
            found.update(_matching(connection, lowered, match, kinds, found))
        return max((one.score for one in found.values()), default=0.0)

    typed = words_of(lowered)[:_TYPED]
    parts = [_all(word) for word in typed]
    best = look(_all(f"/{lowered}/"), _beginning(lowered), _together(parts))
    if best < 100:
        best = look(*_corrected(connection, lowered, typed))
    if best < NEAR_SCORE:
        best = look(_either([_all(half) for text in {lowered, *typed} if len(text) > _SHORT for half in _halves(text)]), _either(parts))
    if best < NEAR_SCORE:
        found |= _compared(replica, lowered, kinds, found)
    near = (one for one in found.values() if one.score >= MIN_SCORE)
    return sorted(near, key=lambda one: (-one.score, len(one.name), one.name, one.kind))


def _matching(connection: sqlite3.Connection, lowered: str, match: str, kinds: list[str], known: Container[int]) -> dict[int, Found]:
    """Return what the index has for an expression, by its row there."""
    found = {}
    for kind, first, last in connection.execute("SELECT kind, first_row, last_row FROM search_kinds"):
        if kind in kinds and first <= last:
            query = f"SELECT rowid, name, told, table_row FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? LIMIT {_CANDIDATES}"
            for number, name, shown, row in connection.execute(query, (match, first, last)):
                if number not in known:
                    found[number] = _scored(lowered, kind, name[1:-1], shown, row)
    return found


def _scored(lowered: str, kind: str, name: str, shown: str | None, row: int) -> Found:
    return Found(kind, name, shown, row, score(lowered, kind, name, None if kind in UNNAMED else shown))


def _compared(replica: Replica, lowered: str, kinds: list[str], known: Container[int]) -> dict[int, Found]:
    """Return names that are near among those that are few enough to be compared one by one."""
    names, rows = replica.known_names
    near = process.extract(lowered, names, scorer=fuzz.ratio, limit=MAX_FOUND, score_cutoff=MIN_SCORE)
    found = {}
    for _, _, place in near:
        kind, number, name, shown, row = rows[place]
        if kind in kinds and number not in known:
            found[number] = _scored(lowered, kind, name, shown, row)
    return found


def _corrected(connection: sqlite3.Connection, lowered: str, typed: list[str]) -> list[str]:
    """Return expressions for what one error may have made of what was meant: for names or parts of them that are so, and for names with such words."""
    whole = _near_words(connection, lowered)
    meant = [whole if word == lowered else _near_words(connection, word) for word in typed]
    parts = [_either([_all(one) for one in (word, *near[:_NEAR_WORDS_INSIDE])]) for word, near in zip(typed, meant, strict=True)]
    return [_either([_all(f"/{one}/") for one in whole]), _together(parts) if any(meant) else ""]


def _near_words(connection: sqlite3.Connection, text: str) -> list[str]:
    """Return words of names that one error parts from a text, those with the same letters first, then those that many names have."""
    word = letters_of(text)
    if not SHORTEST - 1 <= len(word) <= LONGEST + 1:
        return []
    hashes = sorted(hashes_of(word))
    query = f"SELECT DISTINCT word, uses FROM search_near JOIN search_words USING (word_row) WHERE hash IN ({', '.join('?' * len(hashes))})"
    near = [(letters_of(one), -uses, one) for one, uses in connection.execute(query, hashes).fetchall() if one != text]
    near = [one for one in near if OSA.distance(word, one[0]) <= 1]
    near.sort(key=lambda one: (sorted(one[0]) != sorted(word), one[1], one[2]))
    return [one for _, _, one in near[:_NEAR_WORDS]]


def _all(text: str) -> str:
    """Return the expression for what has all trigrams of a text; empty where it has none."""
    trigrams = list(dict.fromkeys(text[place : place + 3] for place in range(len(text) - 2)))[:_TRIGRAMS]
    return _together([_quoted(one) for one in trigrams])


def _beginning(text: str) -> str:
    """Return the expression for names a part of which begins with a text."""
    return _all(f"/{text}") if len(text) > 1 else _either([_quoted(f"/{text}{sign}") for sign in _SIGNS])


def _halves(word: str) -> tuple[str, str]:
    return word[: len(word) // 2], word[len(word) // 2 :]


def _together(parts: list[str]) -> str:
    return " AND ".join(f"({part})" for part in parts if part)


def _either(parts: list[str]) -> str:
    return " OR ".join(f"({part})" for part in parts if part)


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'


def score(words: str, kind: str, name: str, display_name: str | None) -> float:
    """Return how near a name is: the whole name, its last part, or its display name; what begins alike, or has the same letters, is nearer."""
    texts = {name.lower(), name.lower().rpartition("/")[2], (display_name or "").lower()} - {""}
    best = max(max(fuzz.ratio(words, text), 0.75 * fuzz.partial_ratio(words, text) if len(words) <= len(text) else 0.0) for text in texts)
    if words in texts:
        best += 10
    elif any(text.startswith(words) for text in texts):
        best += 5
    elif any(OSA.distance(words, text, score_cutoff=1) == 1 and sorted(words) == sorted(text) for text in texts):
        best += _SWAPPED
    return best + _BONUS[kind]


def _told(connection: sqlite3.Connection, asked: Asked, found: Found) -> dict[str, Any]:
    """Return what is told of a name that was found."""
    table = KINDS[found.kind][0]
    resource = next(one for one in RESOURCES if one.table == table)
    names = asked.replica.keys(resource)
    key, *_ = connection.execute(f"SELECT {names[0]} FROM {table} WHERE rowid = ?", [found.table_row]).fetchone()
    told = {"kind": found.kind, "name": found.name, "display_name": found.display_name, "key": key, "score": round(found.score, 1)}
    return told | {"url": f"{asked.root}/{resource.path}/{key}"}
