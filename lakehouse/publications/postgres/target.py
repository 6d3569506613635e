"""PostgreSQL as a publication: what it shows, what it lacks, and the way from there to a release."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg import sql

from catalog.crash import crash_point
from catalog.errors import PublishError
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.lock import held
from lakehouse.publications.changes import public_tables, shown_release
from lakehouse.publications.postgres.contents import Contents, PublishedRelease, parts_schema, read_contents, read_releases
from lakehouse.publications.postgres.exchange import Exchange, make_place
from lakehouse.publications.postgres.layout import Key, Part, TableLayout, layout_of
from lakehouse.publications.postgres.parts import analyse_tables, load_parts
from lakehouse.publications.postgres.server import connected, take_turn
from lakehouse.publications.publication import PublicationSummary, Shown, Step

if TYPE_CHECKING:
    from psycopg import Connection


class PostgresPublication:
    """The database that `publish.postgres.dsn` names."""

    name = "postgres"
    description = "The marts as tables of a PostgreSQL schema, for SQL, PostgREST and Hasura."

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.target = settings.publish.postgres

    def shown(self) -> Shown | None:
        """Return the release that the schema shows."""
        with connected(self.target) as connection:
            published = read_releases(connection, self.target.schema_name)
        return next((one.shown for one in published if one.is_shown), None)

    def publish(self, release: Release, step: Step) -> PublicationSummary:
        """Load the parts that are missing, and exchange."""
        started = time.monotonic()
        layouts = {table.name: layout_of(table) for table in public_tables(release)}
        with connected(self.target) as connection:
            take_turn(connection, self.target.schema_name)
            there = read_contents(connection, self.target, set(layouts))
            is_shown = there.shown is not None and there.shown.release_id == release.id
            if is_shown and all(set(there.parts_of(layout.name)) == layout.parts.keys() for layout in layouts.values()):
                return PublicationSummary(release.id, is_new=False, duration_s=time.monotonic() - started)
            self._check_lineage(there.shown, release)
            self._check_cuts(there, layouts)
            self._check_parts(connection, there, layouts)
            make_place(connection, self.target)
            summary = PublicationSummary(release.id, is_new=not is_shown)
            self._load(there, layouts, summary, step)
            crash_point("publish.postgres.loaded")
            held(self.settings).check()
            step("publish postgres: exchange")
            there = read_contents(connection, self.target, set(layouts))
            Exchange(connection, self.target, there, layouts).run(release)
            crash_point("publish.postgres.exchanged")
            summary.figures |= _weak_keys(there, layouts)
        largest_first = sorted(layouts.values(), key=lambda layout: -layout.released.row_count)
        analyse_tables(self.target, [layout.name for layout in largest_first if layout.released.full_name in summary.tables])
        summary.duration_s = time.monotonic() - started
        return summary

    def _check_lineage(self, shown: PublishedRelease | None, release: Release) -> None:
        """Refuse a schema that shows another lake's release."""
        place = f"the schema {self.target.schema_name}"
        if shown and shown.dataset != release.document.dataset:
            raise PublishError(
                f"{place} shows the dataset {shown.dataset}; another publish.postgres.schema_name would be right", id=shown.release_id
            )
        shown_release(self.settings, shown.shown if shown else None, place)

    def _check_cuts(self, there: Contents, layouts: Mapping[str, TableLayout]) -> None:
        """See that tables which are there are cut as the release cuts them."""
        for name, layout in layouts.items():
            cut_by = there.tables.get(name, layout.cut_by).replace('"', "")
            if cut_by != layout.cut_by:
                raise PublishError(
                    f"{self.target.schema_name}.{name} is cut by {cut_by}, in the release by {layout.cut_by}; DROP TABLE {self.target.schema_name}.{name},"
                    " and publish again",
                    table=name,
                )

    def _check_parts(self, connection: Connection[Any], there: Contents, layouts: Mapping[str, TableLayout]) -> None:
        """See that the parts which stay hold as many rows as the release lists."""
        for layout in layouts.values():
            for part in _present(there, layout):
                place = sql.Identifier(parts_schema(self.target), part.name)
                row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(place)).fetchone()
                if row and row[0] != part.partition.row_count:
                    raise PublishError(
                        f"{layout.released.full_name}{f', partition {part.partition.name}' if part.partition.name else ''}: {row[0]:,} rows are there,"
                        f" the release lists {part.partition.row_count:,}: something else wrote there; DROP TABLE {parts_schema(self.target)}.{part.name},"
                        " and publish again",
                        table=layout.released.full_name,
                    )

    def _load(self, there: Contents, layouts: Mapping[str, TableLayout], summary: PublicationSummary, step: Step) -> None:
        wanted = [(layout, part) for layout in layouts.values() for part in layout.parts.values() if part.name not in there.parts]
        for layout, part in wanted:
            summary.tables.setdefault(layout.released.full_name, []).append(part.partition.name)
        sent = 0
        held(self.settings).check()
        step("publish postgres: parts")
        for layout, part, sent_bytes in load_parts(self.settings, wanted):
            crash_point("publish.postgres.part")
            held(self.settings).check()
            step(f"publish postgres: {' '.join(filter(None, (layout.name, part.partition.name)))}")
            sent += sent_bytes
            summary.rows += part.partition.row_count
            summary.files += len(part.partition.files)
            summary.bytes += sum(file.size_bytes for file in part.partition.files)
        summary.figures["sent_bytes"] = sent


def _present(there: Contents, layout: TableLayout) -> list[Part]:
    return [part for name, part in layout.parts.items() if name in there.parts]


def _weak_keys(there: Contents, layouts: Mapping[str, TableLayout]) -> dict[str, int | float | str]:
    """Tell of tables whose grain is no key, since rows share it."""
    weak = [name for name, layout in layouts.items() if any(there.parts[part].key is Key.PLAIN for part in layout.parts)]
    return {"without_key": ", ".join(weak)} if weak else {}
