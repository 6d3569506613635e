"""The exact metric values of a world, computed record by record in plain Python from the files that were written.

It shares no code and no SQL with the pipeline, nor the generator's state: what it knows it reads from the hour files,
the clones and the directory. Rolling windows are evaluated the slow way: for each day the window's days again.
The definitions are those of design/domain.md, sections 1, 2, 4 and 5.
"""

from ingest.world.truth.write import write_truth

__all__ = ["write_truth"]
