"""What a replica's search looks up: names in trigrams, and the words that they are made of by what they are with a letter left out.

search        full-text index of names and display names; a name stands between slashes (`/owner/name/`), so that trigrams tell where a part begins and ends
search_kinds  which rows of it are of which kind
search_words  names, their last parts and their words that are short enough to lose all their trigrams by one typing error; how many names have them
search_near   hash of the letters of each of them, and of these without any one -> the word

Two words that differ by a letter more, less or other, or by two neighbours that changed places, have one of these hashes in common; what stands between the
letters plays no part.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Iterator
from typing import Any

KINDS = {
    "collection": ("collections_v1", ("collection_name",), "display_name"),
    "project": ("projects_v1", ("project_name",), "display_name"),
    "artifact": ("artifacts_v1", ("artifact_namespace", "artifact_name"), "artifact_source"),
    "metric": ("metrics_v1", ("metric_name",), "display_name"),
}
"""kind -> table, columns of its name, what else is told of it."""
UNNAMED = ("artifact",)
"""Kinds where that is no name, and is not searched."""
SHORTEST, LONGEST = 3, 10
"""Letters and digits of a word that is found in spite of an error by `search_near`; longer ones keep trigrams."""
BATCH = 20_000
_WORD = re.compile(r"[^\W_]+")
_TABLES = """
CREATE VIRTUAL TABLE search USING fts5(name, display_name, told UNINDEXED, table_row UNINDEXED, tokenize = 'trigram', detail = none);
CREATE TABLE search_kinds (kind TEXT PRIMARY KEY, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL);
CREATE TABLE search_words (word_row INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, uses INTEGER NOT NULL);
CREATE TABLE search_near (hash INTEGER NOT NULL, word_row INTEGER NOT NULL, PRIMARY KEY (hash, word_row)) WITHOUT ROWID;
CREATE TEMP TABLE unsorted_near (hash INTEGER NOT NULL, word_row INTEGER NOT NULL);
"""


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case; anything but letters and digits parts them."""
    return _WORD.findall(text.lower())


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, in lower case."""
    return "".join(words_of(text))


def hashes_of(word: str) -> set[int]:
    """Return the hashes under which letters are found: their own, and those of them without one."""
    return {zlib.crc32(text.encode()) for text in (word, *(word[:place] + word[place + 1 :] for place in range(len(word))))}


def fill_search(target: sqlite3.Connection) -> None:
    """Make and fill the index from the tables that the replica has."""
    target.create_function("joined", -1, lambda *names: "/".join(("", *(name for name in names if name), "")), deterministic=True)
    for statement in filter(str.strip, _TABLES.split(";")):
        target.execute(statement)
    last = 0
    for kind, (table, names, more) in KINDS.items():
        columns = {row[1] for row in target.execute(f"PRAGMA main.table_info({table})")}
        if columns.issuperset((*names, more)):
            searched = "NULL" if kind in UNNAMED else more
            query = f"INSERT INTO search SELECT joined({', '.join(names)}), {searched}, {more}, rowid FROM main.{table} ORDER BY rowid"
            first, last = last + 1, last + target.execute(query).rowcount
            target.execute("INSERT INTO search_kinds VALUES (?, ?, ?)", (kind, first, last))
    _fill_words(target)


def _fill_words(target: sqlite3.Connection) -> None:
    """Fill words and hashes; sorted by SQLite, whose memory is limited."""
    names = target.execute("SELECT trim(name, '/'), coalesce(display_name, '') FROM search ORDER BY rowid")
    for batch in _batches(names):
        words = ((word,) for name, shown in batch for word in _kept_words(name.lower(), shown.lower()))
        target.executemany("INSERT INTO search_words (word, uses) VALUES (?, 1) ON CONFLICT (word) DO UPDATE SET uses = uses + 1", words)
    for batch in _batches(target.execute("SELECT word_row, word FROM search_words ORDER BY word_row")):
        target.executemany(
            "INSERT INTO unsorted_near VALUES (?, ?)", ((one, row) for row, word in batch for one in hashes_of(letters_of(word)))
        )
    target.execute("INSERT INTO search_near SELECT hash, word_row FROM unsorted_near ORDER BY hash, word_row")
    target.execute("DROP TABLE unsorted_near")


def _kept_words(name: str, shown: str) -> set[str]:
    """Return what a name is found by in spite of an error."""
    texts = {name, name.rpartition("/")[2], shown, *words_of(name), *words_of(shown)}
    return {text for text in texts if SHORTEST <= len(letters_of(text)) <= LONGEST}


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH):
        yield batch
