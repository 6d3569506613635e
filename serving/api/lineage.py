"""From a published table back to the raw tables: the models on the way, what each reads, and their text once each (`model_lineage_v1`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from serving.replica.replica import Replica

LINEAGE_TABLE = "model_lineage_v1"
RAW = "raw."
_RELEASES_IN_MEMORY = 4


@dataclass(frozen=True)
class Model:
    """A model: its layer, the digest of its text, and the text itself; `inputs` are sorted."""

    name: str
    layer: str
    source_sha256: str
    source: str
    inputs: tuple[str, ...]


@lru_cache(_RELEASES_IN_MEMORY)
def models_of(replica: Replica) -> dict[str, Model]:
    """Return the models of a release by name; none where it has no lineage."""
    if LINEAGE_TABLE not in replica.tables:
        return {}
    rows = replica.look_up(
        f"SELECT model_name, layer, source_sha256, source_sql, input_name FROM {LINEAGE_TABLE} ORDER BY model_name, input_name"
    )
    inputs: dict[tuple[str, str, str, str], list[str]] = {}
    for *model, read in rows:
        inputs.setdefault((model[0], model[1], model[2], model[3]), []).extend([read] if read else [])
    return {model[0]: Model(*model, inputs=tuple(found)) for model, found in inputs.items()}


def behind(models: dict[str, Model], tables: Iterable[str]) -> list[str]:
    """Return all names that tables are made of, they themselves first, then in the order in which they are met, nearest first."""
    found = dict.fromkeys(tables)
    waiting = list(found)
    while waiting:
        model = models.get(waiting.pop(0))
        new = [name for name in model.inputs if name not in found] if model else []
        found |= dict.fromkeys(new)
        waiting += new
    return list(found)


def raw_tables(models: dict[str, Model], table: str) -> list[str]:
    """Return the raw tables that a table is made of, by name; of a raw one itself."""
    return sorted(name for name in behind(models, [table]) if name.startswith(RAW))


def lineage_of(models: dict[str, Model], tables: Iterable[str]) -> dict[str, Any]:
    """Return how tables are made: edges from each model to what it reads, the models with their text, and where it all begins."""
    names = behind(models, tables)
    there = [models[name] for name in names if name in models]
    return {
        "edges": [
            {"model_name": model.name, "input_name": read, "layer": model.layer, "source_sha256": model.source_sha256}
            for model in there
            for read in model.inputs
        ],
        "models": [
            {"model_name": model.name, "layer": model.layer, "source_sha256": model.source_sha256, "source_sql": model.source}
            for model in there
        ],
        "raw_tables": sorted(name for name in names if name.startswith(RAW)),
    }
