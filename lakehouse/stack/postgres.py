"""PostgreSQL: the models' state, and whatever else wants a database. From the system."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from catalog.errors import StackError
from lakehouse.stack.server import Launch, Server
from lakehouse.stack.site import DATABASE, DATABASE_USER, DEPLOY, HOST, Site

OLDEST = 14
DEBIAN = Path("/usr/lib/postgresql")
PROGRAMS = ("postgres", "initdb", "pg_isready")
CONFIG_FILES = ("postgresql.conf", "pg_hba.conf")
# PostgreSQL refuses to run as root; root starts it as the first of these users that the system has.
USERS = ("postgres", "nobody")


class Postgres(Server):
    """One database, for one user with a password, at 127.0.0.1."""

    name = "postgres"
    memory_mb = 400

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.ports = {"stack.postgres_port": site.stack.postgres_port}
        self._folder = site.state(self.name)
        self._data = self._folder / "data"

    @cached_property
    def _version(self) -> int | None:
        """The major version that the data are of; None before they are made."""
        file = self._data / "PG_VERSION"
        try:
            return int(file.read_text(encoding="ascii")) if file.exists() else None
        except (OSError, ValueError) as error:
            raise StackError(f"{file} tells no version of PostgreSQL", file=str(file)) from error

    @cached_property
    def _installed(self) -> dict[int, Path]:
        """Folders of programs by major version."""
        on_path = shutil.which("postgres")
        folders = [Path(on_path).resolve().parent] if on_path else []
        found: dict[int, Path] = {}
        for folder in (*folders, *DEBIAN.glob("*/bin")):
            if all((folder / program).is_file() for program in PROGRAMS):
                found.setdefault(_major(folder), folder)
        return found

    @cached_property
    def _programs(self) -> Path | None:
        if self._version:
            return self._installed.get(self._version)
        return self._installed[max(self._installed)] if self._installed else None

    @cached_property
    def _user(self) -> str | None:
        return _other_user() if os.geteuid() == 0 else None

    def needs(self) -> Iterator[str]:
        """Yield that the programs are missing, too old or not of the data's version, or that root has nobody to run it as."""
        looked = f"(looked on PATH and in {DEBIAN})"
        if self._programs is None and self._version:
            yield f"{self._data} was made by PostgreSQL {self._version}, which is missing {looked}: apt-get install postgresql-{self._version}"
        elif self._programs is None:
            yield f"PostgreSQL is missing {looked}: apt-get install postgresql"
        elif _major(self._programs) < OLDEST:
            yield f"PostgreSQL in {self._programs} is older than {OLDEST}: install a newer one"
        if os.geteuid() == 0:
            yield from self._needs_of_root()

    def _needs_of_root(self) -> Iterator[str]:
        if self._user is None:
            yield f"PostgreSQL does not run as root, and none of the users {', '.join(USERS)} is here to run it as: make one"
        for folder in self._folder.parents:
            if folder.exists() and not folder.stat().st_mode & 0o001:
                yield (
                    f"PostgreSQL does not run as root, and its user {self._user} can't enter {folder}: chmod o+x it, or set stack.folder to a place "
                    "that can be entered"
                )
                return

    def prepare(self, report: Callable[[str], None]) -> None:
        """Lay the configuration files beside the data, where the server's user can read them, and make the database on first use."""
        self._folder.mkdir(exist_ok=True)
        self._own(self._folder)
        for name in CONFIG_FILES:
            self._own(Path(shutil.copyfile(DEPLOY / "postgres" / name, self._folder / name)))
        if not self._data.exists():
            report("making PostgreSQL's database")
            self._make_database()

    def _make_database(self) -> None:
        aside, password = self._folder / "data.part", self._folder / "password.part"
        shutil.rmtree(aside, ignore_errors=True)
        password.touch(mode=0o600)
        password.write_text(self.site.credentials.postgres_password, encoding="ascii")
        self._own(password)
        try:
            self._run(
                "initdb",
                *(f"--pgdata={aside}", f"--username={DATABASE_USER}", f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
            )
        finally:
            password.unlink()
        self._run("postgres", "--single", "-D", str(aside), "postgres", said=f"CREATE DATABASE {DATABASE};\n")
        aside.rename(self._data)

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        done = subprocess.run(
            [self._program(program), *arguments],
            input=said,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=self._user,
            group=_group(self._user),
            extra_groups=None if self._user is None else (),
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise StackError(f"PostgreSQL's {program} failed in {self._folder}: {last}", folder=str(self._folder))

    def _program(self, name: str) -> str:
        return str((self._programs or DEBIAN) / name)

    def _own(self, path: Path) -> None:
        if self._user:
            shutil.chown(path, self._user, _group(self._user))

    def launch(self) -> Launch:
        """Return the command; SIGINT ends it at once and in order."""
        options = {
            "config_file": str(self._folder / "postgresql.conf"),
            "hba_file": str(self._folder / "pg_hba.conf"),
            "listen_addresses": HOST,
            "port": str(self.site.stack.postgres_port),
            "unix_socket_directories": "",
        }
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Launch((self._program("postgres"), "-D", str(self._data), *chosen), user=self._user, stop_signal=signal.SIGINT)

    def is_ready(self) -> bool:
        """Return whether it takes connections."""
        port = str(self.site.stack.postgres_port)
        return subprocess.run([self._program("pg_isready"), "-q", "-h", HOST, "-p", port], check=False).returncode == 0


def _major(folder: Path) -> int:
    """Return the major version of the programs in a folder."""
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    return int(said.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz")) if len(said.split()) > 2 else 0


def _other_user() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((user for user in USERS if user in known), None)


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None
