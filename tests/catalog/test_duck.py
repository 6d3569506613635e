"""DuckDB's connections speak UTC, wherever the machine stands."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
from catalog.duck import connect
with connect() as connection:
    for one in (connection, connection.cursor()):
        print(one.execute("SELECT date_trunc('day', TIMESTAMPTZ '2024-01-31 23:30:00+00')::VARCHAR").fetchone()[0])
"""


def test_cursors_speak_utc_too() -> None:
    """On a machine in Berlin a connection and its cursors cut days in UTC."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env={**os.environ, "TZ": "Europe/Berlin"}, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["2024-01-31 00:00:00+00"] * 2
