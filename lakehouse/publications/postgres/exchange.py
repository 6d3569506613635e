"""The exchange: one transaction in which all tables come to consist of the parts of a release, and the table of releases says so."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from psycopg import Connection, errors, sql
from psycopg.types.json import Json

from catalog.crash import crash_point
from catalog.errors import PublishError
from catalog.releases import Release
from catalog.settings import PostgresTarget
from lakehouse.publications.postgres.contents import MARK, RELEASE_COLUMNS, RELEASES, Contents, parts_schema
from lakehouse.publications.postgres.keys import drop_other_key, index_table
from lakehouse.publications.postgres.layout import Key, Part, TableLayout

LOCK_MS = 400
"""How long others wait behind the exchange at a time: less than the second after which PostgreSQL looks for a deadlock, and ends somebody."""
PAUSE_S = 0.5


class Exchange:
    """From what is there to what a release lists; all parts are loaded."""

    def __init__(self, connection: Connection[Any], target: PostgresTarget, there: Contents, layouts: Mapping[str, TableLayout]) -> None:
        self.connection, self.target, self.there, self.layouts = connection, target, there, layouts
        self.schema, self.parts_schema = target.schema_name, parts_schema(target)

    def run(self, release: Release) -> None:
        """Exchange all that differs.

        Raises:
            PublishError: a table is in use for longer than the setting allows; nothing was changed.
        """
        with self.connection.transaction():
            self._lock(name for name in self.there.tables if name == RELEASES or self._differs(name))
            for name in sorted(self.there.tables.keys() - self.layouts.keys() - {RELEASES}):
                self._do("DROP TABLE {}", self._table(name))
            for layout in self.layouts.values():
                if self._differs(layout.name):
                    self._exchange(layout)
            self._show(release)
            self._drop_parts()
            self._comment()
            self._grant()
            crash_point("publish.postgres.exchange")

    def _differs(self, name: str) -> bool:
        """Tell whether a table comes, goes, or changes its parts."""
        layout = self.layouts.get(name)
        return name not in self.there.tables or layout is None or set(self.there.parts_of(name)) != layout.parts.keys()

    def _lock(self, names: Iterable[str]) -> None:
        """Wait until no transaction uses these tables, without keeping others waiting for long."""
        # Who reads several tables begins with that of releases: waiting for it first, the exchange holds nothing that such a reader goes on to.
        wanted = [self._table(name) for name in sorted(names, key=lambda name: (name != RELEASES, name))]
        if not wanted:
            return
        tables = sql.SQL(", ").join(wanted)
        deadline = time.monotonic() + self.target.lock_wait_s
        while True:
            try:
                with self.connection.transaction():
                    self._do(f"SET LOCAL lock_timeout TO {LOCK_MS}")
                    self._do("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables)
                    # Nobody waits behind the locks that follow, those of parts, which an autovacuum may look at: it goes away after a second.
                    self._do(f"SET LOCAL lock_timeout TO '{self.target.lock_wait_s:.0f}s'")
                    return
            except errors.LockNotAvailable as error:
                if time.monotonic() > deadline:
                    raise PublishError(
                        f"tables of the schema {self.schema} were in use for {self.target.lock_wait_s:.0f} s (`SELECT * FROM pg_stat_activity` says by"
                        " whom), so it shows what it showed before; run again when that has ended"
                    ) from error
            time.sleep(PAUSE_S)

    def _exchange(self, layout: TableLayout) -> None:
        """Let a table consist of its parts; one that is new is made."""
        old, table = set(self.there.parts_of(layout.name)), self._table(layout.name)
        is_there = layout.name in self.there.tables
        if is_there and self._is_of_other_types(layout):
            self._do("DROP TABLE {}", table)  # with its parts, of which none stays: their names tell types too
            old, is_there = set(), False
        key = min((self.there.parts[name].key for name in layout.parts), default=Key.PRIMARY)
        if not is_there:
            self._do(f"CREATE TABLE {{}} ({{}}) PARTITION BY {layout.cut_by}", table, layout.columns())
        for name in sorted(old - layout.parts.keys()):
            self._do("ALTER TABLE {} DETACH PARTITION {}", table, self._part(name))
        drop_other_key(self.connection, table, layout, key)
        self._fit_columns(layout, layout.parts.keys() - old)
        for name in sorted(layout.parts.keys() - old):
            bounds = _bounds(layout.parts[name])
            self._do("ALTER TABLE {} ATTACH PARTITION {} {}", table, self._part(name), bounds)
        index_table(self.connection, table, layout, key)

    def _is_of_other_types(self, layout: TableLayout) -> bool:
        """Tell whether a table's columns are of other types than its parts' will be, as an older osslake made them."""
        has = self._columns(self._table(layout.name))
        return any(has.get(name, kind) != kind for name, kind in layout.types.items())

    def _fit_columns(self, layout: TableLayout, parts: Iterable[str]) -> None:
        """Give the table the columns that the release brings, and new parts those that the table has from other releases."""
        has = self._columns(self._table(layout.name))
        for name, kind in layout.types.items():
            if name not in has:
                self._do(f"ALTER TABLE {{}} ADD COLUMN {{}} {kind}", self._table(layout.name), sql.Identifier(name))
        for part in parts:
            for name, kind in has.items():
                if name not in layout.types:
                    self._do(f"ALTER TABLE {{}} ADD COLUMN {{}} {kind}", self._part(part), sql.Identifier(name))

    def _columns(self, table: sql.Composable) -> dict[str, str]:
        rows = self.connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attcollation <> typcollation THEN ' COLLATE ' || attcollation::regcollation::text"
            " ELSE '' END FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            [table.as_string(self.connection)],
        )
        return dict(rows.fetchall())

    def _show(self, release: Release) -> None:
        """Exchange the part of the table of releases: the rows that are there, none of them shown any more, and this one."""
        now: Sequence[Any] = self.connection.execute("SELECT now()").fetchone() or ()
        rows = [vars(one) | {"is_shown": False} for one in self.there.releases]
        rows.append(
            {"release_id": release.id, "sequence": release.sequence, "dataset": release.document.dataset, "as_of_date": release.as_of_date}
            | {"created_at": release.created_at, "published_at": now[0], "is_shown": True}
            | {"tables": {layout.name: layout.released.row_count for layout in self.layouts.values()}}
        )
        columns = sql.SQL(", ").join(
            sql.SQL("{} {} NOT NULL").format(sql.Identifier(name), sql.SQL(kind)) for name, (kind, _) in RELEASE_COLUMNS.items()
        )
        part, table = self._part(f"{RELEASES}_{secrets.token_hex(8)}"), self._table(RELEASES)
        self._do("CREATE TABLE {} ({}, PRIMARY KEY (release_id, published_at))", part, columns)
        with self.connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FREEZE)").format(part)) as copy:
            for row in rows:
                copy.write_row([Json(row[name]) if name == "tables" else row[name] for name in RELEASE_COLUMNS])
        if RELEASES not in self.there.tables:
            self._do("CREATE TABLE {} ({}, PRIMARY KEY (release_id, published_at)) PARTITION BY LIST (release_id)", table, columns)
        for name in self.there.parts_of(RELEASES):
            self._do("ALTER TABLE {} DETACH PARTITION {}", table, self._part(name))
            self._do("DROP TABLE {}", self._part(name))
        self._do("ALTER TABLE {} ATTACH PARTITION {} DEFAULT", table, part)

    def _drop_parts(self) -> None:
        """Drop the parts that are no table's now, those that a killed publication left among them."""
        wanted = {name for layout in self.layouts.values() for name in layout.parts}
        for name in sorted(self.there.parts.keys() - wanted - set(self.there.parts_of(RELEASES))):
            self._do("DROP TABLE IF EXISTS {}", self._part(name))

    def _comment(self) -> None:
        """Say what tables and columns mean, where that isn't said already."""
        wanted = {layout.name: layout.comments for layout in self.layouts.values()}
        wanted[RELEASES] = {name: text for name, (_, text) in RELEASE_COLUMNS.items()} | {"": "Releases that were published here."}
        rows = self.connection.execute(
            "SELECT relname, coalesce(attname, ''), description FROM pg_description JOIN pg_class ON oid = objoid AND classoid = 'pg_class'::regclass"
            " LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0 WHERE relnamespace = to_regnamespace(%s)",
            [f'"{self.schema}"'],
        ).fetchall()
        said = {(table, column): text for table, column, text in rows}
        for table, comments in wanted.items():
            for column, text in comments.items():
                if said.get((table, column), "") == text:
                    continue
                if column:
                    self._do("COMMENT ON COLUMN {}.{} IS {}", self._table(table), sql.Identifier(column), sql.Literal(text))
                else:
                    self._do("COMMENT ON TABLE {} IS {}", self._table(table), sql.Literal(text))

    def _grant(self) -> None:
        """Let the role of readers read."""
        if not self.target.role:
            return
        role = sql.Identifier(self.target.role)
        tables = sql.SQL(", ").join(self._table(name) for name in (*self.layouts, RELEASES))
        self._do("GRANT USAGE ON SCHEMA {} TO {}", sql.Identifier(self.schema), role)
        self._do("GRANT SELECT ON {} TO {}", tables, role)

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.schema, name)

    def _part(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.parts_schema, name)

    def _do(self, statement: str, *names: sql.Composable) -> None:
        self.connection.execute(sql.SQL(statement).format(*names))


def _bounds(part: Part) -> sql.Composable:
    if part.bounds is None:
        return sql.SQL("DEFAULT")
    _, first, end = part.bounds
    return sql.SQL("FOR VALUES FROM ({}) TO ({})").format(sql.Literal(str(first)), sql.Literal(str(end)))


def make_place(connection: Connection[Any], target: PostgresTarget) -> None:
    """Make the schemas and the role where they are missing.

    Raises:
        PublishError: the role is missing, and the user may not make one.
    """
    parts = parts_schema(target)
    with connection.transaction():
        if target.role and not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [target.role]).rowcount:
            try:
                # Another publication may make it at the same time.
                with suppress(errors.DuplicateObject, errors.UniqueViolation), connection.transaction():
                    connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(target.role)))
            except errors.InsufficientPrivilege as error:
                raise PublishError(
                    f"the role {target.role} is missing, and user {connection.info.user} may not make it: CREATE ROLE {target.role} NOLOGIN, or set"
                    ' publish.postgres.role to ""',
                    role=target.role,
                ) from error
        for schema in (target.schema_name, parts):
            if not connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema]).rowcount:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        said = connection.execute("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [parts]).fetchone()
        if said == (None,):
            connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(parts), sql.Literal(MARK + target.schema_name)))
