"""Keeping a lake small: few data files, manifests and snapshots, and no file that nothing names.

What a kept release lists, what a snapshot that stays leads to and what the next transformation compares with is never touched; all else goes
in an order in which a kill leaves nothing but more to do: a file is deleted only after no metadata names it.
"""

from __future__ import annotations

from lakehouse.maintenance.maintain import MaintainSummary, TableUpkeep, maintain_lake

__all__ = ["MaintainSummary", "TableUpkeep", "maintain_lake"]
