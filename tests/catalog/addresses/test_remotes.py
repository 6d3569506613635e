"""Addresses of remotes."""

from __future__ import annotations

import pytest

from catalog.addresses.remotes import is_url, parse_remote


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/Owner/Name",
        "https://github.com/owner/name.git",
        "https://GitHub.com/Owner/Name/",
        "https://www.github.com//owner//name.git/",
        "http://github.com/owner/name",
        "https://user:secret@github.com/owner/name.git",
        "https://github.com:443/owner/name",
        "git://github.com/owner/name.git",
        "git@github.com:Owner/Name.git",
        "github.com:owner/name",
        "ssh://git@github.com/owner/name.git",
        "ssh://git@github.com:22/owner/name",
        "git+ssh://git@github.com/owner/name",
        " https://github.com/owner/name\n",
    ],
)
def test_all_spellings_lead_to_one_url(address: str) -> None:
    """Each way to write a GitHub repository's address gives the same URL, host and name, and no credentials."""
    remote = parse_remote(address)
    assert remote is not None
    assert (remote.url, remote.host, remote.name) == ("https://github.com/owner/name", "github.com", "owner/name")


@pytest.mark.parametrize(
    ("address", "url", "name"),
    [
        ("https://gitlab.com/Group/Sub/Project.git", "https://gitlab.com/Group/Sub/Project", "group/sub/project"),
        ("https://git.example.org:8443/a/b", "https://git.example.org:8443/a/b", "a/b"),
        ("ssh://git@git.example.org:2222/a/b.git", "https://git.example.org/a/b", "a/b"),
        ("git@codeberg.org:~me/thing.git", "https://codeberg.org/~me/thing", "~me/thing"),
        ("https://git.example.org/repos/kernel", "https://git.example.org/repos/kernel", "repos/kernel"),
    ],
)
def test_other_forges_keep_the_case_of_their_paths(address: str, url: str, name: str) -> None:
    """Elsewhere than on GitHub the path's case stays in the URL; the name is lower-case everywhere."""
    remote = parse_remote(address)
    assert remote is not None
    assert (remote.url, remote.name) == (url, name)


@pytest.mark.parametrize(
    "address",
    ["", "/srv/git/name.git", "../name", "file:///srv/name", "C:\\git\\name", "https://github.com", "https://["],
)
def test_local_paths_name_no_remote(address: str) -> None:
    """A path on this machine, or a URL without a path, is no remote, so no machine's path gets into a row."""
    assert parse_remote(address) is None


def test_urls_are_told_from_paths() -> None:
    """URLs and scp's form are fetched; paths are read where they are."""
    assert is_url("https://github.com/a/b")
    assert is_url("git@github.com:a/b")
    assert not is_url("/srv/a:b")
    assert not is_url("./a:b")
    assert not is_url("clones/a.git")
