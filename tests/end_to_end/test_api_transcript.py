"""docs/api-transcript.md: what a newcomer types after `make demo`, and what comes back; the page is what happens here."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_servers import UNLIMITED, granian

from end_to_end.demo import build_demo
from end_to_end.lakes import Lake, Shelf
from serving.replica.keeper import make_replica

PAGE = Path(__file__).parents[2] / "docs" / "api-transcript.md"
WRITE_VARIABLE = "OSSLAKE_WRITE_TRANSCRIPT"
_BLOCK = re.compile(r"^```console\n\$ (curl [^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_ITEMS, MOST_LINES, MOST_CHARACTERS, MOST_WIDTH = 2, 5, 90, 150
CHANGING = ((r"(\d{6})-[0-9a-f]{64}", r"\1-…"), (r"cursor=[\w.%-]+", "cursor=…"), (r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…"))
"""What differs from lake to lake (releases' ids, cursors), and hashes."""


@pytest.fixture(scope="module")
def address(shelf: Shelf) -> Iterator[str]:
    """Serve the demo's lake."""

    def build(folder: Path) -> None:
        build_demo(folder / "lake")

    folder = shelf.once("demo", build) / "lake"
    settings = Lake(folder).settings
    make_replica(settings)
    with granian(folder, dataset=settings.dataset, limits=UNLIMITED) as url:
        yield url


def test_the_transcript_of_the_api_is_what_happens(address: str) -> None:
    """Each command of the page gives what stands below it, shortened by the rules that the page states; each field has a meaning there."""
    page, fields = PAGE.read_text(encoding="utf-8"), set[str]()

    def run(match: re.Match[str]) -> str:
        done = subprocess.run(
            ["bash", "-c", match[1]], env=os.environ | {"LAKE": address}, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), done
        return f"```console\n$ {match[1]}\n{shown(done.stdout, fields)}\n```"

    written = _BLOCK.sub(run, page)
    if os.environ.get(WRITE_VARIABLE):
        PAGE.write_text(written, encoding="utf-8")
        page = written
    assert page == written, f"write it anew: {WRITE_VARIABLE}=1"
    prose = _BLOCK.sub("", page)
    assert {name for name in fields if f"`{name}`" not in prose} == set()
    assert len(_BLOCK.findall(page)) >= 8


def shown(printed: str, fields: set[str]) -> str:
    """Return what a command printed, shortened; names of fields are added to those that were seen."""
    for pattern, instead in CHANGING:
        printed = re.sub(pattern, instead, printed)
    if not printed.startswith("{"):
        lines = printed.splitlines()
        more = [f"… ({len(lines) - MOST_LINES} more lines)"] if len(lines) > MOST_LINES else []
        fields.update(lines[0].replace('"', "").split(",") if len(lines) > 1 else ())
        return "\n".join(lines[:MOST_LINES] + more)
    return _text(_shortened(json.loads(printed), fields))


def _shortened(value: Any, fields: set[str]) -> Any:
    if isinstance(value, dict):
        fields.update(value)
        return {name: _shortened(one, fields) for name, one in value.items()}
    if isinstance(value, list):
        found = [_shortened(one, fields) for one in value]
        return found if len(found) <= MOST_ITEMS else [*found[:MOST_ITEMS], f"… ({len(found) - MOST_ITEMS} more)"]
    return f"{value[:MOST_CHARACTERS]}…" if isinstance(value, str) and len(value) > MOST_CHARACTERS else value


def _text(value: Any, depth: int = 0) -> str:
    """Return JSON with what fits into a line on one line."""
    plain = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(plain) + 2 * depth <= MOST_WIDTH:
        return plain
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(name)}: {_text(one, depth + 1)}" for name, one in value.items()]
    else:
        items = [f"{inner}{_text(one, depth + 1)}" for one in value]
    return (
        ("{\n" if isinstance(value, dict) else "[\n") + ",\n".join(items) + "\n" + "  " * depth + ("}" if isinstance(value, dict) else "]")
    )
