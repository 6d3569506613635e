"""Licences as other vocabularies want them: an address where the text begins with an SPDX identifier, else the text as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable

from catalog.releases import ReleasedTable

_SPDX = re.compile(r"(Apache-2\.0|MIT|CC0-1\.0|CC-BY(?:-SA)?-[34]\.0|ODbL-1\.0|ODC-By-1\.0|PDDL-1\.0|BSD-[23]-Clause)(?![\w.-])")


def spdx_url(licence: str) -> str:
    """Return the address of the licence that a text begins with; empty where it begins with none that is known."""
    found = _SPDX.match(licence)
    return f"https://spdx.org/licenses/{found.group()}" if found else ""


def licences_of(tables: Iterable[ReleasedTable]) -> list[str]:
    """Return the licences of tables, each once, sorted."""
    return sorted({table.licence for table in tables})
