"""The house: layers and vendors in their places, commands and settings documented, dependencies locked, no machine named."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from lakehouse.cli.app import app
from scripts.settings_page import page, sections

ROOT = Path(__file__).parent.parent
PACKAGES = ("catalog", "ingest", "lakehouse", "serving")
# Which modules may import a vendor's package, by the beginning of their path.
OWNERS = {
    "duckdb": ("catalog/duck.py",),
    "dlt": ("ingest/loader.py", "ingest/destination.py"),
    # catalog owns it; a destination decodes bounds of columns, and a release is made of Iceberg's own metadata.
    "pyiceberg": ("catalog/", "ingest/destination.py", "lakehouse/releases/"),
    "sqlmesh": ("lakehouse/",),
    "sqlglot": ("lakehouse/staging_views.py", "catalog/explain.py"),
    "cryptography": ("catalog/signatures.py", "lakehouse/releases/"),
    "aiohttp": ("ingest/gharchive/files.py", "ingest/networks.py"),
    "fsspec": ("ingest/gharchive/files.py", "lakehouse/publications/static_target.py"),
    "pydantic_settings": ("catalog/settings.py",),
    "yaml": ("ingest/",),
    "fastapi": ("serving/",),
    "starlette": ("serving/",),
    "granian": ("serving/server.py",),
    "prometheus_client": ("serving/prometheus.py",),
    "typer": ("lakehouse/cli/",),
    "rich": ("lakehouse/cli/",),
    "trino": ("lakehouse/",),
    "boto3": ("catalog/s3_bucket.py",),
    "botocore": ("catalog/s3_bucket.py",),
    "requests": (
        "catalog/rest_client.py",
        "lakehouse/engines/trino_connection.py",
        "lakehouse/publications/bigquery/connection.py",
        "lakehouse/stack/download.py",
    ),
    "sqlalchemy": ("catalog/catalogs.py",),
    "psycopg": ("lakehouse/lease.py", "lakehouse/publications/postgres/"),
    "psycopg2": ("lakehouse/engines/silence.py",),
    "psutil": ("lakehouse/stack/",),
    "pooch": ("lakehouse/stack/download.py",),
    "dagster": ("lakehouse/orchestration/",),
    "google": ("lakehouse/publications/bigquery/",),
}
# Who may look into the environment beside the settings: what hands it on to child processes, sets it for a vendor, or dies on purpose.
ENVIRONMENT_READERS = {
    "catalog/crash.py",
    "ingest/git/commands.py",
    "ingest/loader.py",
    "ingest/world/gitstore.py",
    "ingest/world/truth/gitlog.py",
    "lakehouse/stack/processes.py",
    "lakehouse/transform.py",
    "serving/server.py",
}
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/glossary.md",
    "docs/sources.md",
    "docs/settings.md",
    "docs/catalogs.md",
    "docs/maintenance.md",
    "docs/stack.md",
    "docs/orchestration.md",
    "docs/from-oso.md",
    "docs/query/README.md",
    "docs/bigquery.md",
    "docs/publications.md",
)


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def _texts() -> Iterator[tuple[str, str]]:
    for path in _tracked():
        if path != Path(__file__):
            yield str(path.relative_to(ROOT)), path.read_bytes().decode("utf-8", "replace")


def _modules() -> list[str]:
    return ["osslake.py", *sorted(str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that a module imports when it runs, not for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        yield from _imports(node)


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command after `osslake`."""
    for name, inner in command.commands.items():
        yield from _commands(inner, (*path, name)) if hasattr(inner, "commands") else [(*path, name)]


COMMANDS = [" ".join(words) for words in _commands(typer.main.get_command(app))]
DOCUMENTED = "\n".join(text for name, text in _texts() if name == "README.md" or (name.startswith("docs/") and name.endswith(".md")))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_an_example_and_is_documented(name: str) -> None:
    """Every command's help ends in an example of itself, and README or docs name it."""
    shown = CliRunner().invoke(app, [*name.split(), "--help"])
    assert shown.exit_code == 0
    last = " ".join(shown.stdout.strip().split("\n\n")[-1].split())
    assert re.match(rf"Example: osslake (--lake \w+ )?{name}\b", last)
    assert re.search(rf"osslake (--lake \w+ )?{name}\b", DOCUMENTED)


def test_the_page_of_settings_is_up_to_date() -> None:
    """docs/settings.md is what the tree of settings says; `make settings-page` writes it."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == page()
    assert len([setting for _, _, settings in sections() for setting in settings]) >= 20


@pytest.mark.parametrize("name", ["requirements.lock", "tests/bigquery/requirements.lock"])
def test_the_lock_names_hashes_and_no_hosts(name: str) -> None:
    """Each requirement stands with a version and hashes, and nothing says where it is fetched."""
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert "://" not in text
    assert [
        entry.split("==")[0]
        for entry in entries
        if not re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9, -]+\])?==\S+", entry) or "--hash=sha256:" not in entry
    ] == []


def test_the_lock_answers_the_project() -> None:
    """Every dependency of the project, those of its extras and the build included, is locked at a version that it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE):
        locked.setdefault(name, set()).add(version)
    wanted = [
        *project["project"]["dependencies"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *project["build-system"]["requires"],
    ]
    unanswered = [
        text
        for text in wanted
        if not any(Requirement(text).specifier.contains(version) for version in locked.get(Requirement(text).name.lower(), ()))
    ]
    assert unanswered == []


def test_the_lock_names_the_extras_that_its_packages_ask_for() -> None:
    """An installer takes a package with extras that the lock names without them for one that is not pinned, and installs nothing."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {name: set(extras.split(", ")) for name, extras in re.findall(r"^([a-z0-9._-]+)(?:\[(.*)\])?==", text, re.MULTILINE)}
    asked = [
        (name, wanted)
        for name, extras in locked.items()
        for wanted in map(Requirement, _requirements(name))
        if wanted.extras and (wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras))
    ]
    assert len(asked) >= 3
    assert [f"{name}: {wanted}" for name, wanted in asked if not wanted.extras <= locked[canonicalize_name(wanted.name)]] == []


def _requirements(name: str) -> list[str]:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:  # of another platform
        return []


def test_no_file_names_a_machine() -> None:
    """No tracked file holds a path of somebody's machine."""
    machine = re.compile(r"(?<![\w.~*])/(?:work|root|farm|home/\w+|Users)/\w")
    assert [f"{name}: {match.group()}" for name, text in _texts() if (match := machine.search(text))] == []


def test_installing_names_no_host() -> None:
    """What installs and checks the project says nowhere from which host: that is the machine's own setting."""
    machinery = re.compile(r"Makefile|scripts/|\.ci/|pyproject\.toml|requirements\.lock|docker-compose\.yml")
    # seaweedfs, trino and postgres are services of docker-compose.yml itself.
    address = re.compile(
        r"[a-z]+://(?!127\.0\.0\.1|seaweedfs:|osslake@trino:|osslake:\$\{POSTGRES_PASSWORD[^}]*\}@postgres:)\S+|--(?:extra-)?index-url|--find-links|--trusted-host"
    )
    texts = [(name, text) for name, text in _texts() if machinery.match(name)]
    assert len(texts) >= 6
    assert [f"{name}: {match.group()}" for name, text in texts if (match := address.search(text))] == []


def test_imports_go_down_only() -> None:
    """The layers of ARCHITECTURE.md hold: import-linter keeps all contracts."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_users_import_is_light() -> None:
    """`import osslake` brings the catalog's DuckDB, and none of the packages that lakes are made with."""
    tree = ast.parse((ROOT / "osslake.py").read_text(encoding="utf-8"))
    assert set(_imports(tree)) & set(PACKAGES) == {"catalog"}
    code = (
        "import sys, osslake; print(sorted({'dlt', 'sqlmesh', 'pyiceberg', 'pyarrow', 'pandas', 'pydantic', 'boto3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_vendors_stay_at_their_edges() -> None:
    """duckdb, dlt, pyiceberg, FastAPI and the like are imported only where they are wrapped."""
    imported = {name: set(_imports(ast.parse((ROOT / name).read_text(encoding="utf-8")))) & set(OWNERS) for name in _modules()}
    strays = [f"{name} imports {vendor}" for name, vendors in imported.items() for vendor in vendors if not name.startswith(OWNERS[vendor])]
    assert strays == []
    assert {vendor for vendors in imported.values() for vendor in vendors} >= {"duckdb", "dlt", "pyiceberg", "sqlmesh", "fastapi"}


def test_one_module_reads_the_environment() -> None:
    """Settings come from the settings' tree; other modules look into the environment for listed reasons only."""
    readers = {name for name in _modules() if re.search(r"\bos\.(environ|getenv)\b", (ROOT / name).read_text(encoding="utf-8"))}
    assert readers <= ENVIRONMENT_READERS | {"catalog/settings.py"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_there(name: str) -> None:
    """A newcomer finds what the house is, how it is built, how to change it, and what its words mean."""
    assert len((ROOT / name).read_text(encoding="utf-8")) > 500


def test_links_in_documents_lead_somewhere() -> None:
    """Every relative link, and every file that a document names in a link, is there."""
    links = [
        (name, target)
        for name, text in _texts()
        if name.endswith(".md")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target
    ]
    assert len(links) > 10
    assert [(name, target) for name, target in links if not (ROOT / name).parent.joinpath(target).exists()] == []


def test_decisions_are_numbered_without_gaps() -> None:
    """Decision records count from 0001, each with its number and title in its first line."""
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    assert [path.name for path in records if not path.read_text(encoding="utf-8").startswith(f"# {path.name[:4]}: ")] == []


def test_readme_begins_with_a_number_out_of_a_mart() -> None:
    """The README's first screen (40 lines) leads from a clone to a number: `make demo`, then SQL over a mart."""
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    assert "make demo" in screen
    assert re.search(r"osslake --lake demo sql .*_v1", screen)
