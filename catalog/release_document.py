"""The release document and the two small documents beside it, as data: docs/formats/release.md says what each field means.

All three are written as canonical JSON: catalog.canonical.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_serializer, model_validator

from catalog.bucket import bucket_key

STAGES = ("raw", "intermediate", "marts")
ID_PATTERN = r"^[0-9]{6,}-[0-9a-f]{64}$"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
ReleaseId = Annotated[str, Field(pattern=ID_PATTERN)]
Count = Annotated[int, Field(ge=0)]
UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(lambda time: time.astimezone(UTC).replace(microsecond=0)),
    PlainSerializer(lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str),
]


class _Part(BaseModel):
    """A part of a document: frozen, strict about types; names that a later writer adds are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)


class ReleasedFile(_Part):
    """One file of a table; the last three are known of data files alone."""

    path: str
    kind: Literal["data", "manifest", "manifest_list", "metadata"]
    size_bytes: Count
    sha256: Sha256
    row_count: Count | None = None
    content_digest: Digest | None = None
    partition: str | None = None

    @model_validator(mode="after")
    def _data_is_described(self) -> ReleasedFile:
        if self.kind == "data" and None in (self.row_count, self.content_digest, self.partition):
            raise ValueError(f"data file {self.path} lacks its row_count, content_digest or partition")
        return self

    @model_serializer(mode="wrap")
    def _without_nones(self, serialize: Callable[[ReleasedFile], dict[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class ReleasedTable(_Part):
    """One table at one snapshot. `schema_` is Iceberg's schema JSON."""

    stage: Literal["raw", "intermediate", "marts"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    description: str
    licence: str
    grain: list[str]
    content_columns: list[str]
    snapshot_id: Annotated[str, Field(pattern=r"^[0-9]+$")]
    schema_: dict[str, Any] = Field(alias="schema")
    partition_spec: dict[str, Any]
    row_count: Count
    content_digest: Digest
    metadata_file: str
    files: list[ReleasedFile]

    @property
    def full_name(self) -> str:
        """`stage.name`."""
        return f"{self.stage}.{self.name}"

    @property
    def data_files(self) -> list[ReleasedFile]:
        """The files that hold rows."""
        return [file for file in self.files if file.kind == "data"]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)


class Models(_Part):
    """What the tables were computed by: model name -> SHA-256 of its text."""

    git_commit: str | None
    sources: dict[str, str]


class Coverage(_Part):
    """What was loaded of a source: state -> hours, and records."""

    source: str
    period_start: UtcTime | None
    period_end: UtcTime | None
    states: dict[str, int]
    records: Count
    rejected: Count


class Audit(_Part):
    """An audit that passed."""

    model: str
    audit: str
    result: Literal["pass"]
    checked_at: UtcTime


class ReleaseDocument(_Part):
    """What a release says."""

    format_version: Literal[1]
    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
    sequence: Annotated[int, Field(ge=1)]
    created_at: UtcTime
    as_of_date: date
    previous: ReleaseId | None
    restores: ReleaseId | None
    key_id: str
    author_key_id: str
    tables: list[ReleasedTable]
    inputs: dict[str, str]
    models: Models
    coverage: list[Coverage]
    audits: list[Audit]

    @model_validator(mode="after")
    def _paths_lie_in_the_bucket(self) -> ReleaseDocument:
        for table in self.tables:
            for path in (table.metadata_file, *(file.path for file in table.files)):
                bucket_key(self.dataset, path)
        return self


class SignatureDocument(_Part):
    """An Ed25519 signature with the key that proves it: base64 of the raw 32 and 64 bytes; nothing else may stand here."""

    model_config = ConfigDict(extra="forbid")

    key_id: str
    public_key: str
    signature: str


class Latest(_Part):
    """Which release is current: the one document that changes. Fields of later writers are kept, since the signature covers them."""

    model_config = ConfigDict(extra="allow")

    format_version: Literal[1]
    sequence: Annotated[int, Field(ge=1)]
    sha256: Sha256
    id: ReleaseId
    signed_at: UtcTime
    expires_at: UtcTime
    key_id: str
    signature: str


def release_id(sequence: int, content: bytes) -> str:
    """Return the id of the document with these bytes."""
    return f"{sequence:06d}-{hashlib.sha256(content).hexdigest()}"
