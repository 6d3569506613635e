"""What is wrong with a lake's settings, in words: names and values that can't be used, variables that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from catalog.crash import CRASH_VARIABLE, STOP_VARIABLE
from catalog.errors import SettingsError

if TYPE_CHECKING:
    from catalog.settings import Settings

_OTHER_VARIABLES = frozenset(
    {
        *("OSSLAKE_LAKE", "OSSLAKE_LAKE_DIR", "OSSLAKE_STACK_FOLDER"),  # the command line, docker-compose.yml, lakehouse/stack
        *(CRASH_VARIABLE, STOP_VARIABLE, "OSSLAKE_BENCH_DIR", "OSSLAKE_WRITE_TRANSCRIPT"),  # tests and benchmarks
        *("OSSLAKE_SCHEMATHESIS_EXAMPLES", "OSSLAKE_SCHEMATHESIS_SECONDS"),
    }
)
"""Variables that begin as those of settings do, and are none."""
_OF_KUBERNETES = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_|_PORT=\w+://")
"""Variables that Kubernetes gives each container, of a service called osslake."""
_MEMORY = re.compile(r"\s*\d+(\.\d+)?\s*[kmgt](i?b)?\s*", re.IGNORECASE)


def memory(text: str) -> str:
    """Return an amount of memory as DuckDB takes it, such as 4GB or 1.5 GiB; empty: DuckDB's default."""
    if text and not _MEMORY.fullmatch(text):
        raise ValueError(f"{text!r} is no amount of memory such as 4GB or 1.5GiB")
    return text


def check_variables(environment: Mapping[str, str], tree: type[BaseModel], prefix: str) -> None:
    """See that each variable which begins as those of settings do belongs to one; what stands below a branch is checked with its values.

    Raises:
        SettingsError: there is no such setting; the message holds the variable, and the one that was meant.
    """
    for variable, value in environment.items():
        name = variable.upper()
        if not name.startswith(prefix) or name in _OTHER_VARIABLES or _OF_KUBERNETES.search(f"{name}={value}"):
            continue
        if name.removeprefix(prefix).split("__")[0].lower() not in tree.model_fields:
            nearest = get_close_matches(name.removeprefix(prefix), _variables(tree), n=1)
            meant = f"is {prefix}{nearest[0]} meant?" if nearest else "docs/settings.md lists those that there are"
            raise SettingsError(f"variable {variable}: there is no such setting; {meant}", variable=variable)


def _variables(tree: type[BaseModel]) -> Iterator[str]:
    for name, field in tree.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from (f"{name}__{below}".upper() for below in _variables(inner))
        else:
            yield name.upper()


def check_static(settings: Settings) -> None:
    """See that static files aren't laid down in place of what the lake itself uses.

    Raises:
        SettingsError: `publish.static` is the lake's folder or one around it, or lies in one of those that the lake uses.
    """
    address = settings.publish.static.removeprefix("file://")
    if not address or "://" in address:
        return
    place, lake = Path(settings.resolve(address)).resolve(), settings.folder.resolve()
    used = (settings.warehouse, settings.state, settings.replicas, settings.folder / "keys")
    if lake.is_relative_to(place) or any(place.is_relative_to(folder.resolve()) for folder in used):
        raise SettingsError(
            f"setting 'publish.static': {place} is where the lake {lake} keeps its own files; a folder beside it would be right",
            setting="publish.static",
        )


def told(error: ValidationError, tree: type[BaseModel]) -> tuple[str, str]:
    """Return the name of a setting that is wrong, and what is wrong with it: of one that does not exist first, since another may be missing for it."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "tuple_type":
        return name, f"should be a list of tables, each under a line [[{name}]]"
    if first["type"] != "extra_forbidden":
        return name, first["msg"].removeprefix("Value error, ")
    known = tree
    for part in first["loc"][:-1]:
        known = _branch(known.model_fields[part].annotation) if isinstance(part, str) else known
    nearest = get_close_matches(str(first["loc"][-1]), known.model_fields, n=1)
    meant = f"is {nearest[0]} meant?" if nearest else f"known here: {', '.join(known.model_fields)}"
    return name, f"there is no such setting; {meant}"


def _branch(annotation: Any) -> type[BaseModel]:
    """Return the branch of the tree that a field holds, or holds a list of."""
    held: type[BaseModel] = next(iter(get_args(annotation)), annotation)
    return held
