"""The engines that models run on, behind one interface: what DuckDB and Trino do differently around the models.

`engine.gateway()` is how SQLMesh reaches the engine and its own state; `engine.session()` is how we do: SQL that both take alike.
What models spell differently inside stands in models/macros/dialect.py.
"""

from __future__ import annotations

from catalog.settings import Settings
from lakehouse.engines.session import PINNED, Engine, Session

__all__ = ["PINNED", "Engine", "Session", "open_engine"]


def open_engine(settings: Settings) -> Engine:
    """Return the engine that the settings name.

    Raises:
        SettingsError: the lake isn't such that this engine reaches it.
    """
    if settings.transform.engine == "trino":
        from lakehouse.engines.trino import TrinoEngine

        return TrinoEngine(settings)
    from lakehouse.engines.duckdb import DuckEngine

    return DuckEngine(settings)
