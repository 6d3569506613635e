"""The reader's side: HTTP over releases. Knows nothing of how they are made."""

from __future__ import annotations

from serving.server import run

__all__ = ["run"]
