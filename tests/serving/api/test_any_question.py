"""Whatever is asked, in the form that the OpenAPI document allows or not, is answered as the document says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from marts_lake import MartsLake
from web_servers import UNLIMITED, granian

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method"


def test_no_question_is_answered_otherwise_than_documented(marts_lake: MartsLake, tmp_path: Path) -> None:
    """Schemathesis, by examples, at the edges and at random, finds no error of the server's and no answer that isn't in the document."""
    with granian(marts_lake.settings.folder, limits=UNLIMITED, access_log=False) as url:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json", "--checks", CHECKS]
        limits = ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--max-time", "30", "--no-color"]
        done = subprocess.run([*command, *limits], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
