"""All errors of osslake, as one tree.

    OsslakeError                 base; `code` names the class for machines, `exit_code` is 1
    ├── SettingsError            a setting, an argument or a lake folder that can't be used
    ├── SourceError              a source can't be read
    │   ├── SourceMissingError   the address names nothing (no such folder, 404)
    │   ├── SourceUnavailableError  it may be there later (5xx, a time-out); retried
    │   └── SourceFormatError    it is there, but is not what it should be
    ├── StorageError             the object store or the catalog refused, or did not answer
    │   └── StorageUnavailableError  the object store did not answer, or answered that it can't now
    ├── LakeBusyError            another run holds the lake, or took it from this one
    ├── CommitError              an Iceberg commit was refused more often than is reasonable
    ├── TransformError           a model, a unit test of a model or an audit failed
    │   ├── AuditError           an audit found rows; nothing is released
    │   └── EngineUnavailableError  Trino, or the database of the models' state, did not answer
    ├── ReleaseError             a release can't be made, found or read
    │   └── VerificationError    a hash, a signature, a digest or the chain of releases doesn't hold
    ├── PublishError             a target refused a release
    │   └── TargetUnavailableError  it did not answer, or its quota is spent
    ├── QueryError               a reader's SQL or table name
    └── StackError               a server of the stack can't be started, or is not there

A message names the thing, its value, and what would be right. Vendors' exceptions are wrapped where they arise.
"""

from __future__ import annotations

AGAIN = "nothing is lost, run again when it answers"
"""What is to be done about a server that did not answer."""


class OsslakeError(Exception):
    """Base of all errors that osslake raises on purpose.

    Attributes:
        values: what the message speaks of, by name, for logs and machines.
    """

    code = "error"
    exit_code = 1
    is_transient = False

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message)
        self.values = values


class SettingsError(OsslakeError):
    """A setting, an argument or a lake folder can't be used."""

    code = "settings"


class SourceError(OsslakeError):
    """A source can't be read."""

    code = "source"


class SourceMissingError(SourceError):
    """The address names nothing."""

    code = "source_missing"


class SourceUnavailableError(SourceError):
    """The source did not answer, or answered that it can't now."""

    code = "source_unavailable"
    is_transient = True


class SourceFormatError(SourceError):
    """The source is there, but it is not what it should be."""

    code = "source_format"


class StorageError(OsslakeError):
    """The object store or the catalog refused, or did not answer."""

    code = "storage"
    is_transient = True


class StorageUnavailableError(StorageError):
    """The object store did not answer, or answered that it can't now."""

    code = "storage_unavailable"


class LakeBusyError(OsslakeError):
    """Another run holds the lake, or took it from this one."""

    code = "lake_busy"


class CommitError(OsslakeError):
    """An Iceberg commit was refused again and again."""

    code = "commit"
    is_transient = True


class TransformError(OsslakeError):
    """A model failed."""

    code = "transform"


class AuditError(TransformError):
    """An audit found rows that must not be there."""

    code = "audit"


class EngineUnavailableError(TransformError):
    """Trino, or the database of the models' state, did not answer."""

    code = "engine_unavailable"
    is_transient = True


class ReleaseError(OsslakeError):
    """A release can't be made, found or read."""

    code = "release"


class VerificationError(ReleaseError):
    """A hash, a signature, a content digest or the chain of releases doesn't hold."""

    code = "verification"


class PublishError(OsslakeError):
    """A target refused a release."""

    code = "publish"


class TargetUnavailableError(PublishError):
    """A target did not answer, or answered that it can't now."""

    code = "target_unavailable"
    is_transient = True


class QueryError(OsslakeError):
    """A reader's SQL or table name can't be used."""

    code = "query"


class StackError(OsslakeError):
    """A server of the stack can't be started, or is not there."""

    code = "stack"
