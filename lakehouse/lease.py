"""The lease of a lake whose models' state is in PostgreSQL: a row that its holder renews, and that passes on when it doesn't.

Each holder has an epoch, one more than the holder before; whoever finds another epoch in the row has lost the lake. Time is the database's;
a holder reckons by its own clock from the moment before it asked, so it knows that the lease may soon be over before anybody else can take it.
`fenced` renews in a transaction and leaves that open: the row is locked, and nobody takes the lake until the block has ended.

What a holder left running it can't stop itself where it was killed or stands still. So the next one ends its sessions in this database, whose
locks it would wait for, and cancels its queries, before it does anything else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from catalog.errors import LakeBusyError, SettingsError, StorageError
from catalog.settings import Settings
from lakehouse.engines import open_engine
from lakehouse.lock import Holder, Lease, busy, this_process

if TYPE_CHECKING:
    from psycopg import Connection

RENEWALS = 6
"""How often a lease is renewed while it lasts; one that isn't renewed in that time belongs to a run that doesn't live."""
SURE = 1 / 3
"""Part of its time for which a holder goes by a lease: what it begins then has the rest of it to arrive, before anybody else has the lake."""
SESSION_PREFIX = "osslake:"
"""Of the name under which runs are known in PostgreSQL; their epoch follows."""
_MAKE = """
    SELECT pg_advisory_xact_lock(hashtext('osslake.leases'));
    CREATE SCHEMA IF NOT EXISTS osslake;
    CREATE TABLE IF NOT EXISTS osslake.leases (
        lake text PRIMARY KEY, epoch bigint NOT NULL, command text NOT NULL, pid integer NOT NULL, host text NOT NULL,
        since timestamptz NOT NULL, expires timestamptz NOT NULL, is_ended boolean NOT NULL)
"""
_LOOK = """
    SELECT epoch, command, pid, host, since, expires, is_ended, extract(epoch FROM expires - clock_timestamp())::float AS rest_s
    FROM osslake.leases WHERE lake = %(lake)s
"""
_TAKE_FIRST = """
    INSERT INTO osslake.leases
    VALUES (%(lake)s, 1, %(command)s, %(pid)s, %(host)s, clock_timestamp(), clock_timestamp() + %(duration_s)s * interval '1 s', false)
    ON CONFLICT (lake) DO NOTHING RETURNING epoch
"""
_TAKE_OVER = """
    UPDATE osslake.leases
    SET epoch = epoch + 1, command = %(command)s, pid = %(pid)s, host = %(host)s, since = clock_timestamp(),
        expires = clock_timestamp() + %(duration_s)s * interval '1 s', is_ended = false
    WHERE lake = %(lake)s AND epoch = %(epoch)s AND expires <= clock_timestamp() RETURNING epoch
"""
_RENEW = """
    UPDATE osslake.leases SET expires = clock_timestamp() + %(duration_s)s * interval '1 s'
    WHERE lake = %(lake)s AND epoch = %(epoch)s RETURNING epoch
"""
_GIVE_BACK = """
    UPDATE osslake.leases SET expires = clock_timestamp(), is_ended = %(is_ended)s WHERE lake = %(lake)s AND epoch = %(epoch)s
"""
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND starts_with(application_name, %(prefix)s)
        AND application_name <> %(session)s
"""


def _now() -> float:
    """Seconds of a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class _Row:
    """A lake's row: its holder, and the seconds until its lease is over."""

    epoch: int
    holder: Holder
    expires: datetime
    is_ended: bool
    rest_s: float


@contextmanager
def postgres_lease(settings: Settings, command: str, step: Callable[[str], None]) -> Iterator[Lease]:
    """Hold a lake by its row in the database of `transform.state`, while the body runs.

    A row that is held is looked at until it is renewed, which tells that its holder lives, or until it is over: at most as long as a lease lasts.

    Raises:
        LakeBusyError: another run holds the lake.
        SettingsError: `transform.state` is no address of a PostgreSQL database.
        StorageError: the database can't be reached.
        TransformError: queries that the last holder left can't be cancelled.
    """
    lease = PostgresLease(settings, command)
    lease.take(step)
    is_ended = False
    try:
        lease.keep()
        lease.end_others()
        yield lease
        is_ended = True
    finally:
        lease.give_back(is_ended=is_ended)


class PostgresLease(Lease):
    """A hold on a lake that has to be renewed."""

    def __init__(self, settings: Settings, command: str) -> None:
        self.settings = settings
        self.dsn = settings.transform.state.get_secret_value()
        if not self.dsn.startswith("postgresql://"):
            raise SettingsError("transform.state is no address of a database such as postgresql://user@host/database")
        self.duration_s = settings.transform.lease_s
        self.epoch = 0
        self._values: dict[str, Any] = vars(this_process(command)) | {"lake": settings.dataset, "duration_s": self.duration_s}
        self._is_clear = True
        self._loss = ""
        self._sure_until = 0.0
        self._turn = threading.Lock()
        self._ended = threading.Event()

    @property
    def tag(self) -> str:
        """What marks the queries of this run."""
        return f"{SESSION_PREFIX}{self.settings.dataset}:{self.epoch}"

    @property
    def session(self) -> str:
        """What marks this run's sessions in PostgreSQL, which keeps 63 bytes."""
        return f"{SESSION_PREFIX}{self.epoch}"

    def take(self, step: Callable[[str], None]) -> None:
        """Take the lake, waiting for as long as it can't be told whether its last holder lives."""
        with self._connected() as connection:
            connection.execute(_MAKE)
        seen: _Row | None = None
        while True:
            row = self._look()
            if (row is None or row.rest_s <= 0) and self._take(row):
                return
            if row and seen and (row.epoch, row.expires) != (seen.epoch, seen.expires):
                raise busy(self.settings, row.holder)
            if row and not seen:
                step(f"waiting for a sign of {row.holder}")
            seen = row
            time.sleep(min(max(row.rest_s if row else 0, 0.05), self.duration_s / (2 * RENEWALS)))

    def _take(self, last: _Row | None) -> bool:
        """Take the lake after its last holder, unless another does, or that one renews its lease after all."""
        from psycopg.errors import LockNotAvailable

        asked, values = _now(), self._values | {"epoch": last.epoch if last else 0}
        with self._connected() as connection:
            try:
                taken = connection.execute(_TAKE_OVER if last else _TAKE_FIRST, values).fetchone()
            except LockNotAvailable:
                connection.rollback()
                return False
        if taken is None:
            return False
        self.epoch = self._values["epoch"] = taken[0]
        self._is_clear = last is None or last.is_ended
        self._sure_until = asked + self.duration_s * SURE
        return True

    def _look(self) -> _Row | None:
        with self._connected() as connection:
            found = connection.execute(_LOOK, self._values).fetchone()
        if found is None:
            return None
        epoch, command, pid, host, since, expires, is_ended, rest_s = found
        holder = Holder(command, pid, host, since.astimezone(UTC).isoformat(timespec="seconds"))
        return _Row(epoch, holder, expires, is_ended, rest_s)

    def keep(self) -> None:
        """Renew the lease from now on, in a thread."""
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def _keep(self) -> None:
        while not self._ended.wait(self.duration_s / RENEWALS) and not self._loss:
            if self._turn.acquire(blocking=False):
                try:
                    with suppress(LakeBusyError, StorageError):
                        with self._connected() as connection:
                            sure_until = self._renew(connection)
                        self._sure_until = sure_until
                finally:
                    self._turn.release()

    def _renew(self, connection: Connection[Any]) -> float:
        """Renew the lease and return until when it is a sure one, which holds once the transaction is committed."""
        asked = _now()
        if connection.execute(_RENEW, self._values).fetchone() is None:
            row = self._look()
            self._loss = f"{row.holder} took it over" if row else "its row in PostgreSQL is gone"
            raise self._lost()
        return asked + self.duration_s * SURE

    def _lost(self) -> LakeBusyError:
        return LakeBusyError(
            f"this run no longer holds the lake {self.settings.folder}, since it did not renew its lease in time: {self._loss};"
            " it stops here, run it again"
        )

    def check(self) -> None:
        """See that the lease is far from over; where it isn't, wait for as long as one lasts until it is renewed."""
        patience = _now() + self.duration_s
        while not self._loss and _now() >= self._sure_until:
            if _now() >= patience:
                self._loss = f"PostgreSQL at {self._address} has not answered for {self.duration_s:g} s"
            time.sleep(0.02)
        if self._loss:
            raise self._lost()

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Renew the lease, and lock its row while the block runs: longer than a lease lasts, where an object store takes its time to answer.

        PostgreSQL unlocks the row of a process that stands still for longer than that.
        """
        storage = self.settings.storage
        patience_s = self.duration_s + storage.attempts * (storage.connect_timeout_s + storage.request_timeout_s)
        self.check()
        if not self._turn.acquire(timeout=self.duration_s):
            raise StorageError(f"PostgreSQL at {self._address} does not answer; run again")
        try:
            with self._connected(patience_s) as connection:
                self._renew(connection)
                yield
                sure_until = self._renew(connection)
            self._sure_until = sure_until
        finally:
            self._turn.release()

    def end_others(self) -> None:
        """End what an earlier holder may have left running."""
        if self._is_clear:
            return
        with self._connected() as connection:
            connection.execute(_END_SESSIONS, {"prefix": SESSION_PREFIX, "session": self.session})
        open_engine(self.settings).cancel_others(self.tag)
        self._is_clear = self.settings.transform.engine == "trino"

    def give_back(self, *, is_ended: bool) -> None:
        """Let the lease be over.

        Args:
            is_ended: whether this run came to its end and left nothing running.
        """
        self._ended.set()
        with suppress(StorageError), self._connected() as connection:
            connection.execute(_GIVE_BACK, self._values | {"is_ended": is_ended and self._is_clear})

    @property
    def _address(self) -> str:
        parts = urlsplit(self.dsn)
        return f"{parts.hostname}:{parts.port or 5432}"

    @contextmanager
    def _connected(self, idle_s: float = 0) -> Iterator[Connection[Any]]:
        """Open a transaction, which ends with the block; no statement takes longer than a lease lasts, nor does silence between two by default."""
        import psycopg

        limit_ms = round(self.duration_s * 1000)
        limits = {
            "statement_timeout": limit_ms,
            "lock_timeout": limit_ms // 2,
            "idle_in_transaction_session_timeout": round(idle_s * 1000) or limit_ms,
        }
        options = " ".join(f"-c {name}={value}" for name, value in limits.items())
        try:
            with psycopg.connect(
                self.dsn, connect_timeout=max(2, min(10, round(self.duration_s))), options=options, tcp_user_timeout=limit_ms
            ) as connection:
                yield connection
        except psycopg.Error as error:
            said = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise StorageError(f"PostgreSQL at {self._address}, which keeps the lake's lease: {said}") from error
