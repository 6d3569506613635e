"""Connections to PostgreSQL, and its errors as ours: one line that says what is to be done, never with a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from catalog.errors import PublishError, SettingsError, TargetUnavailableError
from catalog.settings import PostgresTarget

OLDEST = 14
ENCODINGS = ("UTF8", "SQL_ASCII")
"""Of databases that keep the bytes of a text as they are."""
ONE_AT_A_TIME_S = 30
_SESSION = {
    "connect_timeout": "10",
    "application_name": "osslake publish",
    "client_encoding": "utf8",
    # A publication that was killed gives its locks back soon, and one whose server is gone doesn't wait for hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_SETTINGS = "SET timezone TO 'UTC'; SET datestyle TO 'ISO'; SET idle_in_transaction_session_timeout TO 0; SET statement_timeout TO 0"


@contextmanager
def connected(target: PostgresTarget) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection for as long as the block runs, each statement by itself unless it stands in a transaction.

    Raises:
        SettingsError: the DSN is none.
        TargetUnavailableError: the server doesn't answer, or turns the user away.
        PublishError: the server is too old, or refused a statement of the block.
    """
    options = _options(target.dsn.get_secret_value())
    try:
        connection = psycopg.connect(make_conninfo("", **(_SESSION | options)), autocommit=True)
    except psycopg.Error as error:
        raise TargetUnavailableError(f"PostgreSQL can't be reached: {_first_line(error)}") from error
    place = f"PostgreSQL's database {connection.info.dbname} at {connection.info.host}"
    try:
        with _as_ours(connection, target, place):
            if connection.info.server_version < OLDEST * 10_000:
                raise PublishError(f"{place} is of version {connection.info.server_version // 10_000}; {OLDEST} or later would be right")
            encoding = connection.info.parameter_status("server_encoding")
            if encoding not in ENCODINGS:
                raise PublishError(
                    f"{place} is encoded in {encoding}, which not all texts can be written in; one in {ENCODINGS[0]} would be right"
                )
            connection.execute(_SETTINGS)
            with suppress(errors.InvalidParameterValue):  # not every system can tell that the other end is gone
                connection.execute("SET client_connection_check_interval TO '10s'")
            yield connection
    finally:
        connection.close()


def _options(dsn: str) -> dict[str, Any]:
    """Return what a DSN says; libpq's own message would repeat it, with the password."""
    try:
        options = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        options = {"host": "@"}
    if "@" in str(options.get("host", "")) or not set(str(options.get("port", ""))) <= set("0123456789,"):
        raise SettingsError(
            "publish.postgres.dsn is no address of a database such as postgresql://user:password@host/database (in a password, @ is written %40, and / %2F)"
        )
    return options


@contextmanager
def _as_ours(connection: psycopg.Connection[Any], target: PostgresTarget, place: str) -> Iterator[None]:
    user, database = connection.info.user, connection.info.dbname
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise PublishError(
            f"{place}: {_first_line(error)}; user {user} has to own the schemas {target.schema_name} and {target.schema_name}_parts, or to be allowed to"
            f" make them: GRANT CREATE ON DATABASE {database} TO {user}"
        ) from error
    except (errors.DuplicateTable, errors.DuplicateObject) as error:
        raise PublishError(
            f"{place}: {_first_line(error)}, and osslake didn't make it; rename it, or publish to another schema than {target.schema_name}"
        ) from error
    except errors.ProgramLimitExceeded as error:
        raise PublishError(
            f"{place}: {_first_line(error)}: a text is too long for an index{_where(error)}; it shows what it showed before, until a release comes"
            " without that text"
        ) from error
    except (errors.DependentObjectsStillExist, errors.ForeignKeyViolation) as error:
        raise PublishError(f"{place}: {_first_line(error)} ({error.diag.message_detail}); drop what depends on it") from error
    except psycopg.OperationalError as error:
        is_gone = connection.broken or isinstance(error, errors.AdminShutdown | errors.CrashShutdown)
        kind = TargetUnavailableError if is_gone else PublishError
        raise kind(f"{place}: {_first_line(error)}; it shows what it showed before, run again") from error
    except psycopg.Error as error:
        raise PublishError(f"{place}: {_first_line(error)}{_where(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]


def _where(error: psycopg.Error) -> str:
    """Return the table, line and column that a COPY failed at."""
    return f" ({error.diag.context.splitlines()[0]})" if error.diag.context else ""


def take_turn(connection: psycopg.Connection[Any], schema: str) -> None:
    """Keep other publications out of a schema until the connection is closed.

    Raises:
        PublishError: another one doesn't end.
    """
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{ONE_AT_A_TIME_S}s"])
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"osslake.publish.{schema}"])
    except errors.LockNotAvailable as error:
        raise PublishError(f"another publication to the schema {schema} is running; try again when it has ended", schema=schema) from error
