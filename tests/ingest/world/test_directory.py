"""The directory's files and its history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from ingest.world import WorldSummary
from tests.ingest.world.conftest import SETTINGS


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_newest_state_has_the_projects_asked_for(world: WorldSummary) -> None:
    """As many project files as asked for lie under their first letters, in schema version 7, beside a README."""
    folder = world.folder / "oss-directory"
    paths = list((folder / "data/projects").glob("*/*.yaml"))
    projects = [yaml.safe_load(path.read_text()) for path in paths]
    assert len(paths) == SETTINGS.projects == world.project_count
    assert all(project["version"] == 7 and project["name"] == path.stem for project, path in zip(projects, paths, strict=True))
    assert all(path.parent.name == path.stem[0] for path in paths)
    assert (folder / "data/projects/README.md").is_file()
    assert git(folder, "status", "--porcelain") == ""


def test_entries_are_written_as_people_write_them(world: WorldSummary) -> None:
    """There are owner-only entries, capitals, trailing slashes, .git, /tree/main, /blob/.. and a repository in two projects."""
    folder = world.folder / "oss-directory/data/projects"
    projects = [yaml.safe_load(path.read_text()) for path in folder.glob("*/*.yaml")]
    urls = [entry["url"] for project in projects for entry in project.get("github", ())]
    paths = [url.removeprefix("https://github.com/") for url in urls]
    assert any("/" not in path for path in paths)
    assert any(path.startswith("orgs/") for path in paths)
    for wanted in (str.isupper, lambda p: p.endswith("/"), lambda p: p.endswith(".git"), lambda p: "/tree/" in p, lambda p: "/blob/" in p):
        assert any(wanted(path) for path in paths)
    assert len(set(paths)) < len(paths)


def test_the_history_renames_deletes_and_lists_again(world: WorldSummary) -> None:
    """In five commits one project changes its slug, one goes, and a re-used name is listed a second time."""
    folder = world.folder / "oss-directory"
    changes = git(folder, "log", "--format=%cs", "--name-status", "-M50")
    assert "data/projects/k/kiln-works-old.yaml\tdata/projects/k/kiln-works.yaml" in changes
    assert "D\tdata/projects/p/phoenix.yaml" in changes
    assert "A\tdata/projects/q/quarry-today.yaml" in changes
    assert git(folder, "rev-list", "--count", "HEAD").strip() == "5"
