"""A generated world in the sources' own wire formats: hour files of GH Archive, a directory, git clones, the truth.

`write_world` writes one; equal settings give equal bytes. What each oddity is for stands in `script.py`.
"""

from ingest.world.settings import WorldSettings, WorldSummary
from ingest.world.write import write_world

__all__ = ["WorldSettings", "WorldSummary", "write_world"]
