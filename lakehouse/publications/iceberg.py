"""The lake's own tables, brought up to date with the models (lakehouse/tables.py): what every reader of Iceberg gets to see."""

from __future__ import annotations

import time

from catalog.catalogs import open_catalog
from catalog.errors import ReleaseError
from catalog.releases import Release, read_latest, read_release
from catalog.settings import Settings
from lakehouse.publications.publication import PublicationSummary, Shown, Step


class IcebergPublication:
    """The tables in the lake's Iceberg catalog. A reader comes to them by `latest.json`, so they show the lake's current release."""

    name = "iceberg"
    description = "The lake's own Iceberg tables, for readers of its catalog."

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def shown(self) -> Shown | None:
        """Return the lake's current release."""
        return Shown.of(read_release(self.settings)) if read_latest(self.settings) else None

    def publish(self, release: Release, step: Step) -> PublicationSummary:  # noqa: ARG002 - the tables' own publication has no steps
        """Bring the tables up to date with what the last transformation made; a release pins it later.

        Raises:
            ReleaseError: nothing was transformed yet.
        """
        # SQLMesh takes seconds to import, and `osslake status` asks for nothing that needs it.
        from lakehouse.engines import open_engine
        from lakehouse.model_datasets import published_datasets
        from lakehouse.tables import publish_tables
        from lakehouse.transform import opened_models, physical_tables

        started = time.monotonic()
        if not open_engine(self.settings).is_built():
            raise ReleaseError(f"the lake {self.settings.folder} has nothing to publish yet; `osslake transform` makes it")
        with opened_models(self.settings) as context:
            datasets, physical = published_datasets(context), physical_tables(context)
        done = publish_tables(self.settings, open_catalog(self.settings), datasets, physical)
        return PublicationSummary(
            release.id,
            is_new=False,
            tables=done.tables,
            rows=done.rows,
            files=len(done.digests),
            bytes=done.bytes,
            duration_s=time.monotonic() - started,
        )
