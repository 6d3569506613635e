"""What tests of loads share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

import ingest.destination as destination
from catalog.errors import CommitError


@pytest.fixture
def cut_off_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AbstractContextManager[None]]:
    """Return what lets every load die before it commits to a table, while a block lasts; the block must end with that."""

    @contextmanager
    def cutting(table: str) -> Iterator[None]:
        commit_table = destination._commit_table

        def cut_off(package: destination.Package, name: str, *rest: Any) -> None:
            if name == table:
                raise CommitError("cut off")
            commit_table(package, name, *rest)

        with monkeypatch.context() as patched:
            patched.setattr(destination, "_commit_table", cut_off)
            with pytest.raises(CommitError, match="cut off"):
                yield

    return cutting
