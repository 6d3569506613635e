"""The source OSS Directory: which project lists which artifacts, and since when.

Upstream: https://github.com/opensource-observer/oss-directory (schema version 7). Licence: Apache-2.0. Rate limit: none
of its own; one `ls-remote` a run, and one fetch when HEAD has moved.

A directory is a folder with `data/projects` and `data/collections`: plain, a clone, a bundle or a git URL. With its
history, every version of every file over the first-parent history is a row of projects or collections, valid from the
time of the commit that wrote it to that of the one that changed or deleted it. Of entries there is one row for each
uninterrupted time that a project lists them: `directory_commit`, `_source_file` and `_source_line` tell where an entry
was listed first, `tags` are the newest. An address on several networks is one entry on each of them.

Known gaps: `any_evm` is kept as the network ANY_EVM. A version of a file that is no YAML, or has no display name, is
rejected, and the project has no row while that version holds; its entries, if any can be read, have. A project's slug
is its file's name in lower case, whatever `name` says (so it was in all files of the newest state). What stands in
`websites`, `social` and `comments` is kept in `record` only.
"""

from __future__ import annotations

from ingest.oss_directory.reader import directory_load_id, directory_name, read_directory

__all__ = ["directory_load_id", "directory_name", "read_directory"]
