"""What arguments of several commands have in common."""

from __future__ import annotations

from typing import TypeVar

import typer

T = TypeVar("T", str, list[str])


def given(value: T) -> T:
    """Return folders or addresses as they are; an empty one would mean the current folder."""
    if not all([value] if isinstance(value, str) else value):
        raise typer.BadParameter("it is empty; a folder or an address would be right")
    return value
