"""DuckDB: the models' tables in one file of the lake's state, the raw tables as views over the pinned data files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.bucket import lake_connection, open_bucket, unread
from catalog.duck import DuckConnection, DuckError, DuckReadError, identifier
from catalog.errors import StorageError, TransformError
from catalog.settings import Settings
from lakehouse.engines.session import PINNED, Engine, Session
from lakehouse.engines.silence import causes
from lakehouse.raw_binding import file_scan

if TYPE_CHECKING:
    from lakehouse.raw_binding import RawPin


def engine_file(settings: Settings) -> Path:
    """The DuckDB file of the models' tables; its stem is the catalog's name on both engines."""
    return settings.state / "lake.duckdb"


class DuckSession(Session):
    """A connection to the models' DuckDB file."""

    def __init__(self, connection: DuckConnection, settings: Settings) -> None:
        self.connection, self.settings = connection, settings

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows."""
        try:
            return self.connection.execute(statement).fetchall()
        except DuckError as error:
            if isinstance(error, DuckReadError) and self.settings.storage.type != "local":
                raise  # lake_connection tells it
            raise TransformError(f"DuckDB refuses {statement[:80]!r}: {str(error).splitlines()[0]}") from error

    def bind_raw(self, pins: Mapping[str, RawPin]) -> None:
        """Make the views over exactly the pinned files."""
        self.rows(f"CREATE SCHEMA IF NOT EXISTS {PINNED}")
        for name, pin in pins.items():
            self.rows(f"CREATE OR REPLACE VIEW {PINNED}.{identifier(name)} AS {self.scan(pin, pin.files, pin.snapshot_id)}")

    def scan(self, pin: RawPin, files: Mapping[str, int | None], snapshot_id: int | None) -> str:  # noqa: ARG002 - files say it all
        """Return a query over the files' Parquet, under the table's schema."""
        return file_scan(self.settings, pin, files)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group statements: all or none."""
        self.connection.begin()
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()


class DuckEngine(Engine):
    """DuckDB in this process; the state of SQLMesh in a second file."""

    name = "duckdb"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def gateway(self) -> Any:
        """Return SQLMesh's gateway to both files."""
        from sqlmesh.core.config import DuckDBConnectionConfig, GatewayConfig

        chosen = self.settings.transform
        limits: dict[str, Any] = {"TimeZone": "UTC", "autoinstall_known_extensions": "false"}
        if chosen.threads:
            limits["threads"] = chosen.threads
        if chosen.memory_limit:
            limits["memory_limit"] = chosen.memory_limit
        return GatewayConfig(
            connection=DuckDBConnectionConfig(
                catalogs={"lake": str(engine_file(self.settings))}, connector_config=limits, concurrent_tasks=1
            ),
            state_connection=DuckDBConnectionConfig(database=str(self.settings.state / "models_state.duckdb")),
        )

    def prepare(self, context: Any) -> None:
        """Let SQLMesh's connection read the lake's objects."""
        open_bucket(self.settings).prepare(context.engine_adapter.connection)

    @contextmanager
    def session(self) -> Iterator[DuckSession]:
        """Open the file, making it on first use."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        with lake_connection(self.settings, engine_file(self.settings)) as connection:
            yield DuckSession(connection, self.settings)

    def silence(self, error: BaseException) -> StorageError | None:
        """Tell whether the object store didn't answer."""
        if self.settings.storage.type == "local":
            return None
        found = next((cause for cause in causes(error) if isinstance(cause, DuckReadError)), None)
        return unread(self.settings, found) if found else None

    def cancel_others(self, tag: str) -> None:
        """Do nothing: no query outlives its process, and DuckDB opens its file for one process at a time."""

    def is_built(self) -> bool:
        """Tell whether the file is there."""
        return engine_file(self.settings).is_file()
