"""Servers that don't answer are named, however deep SQLMesh hid what they, or rather the network, said."""

from __future__ import annotations

import psycopg2
import pytest
from trino.dbapi import connect
from web_servers import free_port

from lakehouse.engines.silence import find_silence

WHERE = ("trino:8080", "postgres:5432")


def _wrapped(error: Exception) -> Exception:
    """Return an error as SQLMesh raises it where a model failed."""
    wrapped = RuntimeError("Plan application failed.")
    wrapped.__cause__ = error
    return wrapped


def test_postgresql_is_named() -> None:
    """A connection that PostgreSQL refused is told with its address, in one line, and may be tried again."""
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(host="127.0.0.1", port=free_port(), user="nobody")
    found = find_silence(_wrapped(caught.value), *WHERE)
    assert found is not None
    assert (found.is_transient, "\n" in str(found)) == (True, False)
    assert str(found).startswith("PostgreSQL at postgres:5432, which keeps the models' state, does not answer: connection to server at")


def test_trino_is_named() -> None:
    """So is one that Trino refused."""
    with pytest.raises(Exception, match="failed to execute") as caught:
        connect(host="127.0.0.1", port=free_port(), user="nobody").cursor().execute("SELECT 1")
    found = find_silence(_wrapped(caught.value), *WHERE)
    assert str(found) == "Trino at trino:8080 does not answer (failed to execute); nothing is lost, run again when it answers"


def test_other_errors_stay_what_they_are() -> None:
    """What is wrong with a model is no silence."""
    assert find_silence(_wrapped(ValueError("no such column")), *WHERE) is None
