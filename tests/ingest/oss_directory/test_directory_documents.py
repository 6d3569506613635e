"""Files with all that is wrong in them."""

from __future__ import annotations

import hashlib
import json

import pytest
from directorywriter import github, project

from ingest.oss_directory.documents import Document, read_document

HEX = "0x327Df1E6de05895d2ab08513aaDD9313Fe505d86"


def read(text: str | bytes, *, is_project: bool = True) -> Document:
    """Read a file's text."""
    return read_document(text if isinstance(text, bytes) else text.encode(), is_project=is_project)


def listed(document: Document) -> list[tuple[str, str, str]]:
    """Return field, source and key of each entry."""
    return [(entry.field, entry.artifact.source, entry.artifact.key) for entry in document.entries]


def misfits(document: Document) -> list[tuple[str, str | None]]:
    """Return reason and field of what did not fit."""
    return [(rejected.reason, rejected.field) for rejected in document.rejected]


def test_a_project_is_read_with_the_lines_of_its_entries() -> None:
    """Version, names, description and entries come through; each entry knows its line."""
    text = project(
        "tulip",
        "description: A flower",
        github("https://github.com/Tulip/Bulb"),
        "npm:",
        "  - url: https://www.npmjs.com/package/@tulip/bulb",
    )
    document = read(text)
    assert (document.version, document.display_name, document.description) == (7, "Tulip", "A flower")
    assert listed(document) == [("github", "GITHUB", "tulip/bulb"), ("npm", "NPM", "@tulip/bulb")]
    assert [entry.line for entry in document.entries] == [6, 8]
    assert document.entries[0].listed_as == "https://github.com/Tulip/Bulb"
    assert json.loads(document.record)["github"] == [{"url": "https://github.com/Tulip/Bulb"}]
    assert document.rejected == []


def test_an_address_is_an_entry_on_each_of_its_networks() -> None:
    """One blockchain entry makes one entry per network, each with all tags; repeated networks and tags count once."""
    text = project(
        "x",
        "blockchain:",
        f"  - address: '{HEX} '",
        "    tags: [eoa, wallet, eoa]",
        "    networks: [base, base, any_evm]",
        "    name: Treasury",
    )
    document = read(text)
    assert listed(document) == [("blockchain", "BASE", HEX.lower()), ("blockchain", "ANY_EVM", HEX.lower())]
    assert {entry.tags for entry in document.entries} == {("eoa", "wallet")}
    assert {entry.listed_as for entry in document.entries} == {f"{HEX} "}


def test_values_without_quotes_keep_their_text() -> None:
    """An address, a name or a slug that YAML would take for a number, a date or a truth value stays a text."""
    document = read(
        project("x", "blockchain:", f"  - address: {HEX}", "    tags: contract", "    networks: base").replace("X\n", "0x10\n", 1)
    )
    assert listed(document) == [("blockchain", "BASE", HEX.lower())]
    assert document.entries[0].tags == ("contract",)
    assert document.display_name == "0x10"
    collection = read(
        "version: 7\nname: c\ndisplay_name: yes\nprojects:\n  - 88\n  - 2024-01-01\n  - 0xabc\n  - 1e3\n",
        is_project=False,
    )
    assert (collection.display_name, collection.project_names) == ("yes", ["88", "2024-01-01", "0xabc", "1e3"])


def test_former_versions_of_the_schema_are_read() -> None:
    """Before version 5 `name` is for people; in versions 1 and 2 `optimism` lists addresses, with `type` or `tags`."""
    first, second = f"  - address: '{HEX}'\n    type: factory\n", f"  - address: '{HEX}'\n    tags: [eoa]\n"
    text = f"version: 2\nslug: tulip\nname: Tulip Inc.\noptimism:\n{first}{second}"
    document = read(text)
    assert (document.version, document.display_name) == (2, "Tulip Inc.")
    assert [(entry.field, entry.artifact.source, entry.tags) for entry in document.entries] == [
        ("blockchain", "OPTIMISM", ("factory",)),
        ("blockchain", "OPTIMISM", ("eoa",)),
    ]


def test_a_collection_that_lists_a_project_twice_keeps_both() -> None:
    """The list stands as it stands; whoever reads it counts a project once."""
    text = "version: 7\nname: c\ndisplay_name: C\nprojects:\n  - a\n  - b\n  - a\n"
    assert read(text, is_project=False).project_names == ["a", "b", "a"]


GOOD = github("https://github.com/a/b")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["npm: https://www.npmjs.com/package/x"], [("wrong_type", "npm")]),
        (["npm:", "  - https://www.npmjs.com/package/x"], [("wrong_type", "npm.url")]),
        (["npm:", "  - url: [1, 2]"], [("wrong_type", "npm.url")]),
        (["npm:", "  - link: x"], [("missing_field", "npm.url")]),
        (["npm:", "  - url:"], [("missing_field", "npm.url")]),
        (["npm:"], []),
        (["npm: []"], []),
        (["social:"], []),
        (["blockchain:", "  - tags: [eoa]"], [("missing_field", "blockchain.address")]),
        (["blockchain:", f"  - address: '{HEX}'"], [("missing_field", "blockchain.networks")]),
        (["blockchain:", f"  - address: '{HEX}'", "    networks: {a: b}"], [("wrong_type", "blockchain.networks")]),
        (
            ["blockchain:", f"  - address: '{HEX}'", "    networks: [base]", "    tags: [[x]]"],
            [("wrong_type", "blockchain.tags")],
        ),
        (
            ["blockchain:", "  - address: '0x1234'", "    networks: [base, mainnet]"],
            [("bad_address", "blockchain")] * 2,
        ),
        (["blockchains:", f"  - address: '{HEX}'"], [("unknown_field", "blockchains")]),
        (["description: [a]"], [("wrong_type", "description")]),
        (["version: seven"], [("duplicate_field", "version"), ("wrong_type", "version")]),
        (["display_name: {a: b}"], [("duplicate_field", "display_name"), ("wrong_type", "display_name")]),
        (["crates:", "  - url: https://example.org/x"], [("wrong_host", "crates")]),
        (["websites:", "  - url: https://example.org", "comments:", "  - hello"], []),
    ],
)
def test_what_does_not_fit_is_rejected_and_the_rest_is_kept(lines: list[str], expected: list[tuple[str, str]]) -> None:
    """Each wrong part is rejected with its reason, field and line; the good entries of the file come through."""
    document = read(project("x", *lines, GOOD))
    assert misfits(document) == expected
    assert listed(document) == [("github", "GITHUB", "a/b")]
    assert all(rejected.line > 0 and json.loads(rejected.record) is not None for rejected in document.rejected)


def test_a_file_without_display_name_keeps_its_entries() -> None:
    """The file itself is rejected, whole; its entries are not."""
    for line in ("", "display_name:\n", "display_name: ''\n"):
        document = read(f"version: 7\nname: x\n{line}{GOOD}\n")
        assert misfits(document) == [("missing_field", "display_name")]
        assert document.display_name is None
        assert listed(document) == [("github", "GITHUB", "a/b")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name: a\n b: c: d\n", "not_yaml"),
        (b"name: \xff\xfe\n", "not_yaml"),
        (b"name: \x00\n", "not_yaml"),
        (b"a: 1\n---\nb: 2\n", "not_yaml"),
        (b"a: &a [*a]\n", "not_yaml"),
        (b"a: *nowhere\n", "not_yaml"),
        (b"[" * 5000, "not_yaml"),
        (b"a: " + b"[" * 300 + b"]" * 300, "not_yaml"),
        (b"".join(b" " * depth + b"a:\n" for depth in range(300)), "not_yaml"),
        (b"- " * 200_000 + b"a", "not_yaml"),
        (b"a: &a0 []\n" + b"".join(b"b%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 500)), "not_yaml"),
        (
            b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n" % (n, n, *[n - 1] * 6) for n in range(98, 115)),
            "not_yaml",
        ),
        (b"", "wrong_type"),
        (b"- a\n- b\n", "wrong_type"),
        (b"just words\n", "wrong_type"),
    ],
)
def test_files_that_are_no_mapping_are_rejected_whole(content: bytes, reason: str) -> None:
    """Broken, nested without end, bombs of aliases, empty or of another shape: one rejected row, never a crash."""
    document = read(content)
    assert misfits(document) == [(reason, None)]
    assert (document.display_name, document.entries) == (None, [])


def test_a_file_that_is_too_deep_says_where() -> None:
    """Lists in each other are read as far as a hundred; the row of a file that goes on has the line where that is."""
    text = project("x", GOOD, "comments:")
    deep = {depth: read(f"{text}  {'[' * depth}\n{']' * depth}\n") for depth in (99, 100)}
    assert (misfits(deep[99]), listed(deep[99])) == ([], [("github", "GITHUB", "a/b")])
    (row,) = deep[100].rejected
    assert (row.reason, row.message, row.line) == ("not_yaml", "more than 100 lists and mappings stand in each other", 7)


def test_people_s_addresses_are_hashed_in_all_free_text() -> None:
    """Descriptions, names, records and rejected parts keep no local part; npm scopes with a dot are no addresses."""
    line = "Write to jane.doe@example.org"
    scoped = "https://www.npmjs.com/package/@gnosis.pm/safe"
    text = project(
        "x",
        f"description: {line}",
        f"comments: ['{line}', '{scoped}']",
        f"npm: {{a: '{line}'}}",
        github("mailto:jane.doe@example.org"),
    )
    document = read(text + f"crates:\n  - url: {scoped}\n")
    shown = f"{document} {document.rejected}"
    assert "jane.doe" not in shown
    assert hashlib.sha1(b"jane.doe").hexdigest() in (document.description or "")
    assert shown.count(scoped) >= 3
    broken = read(f"a: b: c\n{line}\n")
    assert "jane.doe" not in broken.rejected[0].record


def test_credentials_in_a_url_are_not_kept() -> None:
    """A URL with a user and a password is listed without them."""
    document = read(project("x", github("https://user:token@github.com/a/b")))
    assert document.entries[0].listed_as == "https://github.com/a/b"
