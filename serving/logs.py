"""The server's log: a JSON object a line, on standard error."""

from __future__ import annotations

import sys
from typing import Any

import structlog


def log(event: str, **values: Any) -> None:
    """Write a line: what happened, when (UTC), and its values."""
    structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr), [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()]
    ).msg(event=event, **values)
