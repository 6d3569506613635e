"""Trino's server from Maven: downloaded once, checked, and unpacked with the plugins that deploy/trino uses."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from catalog.errors import StackError
from catalog.settings import StackSettings

VERSION = "476"
SHA256 = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
SIZE_MB = 821
PLUGINS = frozenset({"iceberg", "exchange-filesystem"})


def trino_server(settings: StackSettings, report: Callable[[str], None]) -> Path:
    """Return the folder of Trino's server, downloading it on first use.

    Raises:
        StackError: the repository doesn't answer, or what came is not what it should be; or the cache can't be written.
    """
    cache = settings.cache.expanduser().absolute()
    home = cache / f"trino-server-{VERSION}"
    if not home.is_dir():
        try:
            archive = _download(cache, settings.maven, report)
            report(f"unpacking Trino {VERSION} in {cache}")
            _unpack(archive, home)
        except OSError as error:
            raise StackError(f"Trino {VERSION} can't be kept in {cache} ({error}); set stack.cache", cache=str(cache)) from error
        archive.unlink()
    return home


def _download(cache: Path, maven: str, report: Callable[[str], None]) -> Path:
    name = f"trino-server-{VERSION}.tar.gz"
    url = f"{maven.rstrip('/')}/io/trino/trino-server/{VERSION}/{name}"
    report(f"downloading Trino {VERSION} ({SIZE_MB} MB) from {url}")
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{SHA256}", fname=name, path=cache))
    except ValueError as error:
        raise StackError(f"{url} does not have the SHA-256 that Trino {VERSION} has; nothing was kept", url=url) from error
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()
        reason = str(error).splitlines()[0]
        raise StackError(f"Trino {VERSION} can't be downloaded: {reason}; stack.maven names another Maven repository", url=url) from error


def _unpack(archive: Path, home: Path) -> None:
    """Unpack all, since jars of one plugin are links to those of another, and drop the plugins that are not used: they cost start-up time."""
    aside = home.with_suffix(".part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    done = subprocess.run(["tar", "-xzf", archive, "-C", aside], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"{archive} can't be unpacked: {done.stderr.strip()}", cache=str(archive.parent))
    for plugin in (aside / home.name / "plugin").iterdir():
        if plugin.name not in PLUGINS:
            shutil.rmtree(plugin)
    (aside / home.name).rename(home)
    aside.rmdir()
