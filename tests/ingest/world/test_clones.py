"""The git clones of a world."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ingest.world import WorldSummary


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_clones_are_bare_and_name_their_remote(world: WorldSummary) -> None:
    """Each clone is a sound bare repository named after its remote on GitHub."""
    clones = sorted((world.folder / "git").iterdir())
    assert len(clones) == world.clone_count == 5
    for clone in clones:
        remote = git(clone, "config", "remote.origin.url").strip().removesuffix(".git")
        assert clone.name == remote.removeprefix("https://github.com/").replace("/", "__") + ".git"
        assert git(clone, "rev-parse", "--is-bare-repository").strip() == "true"
        assert git(clone, "fsck", "--strict") == ""


def test_only_some_branches_lead_to_head(world: WorldSummary) -> None:
    """Every clone holds commits that its HEAD does not reach; one HEAD is neither main nor master."""
    heads = set()
    for clone in (world.folder / "git").iterdir():
        reached, all_of_them = (int(git(clone, "rev-list", "--count", which)) for which in ("HEAD", "--all"))
        assert 10 < reached < all_of_them
        heads.add(git(clone, "symbolic-ref", "HEAD").strip())
    assert heads > {"refs/heads/main"}
    assert "refs/heads/trunk" in heads


def test_authors_are_of_all_kinds(world: WorldSummary) -> None:
    """Authors have numbered and plain noreply addresses, bots' and ordinary ones; times have many offsets; some commits have trailers."""
    log = "".join(git(clone, "log", "--format=%ae %ad %cd%n%b", "--date=iso") for clone in (world.folder / "git").iterdir())
    for part in (
        "+gitty@users.noreply.github.com",
        "\nwren@users.noreply.github.com",
        "+dependabot[bot]@",
        "ines.varga-planted@Example.ORG",
        "Co-authored-by: ",
        " +0530",
        " -0800",
        " +1245",
    ):
        assert part in log, part
