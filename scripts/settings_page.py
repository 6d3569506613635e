"""Prints docs/settings.md from the settings' tree (`make settings-page`); a test shows that the page is up to date."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from catalog.settings import Settings

HEAD = """# Settings

Written by `make settings-page` from `catalog/settings.py`; don't edit it by hand.

A lake is a folder. `osslake.toml` in it holds what differs from the defaults; `--lake` (or `OSSLAKE_LAKE`) names the folder, or
another settings file. A variable wins over the file: `OSSLAKE_TRANSFORM__THREADS=2` sets `transform.threads`. Names that are not
known are an error, in the file and among variables that begin with `OSSLAKE_` (but for those that Kubernetes sets for a service called
osslake). Relative addresses in the file are relative to the lake's folder.
"""


@dataclass(frozen=True)
class Setting:
    """A leaf of the tree: its place, its type and default in words, and what it says of itself."""

    name: str
    type: str
    default: str
    description: str


def page() -> str:
    """Return the whole page."""
    blocks = [HEAD.strip()]
    for title, text, settings in sections():
        rows = [f"| `{one.name}` | {one.type} | {one.default} | {one.description} |" for one in settings]
        blocks += [f"## {title}", text, "\n".join(["| setting | type | default | |", "|---|---|---|---|", *rows]) if rows else ""]
    return "\n\n".join(filter(None, blocks)) + "\n"


def sections() -> Iterator[tuple[str, str, list[Setting]]]:
    """Yield the top of the tree and each branch: title, what it is, its settings."""
    top = [_setting(name, field) for name, field in Settings.model_fields.items() if _branch(field.annotation) is None]
    yield "The lake", "", top
    for name, field in Settings.model_fields.items():
        branch = _branch(field.annotation)
        if branch is not None:
            yield from _branch_sections(name, branch)


def _branch_sections(path: str, branch: type[BaseModel]) -> Iterator[tuple[str, str, list[Setting]]]:
    leaves, branches = [], []
    for name, field in branch.model_fields.items():
        inner = _branch(field.annotation)
        if inner is None:
            leaves.append(_setting(f"{path}.{field.alias or name}", field))
        else:
            branches.append((f"{path}.{name}", inner, inner is not field.annotation))
    yield (f"`[{path}]`" if leaves else f"`{path}`"), _said(branch), leaves
    for inner_path, inner, is_list in branches:
        for title, text, settings in _branch_sections(inner_path, inner):
            yield (title.replace("[", "[[").replace("]", "]]") if is_list else title), text, settings


def _branch(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, one or several of them."""
    for kind in (annotation, *get_args(annotation)):
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def _setting(name: str, field: FieldInfo) -> Setting:
    return Setting(name, _type(field.annotation), _default(field), (field.description or "").replace("|", "\\|"))


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if annotation is SecretStr:
        return "secret text"
    names = {"str": "text", "bool": "true or false", "int": "whole number", "float": "number", "Path": "path", "NoneType": ""}
    names["IPvAnyNetwork"] = "network"
    kinds = get_args(annotation) if get_origin(annotation) is not dict else ()
    if kinds:
        return " or ".join(filter(None, (_type(kind) for kind in kinds)))
    return "table of texts" if get_origin(annotation) is dict else names.get(annotation.__name__, annotation.__name__)


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "must be given"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _said(branch: type[BaseModel]) -> str:
    return inspect.getdoc(branch) or ""


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
