"""The source git: the commits of any clone, bare or not, of any forge.

Upstream: any git repository, read with the `git` command (2.31 or newer). Licence: the repository's own. Rate limit:
that of the forge, if the address is a URL; one `ls-remote` a run, and one fetch when HEAD has moved.

What is read: every commit that HEAD reaches, with what it changes against its first parent (renames found, binary files
counting as files and not as lines). Not read: the message (only its trailers), tags, notes, other branches, `.mailmap`,
`.gitattributes`.

Known gaps: a commit whose author's or committer's time is before 1970 or after 9998 is rejected (`bad_time`). An offset
beyond a day is null. Git looks for renames in commits of up to 1,000 files only. Shallow and partial clones are
refused. A remote over ssh that falls silent in the middle of a transfer is waited for.
"""

from __future__ import annotations

from ingest.git.clones import identify_repository
from ingest.git.repositories import KnownRepository, read_repository

__all__ = ["KnownRepository", "identify_repository", "read_repository"]
