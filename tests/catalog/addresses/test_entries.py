"""What the texts of entries name."""

from __future__ import annotations

import pytest

from catalog.addresses.artifacts import Artifact, Misfit
from catalog.addresses.entries import artifact_at, artifact_of_address

GITHUB = [
    ("https://github.com/Owner/Name", "owner/name"),
    ("https://github.com/owner/name/", "owner/name"),
    ("https://github.com/owner/name//", "owner/name"),
    ("https://github.com/owner/name.git", "owner/name"),
    ("https://github.com/owner/name/tree/main", "owner/name"),
    ("https://github.com/owner/name/blob/main/README.md", "owner/name"),
    ("https://github.com/owner/name/graphs/contributors", "owner/name"),
    ("http://www.github.com/owner/name?tab=readme#top", "owner/name"),
    ("https://github.com/owner/ name ", "owner/name"),
    ("https://github.com/owner/\u200bname", "owner/name"),
    ("https://GITHUB.com/@Owner/name", "owner/name"),
    ("github.com/owner/name", "owner/name"),
    ("git@github.com:Owner/Name.git", "owner/name"),
    ("https://user:token@github.com/owner/name", "owner/name"),
    ("https://github.com/owner/.github", "owner/.github"),
    ("https://github.com/owner/9lives.so/", "owner/9lives.so"),
    ("https://github.com/Owner", "owner"),
    ("https://github.com/owner/", "owner"),
    ("https://github.com/owner?tab=repositories", "owner"),
    ("https://github.com/orgs/Owner/repositories", "owner"),
    ("https://github.com/orgs/owner", "owner"),
    ("https://github.com/users/owner/projects/1", "owner"),
    ("https://github.com/sonex_dex", "sonex_dex"),
]


@pytest.mark.parametrize(("text", "key"), GITHUB)
def test_github_urls_name_a_repository_or_an_owner(text: str, key: str) -> None:
    """Case, slashes, `.git`, pages, queries and blanks play no part; a URL without a repository is its owner's."""
    owner, slash, name = key.partition("/")
    expected = (
        Artifact("GITHUB", "repository_name", owner, name, key, f"https://github.com/{key}")
        if slash
        else Artifact("GITHUB", "account_name", None, owner, owner, f"https://github.com/{owner}")
    )
    assert artifact_at("github", text) == expected


@pytest.mark.parametrize(
    ("field", "text", "source", "namespace", "key"),
    [
        ("npm", "https://www.npmjs.com/package/left-pad", "NPM", None, "left-pad"),
        ("npm", "https://www.npmjs.com/package/@scope/name", "NPM", "@scope", "@scope/name"),
        ("npm", "https://www.npmjs.com/package/%40scope%2Fname", "NPM", "@scope", "@scope/name"),
        (
            "npm",
            "https://npmjs.com/package/@socket.tech/plugin/v/1.2.0?activeTab=code",
            "NPM",
            "@socket.tech",
            "@socket.tech/plugin",
        ),
        ("npm", "https://registry.npmjs.org/@scope/name", "NPM", "@scope", "@scope/name"),
        ("npm", "https://www.npmjs.com/package/JSONStream", "NPM", None, "JSONStream"),
        ("crates", "https://www.npmjs.com/package/@pulseai/sdk", "NPM", "@pulseai", "@pulseai/sdk"),
        ("pypi", "https://pypi.org/project/Zope.Interface/#history", "PYPI", None, "zope-interface"),
        ("pypi", "https://pypi.org/project/a__b-.c/1.0/", "PYPI", None, "a-b-c"),
        ("pypi", "https://pypi.python.org/pypi/Flask", "PYPI", None, "flask"),
        ("crates", "https://crates.io/crates/serde_json/1.0.1", "CRATES", None, "serde_json"),
        ("go", "https://github.com/Masterminds/semver/v3", "GO", None, "github.com/Masterminds/semver/v3"),
        ("go", "https://github.com/a/b/superchain", "GO", None, "github.com/a/b/superchain"),
        ("go", "https://github.com/a/b/tree/main/x", "GO", None, "github.com/a/b"),
        ("go", "https://pkg.go.dev/go.uber.org/zap@v1.2.3?tab=doc", "GO", None, "go.uber.org/zap"),
        ("open_collective", "https://opencollective.com/Babel/projects/x", "OPEN_COLLECTIVE", None, "babel"),
        (
            "defillama",
            "https://defillama.com/protocol/Polygon-Bridge-&-Staking",
            "DEFILLAMA",
            None,
            "polygon-bridge-&-staking",
        ),
        ("defillama", "https://defillama.com/protocol/dinero-(pxeth)", "DEFILLAMA", None, "dinero-(pxeth)"),
        ("defillama", "https://defillama.com/protocol/synthetix-v1+v2", "DEFILLAMA", None, "synthetix-v1+v2"),
        ("github", "https://gitlab.com/Group/Sub/Project/-/tree/main", "GITLAB", "group/sub", "group/sub/project"),
        ("github", "https://gitlab.com/omnisea", "GITLAB", None, "omnisea"),
        ("github", "https://codeberg.org/a/b/src/branch/main", "CODEBERG", "a", "a/b"),
    ],
)
def test_the_host_decides_and_then_the_field(field: str, text: str, source: str, namespace: str | None, key: str) -> None:
    """A registry's URL is that registry's package in whatever list; under `go` any other URL is a module."""
    found = artifact_at(field, text)
    assert isinstance(found, Artifact)
    assert (found.source, found.namespace, found.key) == (source, namespace, key)
    assert found.name == (key.removeprefix(f"{namespace}/") if namespace else key)


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("github", "", "bad_url"),
        ("github", "https://[", "bad_url"),
        ("github", "ftp://github.com/a/b", "bad_url"),
        ("github", f"https://github.com/a/b?{'x' * 2000}", "bad_url"),
        ("pypi", f"https://pypi.org/project/{'x' * 215}", "not_an_artifact"),
        ("go", f"https://pkg.go.dev/example.org/{'x' * 500}", "not_an_artifact"),
        ("github", "https://ophis-fi", "wrong_host"),
        ("github", "https://owner.github.io/docs", "wrong_host"),
        ("github", "https://gist.github.com/a/b", "wrong_host"),
        ("npm", "https://example.org/package/x", "wrong_host"),
        ("github", "https://github.com", "not_an_artifact"),
        ("github", "https://github.com/https://MesoReefDAO", "not_an_artifact"),
        ("github", "https://github.com/topics/rust", "not_an_artifact"),
        ("github", "https://github.com/orgs", "not_an_artifact"),
        ("github", "https://github.com/owner/..", "not_an_artifact"),
        ("github", "https://github.com/owner/.git", "not_an_artifact"),
        ("github", "https://gitlab.com/owner/.git", "not_an_artifact"),
        ("github", "git@github.com:owner/.git", "not_an_artifact"),
        ("npm", "https://www.npmjs.com/~someone", "not_an_artifact"),
        ("npm", "https://www.npmjs.com/package/@scope", "not_an_artifact"),
        ("pypi", "https://pypi.org/user/someone/", "not_an_artifact"),
        ("crates", "https://crates.io/users/someone", "not_an_artifact"),
        ("go", "https://pkg.go.dev/", "not_an_artifact"),
        ("defillama", "https://defillama.com/chain/Base", "not_an_artifact"),
        ("open_collective", "https://opencollective.com/", "not_an_artifact"),
    ],
)
def test_what_names_no_artifact_says_why(field: str, text: str, reason: str) -> None:
    """A text that is no URL, a host that lists nothing, and a page that is no artifact's are told apart."""
    found = artifact_at(field, text)
    assert isinstance(found, Misfit)
    assert found.reason == reason


ADDRESS = "0x327df1e6de05895d2ab08513aadd9313fe505d86"


@pytest.mark.parametrize(
    ("network", "address", "source"),
    [
        ("optimism", "0x327Df1E6de05895d2ab08513aaDD9313Fe505d86", "OPTIMISM"),
        ("base", "0x327Df1E6de05895d2ab08513aaDD9313Fe505d86 ", "BASE"),
        ("any_evm", "0x327Df1E6de05895d2ab08513 aaDD9313Fe505d86", "ANY_EVM"),
        ("arbitrum-one", ADDRESS, "ARBITRUM_ONE"),
        ("Arbitrum", ADDRESS.upper().replace("X", "x"), "ARBITRUM_ONE"),
        ("polygon", ADDRESS, "MATIC"),
    ],
)
def test_addresses_are_lower_case_without_blanks(network: str, address: str, source: str) -> None:
    """Case and blanks, also inside an address, play no part, and a network's former name leads to today's."""
    assert artifact_of_address(network, address) == Artifact(source, "address", None, ADDRESS, ADDRESS, None)


@pytest.mark.parametrize(
    ("network", "address", "reason"),
    [
        ("base", "0x69522fb5337663d3B4dFB0030b881c1A750Adb4", "bad_address"),
        ("base", "0x4FdF0996Bee9D8c1E083322022fcE2EBcd8c9041s", "bad_address"),
        ("base", "", "bad_address"),
        ("base", "327df1e6de05895d2ab08513aadd9313fe505d86", "bad_address"),
        ("", ADDRESS, "bad_network"),
        ("main net!", ADDRESS, "bad_network"),
    ],
)
def test_addresses_that_can_t_be_say_why(network: str, address: str, reason: str) -> None:
    """Too short, too long, empty or unprefixed addresses are misfits that tell how long they are."""
    found = artifact_of_address(network, address)
    assert isinstance(found, Misfit)
    assert found.reason == reason
    assert reason != "bad_address" or f"{len(address)} characters" in found.message
