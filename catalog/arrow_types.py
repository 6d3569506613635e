"""Arrow's types for the types that tables are declared with."""

from __future__ import annotations

import pyarrow as pa

ARROW_TYPES = {
    "string": pa.string(),
    "long": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "list<string>": pa.list_(pa.string()),
}
