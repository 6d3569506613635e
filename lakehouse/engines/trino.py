"""Trino: the models' tables as Iceberg tables in the lake's own catalog, the raw tables as views of the pinned snapshots.

Trino knows no transaction over several tables, so the order of statements counts (lakehouse/control.py). Its catalog for the lake has to be
called `lake`, as the models' is on DuckDB.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from catalog.duck import identifier, quoted
from catalog.errors import EngineUnavailableError, SettingsError, TransformError
from catalog.settings import Settings
from lakehouse.engines.session import PINNED, Engine, Session
from lakehouse.engines.silence import find_silence
from lakehouse.lock import held

if TYPE_CHECKING:
    from lakehouse.raw_binding import RawPin

CATALOG = "lake"
SOURCE = "osslake"
CANCEL_TIMEOUT_S = 30.0
TIMESTAMPS = {"TIMESTAMP": "TIMESTAMP(6)", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP(6) WITH TIME ZONE"}
_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "int": "INTEGER",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP(6) WITH TIME ZONE",
    "list<string>": "ARRAY(VARCHAR)",
}


class TrinoSession(Session):
    """A connection to Trino; each statement commits by itself."""

    def __init__(self, connection: Any, engine: Engine) -> None:
        self.connection, self.engine = connection, engine

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows."""
        from trino.exceptions import Error, HttpError

        try:
            cursor = self.connection.cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]
        except (Error, HttpError) as error:
            refused = TransformError(f"Trino refuses {statement[:80]!r}: {getattr(error, 'message', error)}")
            raise self.engine.silence(error) or refused from error

    def bind_raw(self, pins: Mapping[str, RawPin]) -> None:
        """Make the views of exactly the pinned snapshots; a table without one gives no rows.

        Raises:
            TransformError: the catalog holds tables that were published from DuckDB where SQLMesh would put its views.
        """
        held = "SELECT min(table_name) FROM information_schema.tables WHERE table_schema = 'marts' AND table_type = 'BASE TABLE'"
        if name := self.value(held):
            raise TransformError(
                f"marts.{name} was published from DuckDB, and a lake keeps its engine: run on duckdb, or make another lake"
            )
        self.rows(f"CREATE SCHEMA IF NOT EXISTS {PINNED}")
        for name, pin in pins.items():
            self.rows(f"CREATE OR REPLACE VIEW {PINNED}.{identifier(name)} SECURITY INVOKER AS {_pinned_query(pin)}")

    def scan(self, pin: RawPin, files: Mapping[str, int | None], snapshot_id: int | None) -> str:
        """Return a query that reads of a snapshot what lies in these files."""
        if not files or snapshot_id is None:
            return f"SELECT * FROM raw.{identifier(pin.dataset.name)} WHERE false"
        listed = ", ".join(f"'{quoted(path)}'" for path in sorted(files))
        return f'SELECT * FROM raw.{identifier(pin.dataset.name)} FOR VERSION AS OF {snapshot_id} WHERE "$path" IN ({listed})'


def _pinned_query(pin: RawPin) -> str:
    """Return a query of a raw table at its pin; columns that the table got later are NULL."""
    snapshot = pin.table.snapshot_by_id(pin.snapshot_id) if pin.snapshot_id is not None else None
    schemas = pin.table.schemas()
    known = schemas[snapshot.schema_id].column_names if snapshot and snapshot.schema_id is not None else pin.dataset.column_names
    columns = ", ".join(
        identifier(column.name) if column.name in known else f"CAST(NULL AS {_TYPES[column.type]}) AS {identifier(column.name)}"
        for column in pin.dataset.columns
    )
    source = f"raw.{identifier(pin.dataset.name)}"
    return f"SELECT {columns} FROM {source} " + (f"FOR VERSION AS OF {pin.snapshot_id}" if snapshot else "WHERE false")


class TrinoEngine(Engine):
    """A Trino server over the lake's Iceberg catalog; the state of SQLMesh in PostgreSQL."""

    name = "trino"

    def __init__(self, settings: Settings) -> None:
        chosen = settings.transform
        if settings.catalog.type != "rest":
            raise SettingsError("engine trino needs an Iceberg REST catalog, which Trino reads too: set catalog.type", engine="trino")
        state = chosen.state.get_secret_value()
        if not state.startswith("postgresql://"):
            raise SettingsError(
                "engine trino keeps the models' state in PostgreSQL: set transform.state to postgresql://user@host/database", engine="trino"
            )
        self.server, self.state = urlsplit(chosen.trino.get_secret_value()), urlsplit(state)
        if self.server.scheme not in ("http", "https") or not self.server.hostname:
            raise SettingsError("transform.trino is no address such as http://osslake@127.0.0.1:8080", engine="trino")
        self.tasks = chosen.threads or 2
        self.lease = held(settings)

    def gateway(self) -> Any:
        """Return SQLMesh's gateway to Trino and PostgreSQL."""
        from sqlmesh.core.config import GatewayConfig, PostgresConnectionConfig

        from lakehouse.engines.trino_adapter import LakeConnection

        trino = LakeConnection(
            **self._server(),
            http_scheme=self.server.scheme,
            method="basic" if self.server.password else "no-auth",
            password=unquote(self.server.password) if self.server.password else None,
            catalog=CATALOG,
            source=self.lease.tag or SOURCE,
            timezone="UTC",
            timestamp_mapping=TIMESTAMPS,
            catalog_type_overrides={CATALOG: "iceberg"},
            concurrent_tasks=self.tasks,
        )
        state = PostgresConnectionConfig(
            host=self.state.hostname,
            port=self.state.port or 5432,
            user=unquote(self.state.username or ""),
            password=unquote(self.state.password or ""),
            database=self.state.path.strip("/"),
            application_name=self.lease.session or SOURCE,
        )
        return GatewayConfig(connection=trino, state_connection=state)

    def prepare(self, context: Any) -> None:
        """Do nothing: Trino reads the lake through its own catalog."""

    @contextmanager
    def session(self) -> Iterator[TrinoSession]:
        """Connect; a server that doesn't answer shows here."""
        from trino.auth import BasicAuthentication

        from lakehouse.engines.trino_connection import connect_held

        login = unquote(self.server.username or "osslake")
        auth = BasicAuthentication(login, unquote(self.server.password)) if self.server.password else None
        source = self.lease.tag or SOURCE
        connection = connect_held(
            **self._server(), http_scheme=self.server.scheme, auth=auth, catalog=CATALOG, timezone="UTC", source=source
        )
        try:
            try:
                connection.cursor().execute("SELECT 1").fetchall()
            except Exception as error:
                said = str(error).splitlines()[0]
                raise EngineUnavailableError(f"Trino at {self._address()} can't be reached: {said}", engine="trino") from error
            yield TrinoSession(connection, self)
        finally:
            connection.close()

    def silence(self, error: BaseException) -> EngineUnavailableError | None:
        """Tell whether Trino or PostgreSQL didn't answer."""
        return find_silence(error, self._address(), f"{self.state.hostname}:{self.state.port or 5432}")

    def _server(self) -> dict[str, Any]:
        default = 443 if self.server.scheme == "https" else 8080
        return {"host": self.server.hostname, "port": self.server.port or default, "user": unquote(self.server.username or "osslake")}

    def _address(self) -> str:
        server = self._server()
        return f"{server['host']}:{server['port']}"

    def cancel_others(self, tag: str) -> None:
        """Cancel the queries of earlier holders of the lake, told by their source, since Trino's tables don't show client tags; see that they end."""
        mark = f"starts_with(source, '{quoted(tag.rpartition(':')[0])}:') AND source <> '{quoted(tag)}'"
        query = f"SELECT query_id FROM system.runtime.queries WHERE {mark} AND state NOT IN ('FINISHED', 'FAILED')"
        deadline = time.monotonic() + CANCEL_TIMEOUT_S
        with self.session() as session:
            while running := session.rows(query):
                if time.monotonic() > deadline:
                    raise TransformError(f"query {running[0][0]} of a run that ended can't be cancelled in Trino", query=running[0][0])
                for (one,) in running:
                    with suppress(TransformError):
                        session.rows(f"CALL system.runtime.kill_query(query_id => '{one}', message => 'another run took the lake over')")

    def is_built(self) -> bool:
        """Tell whether a transformation ever succeeded."""
        with self.session() as session:
            tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'control' AND table_name = 'done'"
            return bool(session.value(tables)) and session.value("SELECT count(*) FROM control.done") > 0
