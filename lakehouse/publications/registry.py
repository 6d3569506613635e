"""Which targets there are, in the order in which they are published to."""

from __future__ import annotations

from collections.abc import Callable

from catalog.errors import SettingsError
from catalog.settings import Settings
from lakehouse.publications.publication import Publication

LAKE = "iceberg"
"""The lake's own tables: `osslake run` has published to them on its way to the release."""


def _iceberg(settings: Settings) -> Publication | None:
    from lakehouse.publications.iceberg import IcebergPublication

    return IcebergPublication(settings)


def _static(settings: Settings) -> Publication | None:
    from lakehouse.publications.static import StaticPublication

    return StaticPublication(settings) if settings.publish.static else None


def _bigquery(settings: Settings) -> Publication | None:
    if not (settings.publish.bigquery.project and settings.publish.bigquery.dataset):
        return None
    try:
        from lakehouse.publications.bigquery.publication import BigQueryPublication
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is missing; install the extra: pip install 'osslake[bigquery]'", module=error.name) from error
    return BigQueryPublication(settings)


def _postgres(settings: Settings) -> Publication | None:
    from lakehouse.publications.postgres import PostgresPublication

    return PostgresPublication(settings) if settings.publish.postgres.dsn.get_secret_value() else None


_TARGETS: dict[str, Callable[[Settings], Publication | None]] = {
    LAKE: _iceberg,
    "static": _static,
    "postgres": _postgres,
    "bigquery": _bigquery,
}
"""Name -> what makes the target that the settings name; None where they don't. A vendor's package is imported once its target is wanted."""
NAMES = tuple(_TARGETS)


def named_publications(settings: Settings) -> list[Publication]:
    """Return all targets that the settings name; the lake's own tables are always one."""
    return [target for make in _TARGETS.values() if (target := make(settings))]


def publications_after_release(settings: Settings) -> list[Publication]:
    """Return the targets that the settings name beside the lake's own tables, which a release is made of."""
    return [target for target in named_publications(settings) if target.name != LAKE]


def open_publication(settings: Settings, name: str) -> Publication:
    """Return the target of this name.

    Raises:
        SettingsError: the settings don't name it.
    """
    target = _TARGETS[name](settings)
    if target is None:
        raise SettingsError(f"the settings name no target {name}: publish.{name} would say where it is", target=name)
    return target
