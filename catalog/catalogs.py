"""Opening the Iceberg catalog of a lake, and what its silence and its refusals mean (docs/catalogs.md says what to set for which)."""

from __future__ import annotations

import re
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from catalog.bucket import open_bucket
from catalog.errors import AGAIN, SettingsError, StorageError
from catalog.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

CATALOG_NAME = "osslake"
_TABLES_OF_A_SQL_CATALOG = ("iceberg_tables", "iceberg_namespace_properties")


def open_catalog(settings: Settings) -> Catalog:
    """Open the lake's Iceberg catalog, making the SQLite file, the folders and the buckets on first use.

    Raises:
        SettingsError: the catalog can't be reached with these settings.
        StorageError: the object store can't be reached.
    """
    if settings.catalog.type == "rest" and settings.storage.type == "local":
        raise SettingsError("catalog.type rest needs storage.type s3: the catalog's server must reach the files itself")
    open_bucket(settings).make()
    return load_iceberg_catalog(settings)


def load_iceberg_catalog(settings: Settings) -> Catalog:
    """Open the lake's Iceberg catalog; the place of its files is there.

    Raises:
        SettingsError: the catalog can't be reached with these settings.
    """
    warnings.filterwarnings("ignore", module="pyiceberg", message=".*Delete operation did not match.*")
    properties = open_bucket(settings).io_properties() | (_sql(settings) if settings.catalog.type == "sql" else _rest(settings))
    try:
        catalog = _loaded(properties | settings.catalog.properties)
    except Exception as error:
        uri = _without_password(properties["uri"])
        raise SettingsError(f"the Iceberg catalog at {uri} can't be opened: {_first_line(error)}", uri=uri) from error
    if settings.catalog.type == "sql":
        weakref.finalize(catalog, catalog.engine.dispose)  # type: ignore[attr-defined]  # connections go with the catalog
    return catalog


def _loaded(properties: dict[str, Any]) -> Catalog:
    """Open a catalog; PyIceberg makes the two tables of a new SQL catalog, and fails where another process made one since it looked."""
    from pyiceberg.catalog import load_catalog
    from sqlalchemy.exc import SQLAlchemyError

    for _ in _TABLES_OF_A_SQL_CATALOG:
        try:
            return load_catalog(CATALOG_NAME, **properties)
        except SQLAlchemyError as error:
            if "already exists" not in str(error):
                raise
    return load_catalog(CATALOG_NAME, **properties)


def _sql(settings: Settings) -> dict[str, Any]:
    chosen = settings.catalog
    settings.state.mkdir(parents=True, exist_ok=True)
    uri = chosen.uri or f"sqlite:///{settings.state / 'catalog.sqlite'}"
    password = chosen.credential.get_secret_value()
    if password:
        from sqlalchemy.engine import make_url

        uri = make_url(uri).set(password=password).render_as_string(hide_password=False)
    return {"type": "sql", "uri": uri, "warehouse": settings.bucket, "pool_pre_ping": str(not uri.startswith("sqlite:")).lower()}


def _rest(settings: Settings) -> dict[str, Any]:
    chosen = settings.catalog
    properties = {
        "py-catalog-impl": "catalog.rest_client.PatientRestCatalog",
        "uri": chosen.uri,
        "warehouse": chosen.warehouse or settings.bucket,
        "osslake.timeout-s": str(chosen.timeout_s),
    }
    if chosen.credential.get_secret_value():
        properties["credential"] = chosen.credential.get_secret_value()
        properties["oauth2-server-uri"] = f"{chosen.uri.rstrip('/')}/v1/oauth/tokens"
    return properties


@contextmanager
def catalog_answers(what: str) -> Iterator[None]:
    """Turn the silence and the refusals of catalog and object store, while `what` is done, into our own error.

    Conflicts of commits, missing tables and missing files pass as they are.

    Raises:
        StorageError: it failed; where a commit was asked for, it may have been made or not.
    """
    from pyiceberg.exceptions import RESTError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except FileNotFoundError:
        raise
    except (RESTError, SQLAlchemyError, OSError) as error:
        raise StorageError(f"{what} failed: {_first_line(error)}; {AGAIN}") from error


def _first_line(error: BaseException) -> str:
    return _without_password(next(iter(str(error).strip().splitlines()), "") or type(error).__name__)


def _without_password(text: str) -> str:
    return re.sub(r"(://[^/@:\s]*):[^/@\s]+@", r"\1:***@", text)
