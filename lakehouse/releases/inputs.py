"""What a release is made from, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from catalog.datasets import Dataset
from catalog.digests import FileDigest
from catalog.release_document import Audit, Coverage
from catalog.releases import Release

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""


@dataclass(frozen=True)
class ReleaseInputs:
    """What a run hands over to be released.

    Attributes:
        as_of_date: last day that metrics speak of.
        datasets: the tables to pin: raw ones at `raw_snapshots`, others at their current snapshot.
        raw_snapshots: raw table's full name -> snapshot id that the models read; a raw table that isn't here is left out.
        model_sources: model name -> SHA-256 of its text.
        git_commit: of the models, where they lie in a repository.
        coverage: what was loaded, per source.
        audits: those that passed.
        digests: of data files that were just written, by path, so that they are not read again.
        places: where the catalog has a table (namespace, name), if not under the dataset's own name.
    """

    as_of_date: date
    datasets: Sequence[Dataset]
    raw_snapshots: Mapping[str, int]
    model_sources: Mapping[str, str]
    git_commit: str | None = None
    coverage: Sequence[Coverage] = ()
    audits: Sequence[Audit] = ()
    digests: Mapping[str, FileDigest] = field(default_factory=dict)
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseOutcome:
    """The release that is now current, and whether it was made just now.

    Attributes:
        held_back: the release whose content the tables have, if it was rolled back from and is therefore not released again.
    """

    release: Release
    is_new: bool
    held_back: Release | None = None


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""
