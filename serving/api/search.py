"""Search: names of collections, projects, artifacts and metrics that are near some words, the nearest first; a typing error is forgiven."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson
from rapidfuzz import fuzz, process

from serving.api.answers import Asked, Body
from serving.api.errors import RequestError, unknown
from serving.api.lists import envelope
from serving.replica.replica import Replica
from serving.replica.search import KINDS
from serving.resources import RESOURCES

MAX_WORDS = 200
MAX_FOUND = 100
CANDIDATES = 300
MIN_SCORE = 55.0
NEAR_SCORE = 80.0
_PARAMETERS = ("q", "kind", "limit")
_BONUS = {"project": 3.0, "collection": 2.0, "metric": 1.0, "artifact": 0.0}
_TRIGRAMS = 40


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

    Names that share three letters in a row come from the index. Where none of them is near, all names but the artifacts' are compared one by one:
    letters that changed places may leave no such three.
    """
    lowered = words.lower()
    marks = ", ".join("?" * len(kinds))
    trigrams = sorted({lowered[place : place + 3] for place in range(len(lowered) - 2)})[:_TRIGRAMS]
    if trigrams:
        matched = " OR ".join('"' + one.replace('"', '""') + '"' for one in trigrams)
        query = f"SELECT kind, name, display_name, table_row FROM search WHERE search MATCH ? AND kind IN ({marks}) ORDER BY rank LIMIT {CANDIDATES}"
        rows = connection.execute(query, [matched, *kinds]).fetchall()
    else:
        query = (
            f"SELECT kind, name, display_name, table_row FROM search WHERE name LIKE ? ESCAPE '\\' AND kind IN ({marks}) LIMIT {CANDIDATES}"
        )
        rows = connection.execute(query, [re.sub(r"([\\%_])", r"\\\1", lowered) + "%", *kinds]).fetchall()
    found = [Found(kind, name, shown, row, score(lowered, kind, name, shown)) for kind, name, shown, row in rows]
    if max((one.score for one in found), default=0.0) < NEAR_SCORE:
        others = [one for one in replica.known_names if one[0] in kinds and one not in rows]
        near = process.extract(
            lowered, [name.lower() for _, name, _, _ in others], scorer=fuzz.ratio, limit=MAX_FOUND, score_cutoff=MIN_SCORE
        )
        found += [Found(*others[place], score(lowered, *others[place][:3])) for _, _, place in near]
    return sorted((one for one in found if one.score >= MIN_SCORE), key=lambda one: (-one.score, len(one.name), one.name, one.kind))


def score(words: str, kind: str, name: str, display_name: str | None) -> float:
    """Return how near a name is: the whole name, its last part, or its display name; what begins alike is nearer."""
    texts = {name.lower(), name.lower().rpartition("/")[2], (display_name or "").lower()} - {""}
    best = max(max(fuzz.ratio(words, text), 0.75 * fuzz.partial_ratio(words, text) if len(words) <= len(text) else 0.0) for text in texts)
    if words in texts:
        best += 10
    elif any(text.startswith(words) for text in texts):
        best += 5
    return best + _BONUS[kind]


def _told(connection: sqlite3.Connection, asked: Asked, found: Found) -> dict[str, Any]:
    """Return what is told of a name that was found."""
    table = KINDS[found.kind][0]
    resource = next(one for one in RESOURCES if one.table == table)
    names = asked.replica.keys(resource)
    key, *_ = connection.execute(f"SELECT {names[0]} FROM {table} WHERE rowid = ?", [found.table_row]).fetchone()
    told = {"kind": found.kind, "name": found.name, "display_name": found.display_name, "key": key, "score": round(found.score, 1)}
    return told | {"url": f"{asked.root}/{resource.path}/{key}"}
