"""SQLMesh's Trino adapter, for a lake: one catalog, and tables that stay the same tables.

SQLMesh replaces a table by CREATE OR REPLACE TABLE AS, which gives its columns new field ids, rounds times to milliseconds and comments
column by column in statements of their own; and it asks for the current catalog before each of its calls (half of all queries).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlmesh.core.config import TrinoConnectionConfig
from sqlmesh.core.engine_adapter import TrinoEngineAdapter
from sqlmesh.core.engine_adapter.shared import CommentCreationView

from lakehouse.engines.trino_connection import connect_held


class LakeAdapter(TrinoEngineAdapter):
    """The adapter to the catalog of the models."""

    COMMENT_CREATION_VIEW = CommentCreationView.UNSUPPORTED

    def get_current_catalog(self) -> str | None:
        """Return the connection's catalog; nothing here ever changes it."""
        return str(self.default_catalog)

    def replace_query(
        self, table_name: Any, query_or_df: Any, target_columns_to_types: dict[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Replace a table's rows, in two commits, where the table is there."""
        if target_columns_to_types and self.table_exists(table_name):
            self._truncate_table(table_name)
            self.insert_append(table_name, query_or_df, target_columns_to_types=target_columns_to_types)
        else:
            super().replace_query(table_name, query_or_df, target_columns_to_types, *args, **kwargs)


class LakeConnection(TrinoConnectionConfig):
    """A connection to Trino with this adapter; its source is the tag of the run that holds the lake."""

    @property
    def _engine_adapter(self) -> type[TrinoEngineAdapter]:
        return LakeAdapter

    @property
    def _connection_factory(self) -> Callable[..., Any]:
        return connect_held
