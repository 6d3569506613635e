"""A schema of PostgreSQL that releases of a lake are published to, and a reader that looks at it all the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import psycopg
from end_to_end.lakes import Lake
from psycopg.conninfo import make_conninfo

from catalog.releases import Release, list_releases
from catalog.settings import Settings
from contract.servers import Postgres
from lakehouse.publications.postgres import PostgresPublication
from lakehouse.publications.publication import PublicationSummary


@dataclass
class Schema:
    """A schema, and the lake that publishes to it."""

    server: Postgres
    lake: Lake
    name: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """Address of the database, with the password."""
        return make_conninfo(f"postgresql://osslake@127.0.0.1:{self.server.port}/postgres", password=self.server.password)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which `osslake` knows the schema."""
        return {"OSSLAKE_PUBLISH__POSTGRES__DSN": self.dsn, "OSSLAKE_PUBLISH__POSTGRES__SCHEMA_NAME": self.name}

    @property
    def settings(self) -> Settings:
        """The lake's settings, with this target."""
        settings = self.lake.settings
        target = settings.publish.postgres.model_validate({"dsn": self.dsn, "schema_name": self.name} | self.more)
        return settings.model_copy(update={"publish": settings.publish.model_copy(update={"postgres": target})})

    def publish(self, identifier: str | None = None) -> PublicationSummary:
        """Publish the current release, or another one."""
        return PostgresPublication(self.settings).publish(self.lake.release(identifier), lambda _: None)

    def shown(self) -> str | None:
        """Return the id of the release that is shown."""
        shown = PostgresPublication(self.settings).shown()
        return shown.id if shown else None

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Connect as the server's owner."""
        return psycopg.connect(self.dsn, options="-c timezone=UTC", **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; plain names are the schema's."""
        with self.connect() as connection:
            connection.execute(f"SET search_path TO {self.name}")
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def parts(self) -> set[str]:
        """Return the names of all parts but that of the table of releases."""
        found = self.rows(f"SELECT relname FROM pg_class WHERE relnamespace = '{self.name}_parts'::regnamespace AND relkind = 'r'")
        return {name for (name,) in found if not name.startswith("releases_")}

    def check_rows(self, identifier: str | None = None) -> None:
        """Compare all rows of all tables with a release's."""
        for table in self.lake.release(identifier).tables:
            if table.stage == "marts":
                listed = ", ".join(f'"{field["name"]}"' for field in table.schema_["fields"])
                released = self.lake.rows(f"SELECT {listed} FROM marts.{table.name}", identifier)
                shown = self.rows(f"SELECT {listed} FROM {table.name}")
                assert sorted(map(_plain, shown)) == sorted(map(_plain, released)), table.name

    @cached_property
    def expected(self) -> dict[str, dict[str, tuple[int, float]]]:
        """Rows and the sum of amounts of each table, by release."""
        return {release.id: figures_of(self.lake, release) for release in list_releases(self.lake.settings)}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let a reader look at all tables in one transaction again and again while the block runs: it has to see one whole release each time."""
        end, seen, wrong = threading.Event(), [], []

        def read() -> None:
            with suppress(psycopg.errors.UndefinedTable):  # nothing was published yet
                found = self.look()
                seen.append(found[0])
                if found[1] != self.expected[found[0]]:
                    wrong.append(found)

        def read_again_and_again() -> None:
            while not end.is_set():
                read()

        reader = threading.Thread(target=read_again_and_again)
        reader.start()
        try:
            yield
        finally:
            end.set()
            reader.join()
        read()
        assert wrong == []
        assert seen

    def look(self) -> tuple[str, dict[str, tuple[int, float]]]:
        """Return the release that is shown, and rows and sums of all tables, as one transaction sees them."""
        with self.connect() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(f"SET search_path TO {self.name}")
            return look(connection)


def look(connection: psycopg.Connection[Any]) -> tuple[str, dict[str, tuple[int, float]]]:
    """Return the release that is shown, and rows and sums of the tables that it lists."""
    identifier, tables = connection.execute("SELECT release_id, tables FROM releases WHERE is_shown").fetchone() or ("", {})
    figures = {}
    for table in tables:
        with_amounts = connection.execute("SELECT count(*) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'amount'", [table])
        amount = "coalesce(sum(amount), 0)" if (with_amounts.fetchone() or (0,))[0] else "0"
        count, total = connection.execute(f"SELECT count(*), {amount} FROM {table}").fetchone() or (0, 0)
        figures[table] = (count, round(float(total), 3))
    return identifier, figures


def figures_of(lake: Lake, release: Release) -> dict[str, tuple[int, float]]:
    """Return rows and the sum of amounts of each mart of a release."""
    figures = {}
    for table in release.tables:
        if table.stage == "marts":
            amount = "coalesce(sum(amount), 0)" if any(one["name"] == "amount" for one in table.schema_["fields"]) else "0"
            ((count, total),) = lake.rows(f"SELECT count(*) AS count, {amount} AS total FROM marts.{table.name}", release.id)
            figures[table.name] = (count, round(float(total), 3))  # type: ignore[arg-type]
    return figures


def _plain(row: tuple[object, ...]) -> str:
    return repr([value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in row])
