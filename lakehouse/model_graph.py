"""The models as a graph: what each reads, its columns, its audits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.engines import PINNED

if TYPE_CHECKING:
    from sqlmesh import Context

CONTROL = "control"


@dataclass(frozen=True)
class ModelNode:
    """A model in its place.

    Attributes:
        name: `stage.name`.
        inputs: models and raw tables that it reads, by the same kind of name; not what the run tells the models (`control.*`).
        columns: of each its name, its type in Trino's words, and its comment.
        audits: names of the audits that stand over it.
    """

    name: str
    inputs: tuple[str, ...]
    description: str
    columns: tuple[tuple[str, str, str], ...]
    audits: tuple[str, ...]

    @property
    def stage(self) -> str:
        """staging, intermediate or marts."""
        return self.name.split(".")[0]


def short_name(fqn: str) -> str:
    """Return `stage.name` of SQLMesh's full name."""
    return ".".join(part.strip('"') for part in fqn.split(".")[-2:])


def source_name(fqn: str) -> str:
    """Return the name of what a model reads; of a pinned raw table, that of the table."""
    return short_name(fqn).replace(f"{PINNED}.", "raw.")


def model_nodes(context: Context) -> list[ModelNode]:
    """Return all models, each after those that it reads."""
    models = [context.models[name] for name in context.dag.sorted if name in context.models]
    return [_node(model) for model in models if not model.kind.is_external]


def _node(model: Any) -> ModelNode:
    comments = model.column_descriptions
    columns = model.columns_to_types or {}
    inputs = {source_name(fqn) for fqn in model.depends_on}
    return ModelNode(
        short_name(model.fqn),
        tuple(sorted(name for name in inputs if not name.startswith(f"{CONTROL}."))),
        model.description or "",
        tuple((name, kind.sql("trino"), comments.get(name, "")) for name, kind in columns.items()),
        tuple(sorted({name for name, _ in model.audits})),
    )
