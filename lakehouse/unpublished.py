"""What the published tables lack since the last publication: everything, or the days that the models noted of their tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from lakehouse.model_datasets import HALVES

if TYPE_CHECKING:
    from catalog.datasets import Dataset
    from lakehouse.engines import Session

_SERIES = "timeseries_metrics_by_"
_NOT_NOTED = frozenset({"metric_periods_v1"})
"""Tables cut by months that a run writes whole."""


@dataclass(frozen=True)
class Unpublished:
    """The days noted since the last publication by the models' own names, unless everything is to be looked at."""

    is_everything: bool
    days: dict[str, set[date]]

    @property
    def is_nothing(self) -> bool:
        """Whether the published tables are up to date."""
        return not (self.is_everything or self.days)

    def days_of(self, dataset: Dataset) -> set[date] | None:
        """Return the days of a published table that may differ; None for all of them."""
        if self.is_everything or dataset.partitioning is None or dataset.name in _NOT_NOTED:
            return None
        level = dataset.name.removeprefix(_SERIES).removesuffix("_v1")
        names = [f"intermediate.{half}{level}" for half in HALVES] if dataset.name.startswith(_SERIES) else [dataset.full_name]
        return set().union(*(self.days.get(name, set()) for name in names))


def unpublished(session: Session) -> Unpublished:
    """Read what the last transformations left to publish."""
    is_everything = session.value("SELECT is_everything_unpublished FROM control.done") is not False
    days: dict[str, set[date]] = {}
    for name, day in session.rows("SELECT DISTINCT table_name, day FROM control.unpublished_days"):
        days.setdefault(name, set()).add(day)
    return Unpublished(is_everything, days)
