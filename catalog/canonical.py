"""Canonical JSON (RFC 8785): a document's bytes follow from what it says, so a changed byte is a changed document."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import rfc8785
from pydantic import BaseModel, ValidationError

from catalog.errors import VerificationError

DocumentType = TypeVar("DocumentType", bound=BaseModel)


def canonical_json(value: BaseModel | dict[str, Any]) -> bytes:
    """Return a document's bytes as RFC 8785 prescribes them."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    return bytes(rfc8785.dumps(plain))


def check_canonical(content: bytes, name: str) -> None:
    """Check that bytes are JSON in canonical form.

    Raises:
        VerificationError: they aren't.
    """
    try:
        canonical = canonical_json(json.loads(content))
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise VerificationError(f"{name} is not a JSON document: {error}", name=name) from error
    if canonical != content:
        raise VerificationError(f"{name} is not canonical JSON: its bytes were changed", name=name)


def parse(kind: type[DocumentType], content: bytes, name: str) -> DocumentType:
    """Read a document, in any spelling (a hash speaks for its bytes).

    Raises:
        VerificationError: it isn't JSON, or isn't such a document; the message names it and the field.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise VerificationError(f"{name}: {where or 'document'}: {first['msg']}", name=name) from error


def parse_canonical(kind: type[DocumentType], content: bytes, name: str) -> DocumentType:
    """Read a document that must be in canonical form.

    Raises:
        VerificationError: it isn't, or isn't such a document.
    """
    check_canonical(content, name)
    return parse(kind, content, name)
