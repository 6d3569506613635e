"""The full-text index of a replica: names of collections, projects, artifacts and metrics, in trigrams, so that a typing error finds them too."""

from __future__ import annotations

import sqlite3

KINDS = {
    "collection": ("collections_v1", ("collection_name",), "display_name"),
    "project": ("projects_v1", ("project_name",), "display_name"),
    "artifact": ("artifacts_v1", ("artifact_namespace", "artifact_name"), "artifact_source"),
    "metric": ("metrics_v1", ("metric_name",), "display_name"),
}
"""kind -> table, columns of its name, what else is told of it."""


def fill_search(target: sqlite3.Connection) -> None:
    """Make and fill the index from the tables that the replica has."""
    target.create_function("joined", -1, lambda *names: "/".join(name for name in names if name), deterministic=True)
    target.execute(
        "CREATE VIRTUAL TABLE search USING fts5(name, display_name, kind UNINDEXED, table_row UNINDEXED, tokenize = 'trigram', detail = none)"
    )
    for kind, (table, names, more) in KINDS.items():
        columns = {row[1] for row in target.execute(f"PRAGMA main.table_info({table})")}
        if columns.issuperset((*names, more)):
            target.execute(
                f"INSERT INTO search SELECT joined({', '.join(names)}), {more}, '{kind}', rowid FROM main.{table} ORDER BY rowid"
            )
