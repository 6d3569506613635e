"""The raw tables: one row per source record as it came, e-mails' local parts hashed.

Every raw table ends with the four columns of `PROVENANCE`. Meanings: design of the sources, docs/sources.md.
"""

from __future__ import annotations

from catalog.datasets import Column, Dataset, Partitioning

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Of hours and of the times of records; after the last one calendars need room for the periods and windows that a day lies in."""
PROVENANCE = (
    Column("_load_id", "string", "id of the load that brought the row; outside the content digest", is_required=True, is_content=False),
    Column("_loaded_at", "timestamptz", "time of that load; outside the content digest", is_required=True, is_content=False),
    Column("_source_file", "string", "file (or repository) that the record came from", is_required=True),
    Column("_source_line", "long", "line in that file, from 1; 0 where there are no lines"),
)

GHARCHIVE_EVENTS = Dataset(
    "raw",
    "gharchive__events",
    "One record of GH Archive, of any of its three forms; the fields that models use are promoted to columns.",
    (
        Column("record_id", "string", "GitHub's event id; before 2015 SHA-256 of the line", is_required=True),
        Column("record_type", "string", "PushEvent, IssuesEvent, ...", is_required=True),
        Column("created_at", "timestamptz", "time of the record", is_required=True),
        Column("created_date", "date", "UTC day of created_at, which a reader's filter on days can prune by", is_required=True),
        Column("actor_id", "long", "GitHub's number of the account; null before 2015"),
        Column("actor_login", "string", "login as recorded"),
        Column("repository_id", "long", "GitHub's number of the repository; null before 2015"),
        Column("repository_name", "string", "owner/name as recorded"),
        Column("action", "string", "payload.action: opened, closed, merged, started, ..."),
        Column("ref", "string", "payload.ref: the branch or tag"),
        Column("commit_shas", "list<string>", "commits that a push lists, in its order"),
        Column("number", "long", "number of the issue or pull request"),
        Column("is_merged", "boolean", "payload.pull_request.merged"),
        Column("merged_at", "timestamptz", "payload.pull_request.merged_at"),
        Column("opened_by_id", "long", "number of the account that opened the pull request"),
        Column("opened_by_login", "string", "its login"),
        Column("published_at", "timestamptz", "payload.release.published_at"),
        Column("record", "string", "the whole record as JSON text"),
        *PROVENANCE,
    ),
    grain=("created_at", "record_id", "_source_file", "_source_line"),
    partitioning=Partitioning("created_at", "day"),
    licence="CC-BY-4.0 (GH Archive); content by GitHub's users",
    upstream="https://www.gharchive.org/",
)

GHARCHIVE_HOURS = Dataset(
    "raw",
    "gharchive__hours",
    "One hour of GH Archive that was asked for, in its newest known state; also the cursor of the loader.",
    (
        Column("hour", "string", "name of the hour file without its suffixes, `2015-01-01-0`", is_required=True),
        Column("period_start", "timestamptz", "start of the hour in UTC", is_required=True),
        Column("period_seconds", "long", "length of the hour in seconds", is_required=True),
        Column("state", "string", "loaded, empty, missing or partial (a cut file)", is_required=True),
        Column("record_count", "long", "lines in the file", is_required=True),
        Column("loaded_count", "long", "lines that became rows", is_required=True),
        Column("rejected_count", "long", "lines that were rejected", is_required=True),
        Column("content_sha256", "string", "SHA-256 of the file's bytes as fetched; null if missing"),
        Column("content_bytes", "long", "size of the file as fetched"),
        Column("etag", "string", "ETag of the answer, or size and time of a local file", is_content=False),
        *PROVENANCE,
    ),
    grain=("hour",),
    licence="CC-BY-4.0",
    upstream="https://www.gharchive.org/",
)

REJECTED = Dataset(
    "raw",
    "rejected",
    "One record that did not fit, with the reason; the record is whole, e-mails' local parts hashed.",
    (
        Column("source", "string", "gharchive, oss_directory or git", is_required=True),
        Column("reason", "string", "what is wrong, as a short code: not_json, not_utf8, missing_field, ...", is_required=True),
        Column("field", "string", "field that is wrong, where it is one"),
        Column("message", "string", "what is wrong, in words"),
        Column("record", "string", "the record; bytes that are not UTF-8 stand as \\xNN"),
        *PROVENANCE,
    ),
    grain=("source", "_source_file", "_source_line", "field", "record"),
)

DIRECTORY_PROJECTS = Dataset(
    "raw",
    "oss_directory__projects",
    "One version of a project's YAML file in a directory, valid from a commit until the next that changes it.",
    (
        Column("directory", "string", "name of the directory: its remote's address, or the folder's name", is_required=True),
        Column("directory_position", "int", "position among the configured directories; the later one's slug wins", is_required=True),
        Column("project_name", "string", "slug", is_required=True),
        Column("version", "long", "schema version of the file"),
        Column("display_name", "string", "name for people", is_required=True),
        Column("description", "string", "what the project says of itself"),
        Column("valid_from", "timestamptz", "time of the commit that made this version; null without history"),
        Column("valid_to", "timestamptz", "time of the commit that changed or deleted it; null while it holds"),
        Column("directory_commit", "string", "commit that the version was read at; null for a plain folder"),
        Column("record", "string", "the file's content as JSON text"),
        *PROVENANCE,
    ),
    grain=("directory", "project_name", "valid_from", "directory_commit"),
    licence="Apache-2.0",
    upstream="https://github.com/opensource-observer/oss-directory",
)

DIRECTORY_ENTRIES = Dataset(
    "raw",
    "oss_directory__entries",
    "One artifact that one version of a project lists, taken apart into source, kind and name.",
    (
        Column("directory", "string", "name of the directory", is_required=True),
        Column("directory_position", "int", "position among the configured directories", is_required=True),
        Column("project_name", "string", "slug", is_required=True),
        Column("field", "string", "list that the entry stands in: github, npm, blockchain, ...", is_required=True),
        Column("listed_as", "string", "the entry's own text", is_required=True),
        Column("artifact_source", "string", "GITHUB, NPM, PYPI, CRATES, GO, OPEN_COLLECTIVE, DEFILLAMA, or the network", is_required=True),
        Column("artifact_kind", "string", "repository_name, account_name, package, address, account, ...", is_required=True),
        Column("artifact_namespace", "string", "owner, scope or organisation; null where there is none"),
        Column("artifact_name", "string", "name without its namespace, normalised", is_required=True),
        Column("artifact_key", "string", "key of the artifact's id", is_required=True),
        Column("artifact_url", "string", "where a person finds it"),
        Column("tags", "list<string>", "tags of a blockchain entry"),
        Column("valid_from", "timestamptz", "as in oss_directory__projects"),
        Column("valid_to", "timestamptz", "as in oss_directory__projects"),
        Column("directory_commit", "string", "as in oss_directory__projects"),
        *PROVENANCE,
    ),
    grain=("directory", "project_name", "valid_from", "field", "listed_as", "artifact_source", "artifact_key"),
    licence="Apache-2.0",
    upstream="https://github.com/opensource-observer/oss-directory",
)

DIRECTORY_COLLECTIONS = Dataset(
    "raw",
    "oss_directory__collections",
    "One version of a collection's YAML file in a directory.",
    (
        Column("directory", "string", "name of the directory", is_required=True),
        Column("directory_position", "int", "position among the configured directories", is_required=True),
        Column("collection_name", "string", "slug", is_required=True),
        Column("version", "long", "schema version of the file"),
        Column("display_name", "string", "name for people", is_required=True),
        Column("description", "string", "what the collection says of itself"),
        Column("project_names", "list<string>", "slugs that it lists, as they stand"),
        Column("valid_from", "timestamptz", "time of the commit that made this version; null without history"),
        Column("valid_to", "timestamptz", "time of the commit that changed or deleted it; null while it holds"),
        Column("directory_commit", "string", "commit that the version was read at"),
        Column("record", "string", "the file's content as JSON text"),
        *PROVENANCE,
    ),
    grain=("directory", "collection_name", "valid_from", "directory_commit"),
    licence="Apache-2.0",
    upstream="https://github.com/opensource-observer/oss-directory",
)

GIT_COMMITS = Dataset(
    "raw",
    "git__commits",
    "One commit that the HEAD of a repository reaches.",
    (
        Column("repository_url", "string", "normalised address of the remote, https://host/path", is_required=True),
        Column("repository_host", "string", "host of the remote, lower-case", is_required=True),
        Column("repository_name", "string", "path of the remote without .git, lower-case: owner/name", is_required=True),
        Column("sha", "string", "object id of the commit", is_required=True),
        Column("authored_at", "timestamptz", "author's time", is_required=True),
        Column("authored_offset_minutes", "int", "author's offset from UTC in minutes"),
        Column("committed_at", "timestamptz", "committer's time", is_required=True),
        Column("committed_offset_minutes", "int", "committer's offset from UTC in minutes"),
        Column("author_name", "string", "author's name; an address in it has its local part hashed"),
        Column("author_address", "string", "sha1(local)@domain, lower-case"),
        Column("author_key", "string", "HMAC-SHA256 of author_address under the lake's key", is_required=True),
        Column("author_account_id", "long", "GitHub's number, from a noreply address"),
        Column("author_login", "string", "GitHub login, from a noreply address"),
        Column("committer_name", "string", "committer's name"),
        Column("committer_address", "string", "sha1(local)@domain, lower-case"),
        Column("committer_key", "string", "HMAC-SHA256 of committer_address"),
        Column("committer_account_id", "long", "GitHub's number, from a noreply address"),
        Column("committer_login", "string", "GitHub login, from a noreply address"),
        Column("parents", "list<string>", "object ids of the parents, in order"),
        Column("files_changed", "long", "files that the commit changes against its first parent"),
        Column("additions", "long", "lines added; binary files count 0"),
        Column("deletions", "long", "lines deleted"),
        Column("co_authors", "list<string>", "keys (HMAC) of Co-authored-by trailers"),
        Column("trailers", "list<string>", "all trailers, `Key: value`, addresses hashed"),
        *PROVENANCE,
    ),
    grain=("repository_url", "committed_at", "sha"),
    partitioning=Partitioning("committed_at", "year"),
    licence="as the repository's",
    upstream="any git repository",
)

GIT_REPOSITORIES = Dataset(
    "raw",
    "git__repositories",
    "One repository whose clone was read; also the cursor of the loader.",
    (
        Column("repository_url", "string", "normalised address of the remote", is_required=True),
        Column("repository_host", "string", "host of the remote, lower-case", is_required=True),
        Column("repository_name", "string", "path of the remote, lower-case", is_required=True),
        Column("head_sha", "string", "commit that HEAD led to; null for a repository without commits"),
        Column("head_ref", "string", "branch that HEAD names"),
        Column("commit_count", "long", "commits that HEAD reaches", is_required=True),
        Column("author_key_id", "string", "tells the key of the HMAC over authors' addresses from others", is_content=False),
        *PROVENANCE,
    ),
    grain=("repository_url",),
    upstream="any git repository",
)

RAW_TABLES = (
    GHARCHIVE_EVENTS,
    GHARCHIVE_HOURS,
    DIRECTORY_PROJECTS,
    DIRECTORY_ENTRIES,
    DIRECTORY_COLLECTIONS,
    GIT_COMMITS,
    GIT_REPOSITORIES,
    REJECTED,
)
