"""Engines that take a server: the answers of their pages in docs/query."""

from __future__ import annotations

from typing import Any

import psycopg
from bigquery.emulator import PROJECT, Emulator
from contract.servers import Postgres
from end_to_end.lakes import Lake
from end_to_end.processes import osslake
from end_to_end.query_pages import Question, Rows, snippets
from trino.dbapi import connect

from catalog.duck import quoted


def ask_trino(question: Question, port: int) -> dict[str, Rows]:
    """Return what Trino answers; it takes the page's two catalogs."""
    blocks = [one for one in snippets("trino.md") if one.engine == "trino"]
    newest, before = (_properties(question.fill_in(one.text)) for one in blocks if one.language == "ini")
    cursor = connect(host="127.0.0.1", port=port, user="osslake").cursor()
    try:
        for name, properties in (("lake", newest), ("before", newest | before)):
            listed = ", ".join(f"\"{key}\" = '{quoted(value)}'" for key, value in properties.items() if key != "connector.name")
            cursor.execute(f"DROP CATALOG IF EXISTS {name}").fetchall()
            cursor.execute(f"CREATE CATALOG {name} USING {properties['connector.name']} WITH ({listed})").fetchall()
        return {one.claim: _rows(cursor.execute(question.fill_in(one.text)).fetchall()) for one in blocks if one.claim}
    finally:
        for name in ("lake", "before"):
            cursor.execute(f"DROP CATALOG IF EXISTS {name}").fetchall()


def ask_postgres(question: Question, lake: Lake, server: Postgres) -> dict[str, Rows]:
    """Publish a lake to PostgreSQL, and return what it answers to whoever has the readers' role."""
    database = lake.folder.parent.name.replace("-", "_")
    server.make_database(database)
    dsn = f"postgresql://osslake:{server.password}@127.0.0.1:{server.port}/{database}"
    done = osslake("--lake", lake.folder, "publish", "postgres", "--dsn", dsn)
    assert done.code == 0, done
    with psycopg.connect(dsn) as connection:
        connection.execute("SET ROLE osslake_reader")
        answered = {one.claim: _asked(connection, question.fill_in(one.text)) for one in snippets("postgresql.md")}
    assert answered.pop("")[0][0] == lake.release().id
    return {claim: _rows(rows) for claim, rows in answered.items()}


def ask_bigquery(question: Question, lake: Lake, server: Emulator) -> dict[str, Rows]:
    """Publish a lake to BigQuery's emulator, and return what that answers."""
    options = ("--project", PROJECT, "--dataset", "transcript", "--endpoint", server.endpoint)
    done = osslake("--lake", lake.folder, "publish", "bigquery", *options)
    assert done.code == 0, done
    return {
        one.claim: _rows(
            list(server.client().query(question.fill_in(one.text).replace("my-project.osslake", f"{PROJECT}.transcript")).result())
        )
        for one in snippets("bigquery.md")
    }


def _asked(connection: psycopg.Connection[Any], script: str) -> list[Any]:
    """Return the rows of a script's last statement."""
    cursor = connection.execute(script)
    while cursor.nextset():
        pass
    return cursor.fetchall()


def _properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line)


def _rows(found: list[Any]) -> Rows:
    return [(str(day), float(amount)) for day, amount in found]
