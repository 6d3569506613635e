"""BigQuery's emulator (`local-bigquery`), in a Python environment of its own: it needs Python 3.13 and versions that SQLMesh can't have.

The environment is made once, from requirements.lock, beside Trino's server in osslake's cache; so a second run takes seconds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from contract.servers import ServerProcess, free_ports
from filelock import FileLock
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from catalog.settings import StackSettings

LOCK = Path(__file__).parent / "requirements.lock"
PYTHON = "3.13"
PROJECT = "osslake-tests"
MISSING = (
    "BigQuery's emulator needs Python 3.13, and there is none on PATH or among pyenv's versions; `uv python install 3.13`, `pyenv install"
    " 3.13` or your system's package python3.13 with python3.13-venv brings it"
)
_WORKS = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))"
_EXTENSIONS = "import duckdb_extensions as d; [d.import_extension(name) for name in ('icu', 'spatial', 'ducklake')]"


@dataclass(frozen=True)
class Emulator:
    """A server that runs."""

    port: int
    process: ServerProcess

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> bigquery.Client:
        """Return a client of a reader's."""
        return bigquery.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": self.endpoint})


def find_python() -> str | None:
    """Return a Python 3.13 that works: on PATH, among pyenv's versions, or one that uv knows; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [shutil.which(f"python{PYTHON}"), *sorted(map(str, pyenv.glob(f"{PYTHON}*/bin/python")), reverse=True)]
    if shutil.which("uv"):
        said = subprocess.run(["uv", "python", "find", "--no-project", PYTHON], capture_output=True, text=True, check=False)
        found.append(said.stdout.strip())
    return next((one for one in found if one and _works(one)), None)


def needed_python() -> str:
    """Return that Python; without it the test is skipped, or fails where CI is set."""
    python = find_python()
    if python is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    return python


def _works(python: str) -> bool:
    return subprocess.run([python, "-c", _WORKS], capture_output=True, check=False).returncode == 0


def environment(python: str) -> Path:
    """Return the emulator's environment, made with this interpreter where there is none yet."""
    cache = StackSettings().cache.expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"local-bigquery-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    with FileLock(home.with_suffix(".lock")):
        if not (home / "made").exists() or not _works(str(home / "bin" / "python")):
            shutil.rmtree(home, ignore_errors=True)
            _make(home, python)
            (home / "made").touch()
    return home


def _make(home: Path, python: str) -> None:
    inner = home / "bin" / "python"
    if shutil.which("uv"):
        _run("uv", "venv", "--quiet", "--no-project", "--python", python, home)
        _run("uv", "pip", "install", "--quiet", "--python", inner, "--require-hashes", "-r", LOCK)
    else:
        _run(python, "-m", "venv", home)
        _run(inner, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", LOCK)
    # DuckDB keeps extensions in the home folder of whoever runs it; without them every request is refused.
    _run(inner, "-c", _EXTENSIONS, home=home)


def _run(*command: str | Path, home: Path | None = None) -> None:
    done = subprocess.run(command, env=os.environ | ({"HOME": str(home)} if home else {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} {command[1]} failed: {done.stderr[-2000:]}"


@contextmanager
def emulator(home: Path, folder: Path) -> Iterator[Emulator]:
    """Run the emulator over a folder."""
    port, grpc_port = free_ports(2)
    options = ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc_port), "--data-dir", folder / "data"]
    url = f"http://127.0.0.1:{port}/bigquery/v2/projects/{PROJECT}/datasets"
    process = ServerProcess([home / "bin" / "local-bigquery", *options], {"HOME": str(home)}, folder / "log", [url])
    try:
        process.start()
        yield Emulator(port, process)
    finally:
        process.end(signal.SIGTERM)
