"""Whatever is asked, in the form that the OpenAPI document allows or not, is answered as the document says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from marts_lake import MartsLake
from web_servers import UNLIMITED, granian

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method"
EXAMPLES = os.environ.get("OSSLAKE_SCHEMATHESIS_EXAMPLES", "5")
SECONDS = os.environ.get("OSSLAKE_SCHEMATHESIS_SECONDS", "15")
"""To try longer by hand."""
TOLD_IN_WORDS = ("/v1/series", "/v1/search")
"""What they need is more than a schema tells: one of three levels, a sign that can be printed."""


@pytest.mark.parametrize("root", ["", "/releases/{id}"])
def test_no_question_is_answered_otherwise_than_documented(marts_lake: MartsLake, root: str, tmp_path: Path) -> None:
    """Schemathesis, by examples, at the edges and at random, finds neither an error of the server's nor an answer that isn't in the document."""
    with granian(marts_lake.settings.folder, limits=UNLIMITED, access_log=False) as url:
        document = httpx.get(f"{url}/openapi.json").json()
        address = url + root.format(id=marts_lake.releases[0].id)
        asked = tmp_path / "openapi.json"
        asked.write_text(json.dumps(pinned(document) if root else document))
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(asked), "--url", address, "--checks", CHECKS]
        limits = ["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", "--max-time", SECONDS, "--no-color"]
        done = subprocess.run([*command, *limits], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_what_the_document_allows_is_answered(marts_lake: MartsLake, tmp_path: Path) -> None:
    """What has no grammar of its own, which a schema doesn't tell, takes whatever its parameters' schemas allow."""
    with granian(marts_lake.settings.folder, limits=UNLIMITED, access_log=False) as url:
        document = httpx.get(f"{url}/openapi.json").json()
        paths = {
            path: methods for path, methods in document["paths"].items() if not path.startswith(TOLD_IN_WORDS) and not has_grammar(methods)
        }
        assert len(paths) >= 15
        asked = tmp_path / "openapi.json"
        asked.write_text(json.dumps(document | {"paths": paths}))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(asked),
            "--url",
            url,
            "--checks",
            "positive_data_acceptance",
        ]
        limits = ["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", "--max-time", SECONDS, "--no-color"]
        done = subprocess.run([*command, *limits], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def has_grammar(methods: dict[str, Any]) -> bool:
    """Tell whether a path takes conditions of columns."""
    return any("`operator.value`" in one["description"] for operation in methods.values() for one in operation["parameters"])


def pinned(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says of paths below a release: of the operations that have such a server, without the parameter."""
    paths: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            if len(one.get("servers", [])) > 1:
                parameters = [parameter for parameter in one["parameters"] if parameter["name"] != "release"]
                paths.setdefault(path, {})[method] = one | {"parameters": parameters, "servers": [{"url": "/"}]}
    return document | {"paths": paths}
