"""Publication to several targets, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.errors import LakeBusyError, OsslakeError
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.lock import held
from lakehouse.publications.publication import Publication, PublicationSummary, Step


@dataclass(frozen=True)
class Outcome:
    """What came of a publication: a summary, or the error that it failed with."""

    name: str
    summary: PublicationSummary | None = None
    error: OsslakeError | None = None


def publish_each(settings: Settings, publications: Sequence[Publication], release: Release, step: Step) -> list[Outcome]:
    """Publish a release to targets; one that fails doesn't keep the next ones from being tried.

    Raises:
        LakeBusyError: the lake was lost to another run meanwhile.
    """
    outcomes = []
    for publication in publications:
        held(settings).check()
        step(f"publish {publication.name}")
        try:
            outcomes.append(Outcome(publication.name, publication.publish(release, step)))
        except LakeBusyError:
            raise
        except OsslakeError as error:
            outcomes.append(Outcome(publication.name, error=error))
    return outcomes
