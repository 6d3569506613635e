"""A generated world in the sources' own wire formats: hour files of GH Archive, a directory, git clones, the truth.

`write_world` writes one; equal settings give equal bytes. docs: what each oddity is for stands in `oddities.py`.
"""

from ingest.world.settings import WorldSettings, WorldSummary
from ingest.world.write import write_world

__all__ = ["WorldSettings", "WorldSummary", "write_world"]
