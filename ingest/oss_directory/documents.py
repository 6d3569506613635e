"""Reading one YAML file: a project's or a collection's version, its entries, and what does not fit.

A scalar is taken by its text, not by the type that YAML guesses: `address: 0x16...` without quotes stays an address and
does not become a number. Versions 1 to 4 of the schema call the slug `slug` and the display name `name`; versions 1 and
2 list the addresses of one network under `optimism` and tags under `type`, and are read as `blockchain` lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from catalog.addresses.artifacts import Artifact, Misfit
from catalog.addresses.entries import URL_FIELDS, artifact_at, artifact_of_address
from ingest.git.commands import redact
from ingest.oss_directory.nodes import NotYamlError, hashed, is_given, is_scalar, json_text, line_of, member, parse

BLOCKCHAIN = "blockchain"
_FORMER_NETWORK_FIELD = "optimism"
_NO_ENTRIES = frozenset({"websites", "social", "comments", "projects"})
_LONGEST_VERSION = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact that a project lists, with the line where the entry begins."""

    field: str
    listed_as: str
    artifact: Artifact
    tags: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a file that did not fit, as JSON text; a file that is no YAML as it is."""

    reason: str
    field: str | None
    message: str
    record: str
    line: int


@dataclass(slots=True)
class Document:
    """One version of a file.

    Attributes:
        display_name: None if the file has none; it then makes no row, but its entries do.
        record: the whole as JSON text.
    """

    version: int | None = None
    display_name: str | None = None
    description: str | None = None
    project_names: list[str] = field(default_factory=list)
    record: str = ""
    entries: list[Entry] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, reason: str, name: str | None, message: str, node: yaml.Node | None) -> None:
        """Note a part that did not fit."""
        self.rejected.append(Rejected(reason, name, hashed(message), json_text(node), line_of(node)))


def read_document(content: bytes, *, is_project: bool) -> Document:
    """Read a file, whatever is in it: what does not fit is in `rejected`, the rest is kept."""
    document = Document()
    try:
        root = parse(content)
    except NotYamlError as error:
        text = hashed(content.decode("utf-8", "backslashreplace"))
        document.rejected.append(Rejected("not_yaml", None, hashed(str(error)), text, error.line))
        return document
    if not isinstance(root, yaml.MappingNode):
        document.reject("wrong_type", None, "the file should be a mapping of fields", root)
        return document
    document.record = json_text(root)
    reading = _Reading(document, root)
    reading.read_names()
    if is_project:
        reading.read_entries()
    else:
        document.project_names = [hashed(name) for name in reading.texts_of("projects")]
    return document


class _Reading:
    """The walk over one file's fields."""

    def __init__(self, document: Document, root: yaml.MappingNode) -> None:
        self.document, self.root = document, root
        self.fields: dict[str, yaml.Node] = {}
        for key, value in root.value:
            name = str(key.value)
            if name in self.fields:
                document.reject("duplicate_field", name, "the field stands twice; the last one counts", self.fields[name])
            self.fields[name] = value

    def read_names(self) -> None:
        """Read what files of both kinds have: version, display name, description."""
        document = self.document
        version = self._text("version")
        if version and version.isascii() and version.isdecimal() and len(version) <= _LONGEST_VERSION:
            document.version = int(version)
        elif version is not None:
            document.reject("wrong_type", "version", "should be a whole number", self.fields["version"])
        is_former = "display_name" not in self.fields and "slug" in self.fields
        name = "name" if is_former else "display_name"
        document.display_name = hashed(self._text(name) or "").strip() or None
        document.description = hashed(self._text("description") or "") or None
        if document.display_name is None and not any(rejected.field == name for rejected in document.rejected):
            document.reject("missing_field", name, "a file needs a name for people", self.root)

    def read_entries(self) -> None:
        """Read the lists of artifacts."""
        for name, node in self.fields.items():
            if name in URL_FIELDS:
                self._read_urls(name)
            elif name in (BLOCKCHAIN, _FORMER_NETWORK_FIELD):
                self._read_addresses(name)
            elif name not in _NO_ENTRIES and _lists_entries(node):
                self.document.reject("unknown_field", name, "a list of entries that the schema does not have", node)

    def texts_of(self, name: str) -> Iterator[str]:
        """Yield the texts of a list; reject what is none."""
        for item in self._items(name):
            if is_scalar(item):
                yield item.value
            else:
                self.document.reject("wrong_type", name, "should be a text", item)

    def _read_urls(self, name: str) -> None:
        for item in self._items(name):
            text = self._member(item, name, "url")
            if text is not None:
                self._add(name, item, text, artifact_at(name, text))

    def _read_addresses(self, name: str) -> None:
        for item in self._items(name):
            address = self._member(item, name, "address")
            if address is None or not isinstance(item, yaml.MappingNode):
                continue
            networks = ["optimism"] if name == _FORMER_NETWORK_FIELD else self._texts(item, name, "networks")
            tags = self._texts(item, name, "type" if member(item, "tags") is None else "tags")
            if networks is None or tags is None:
                continue
            if not networks:
                self.document.reject("missing_field", f"{name}.networks", "an address needs its networks", item)
            for network in dict.fromkeys(networks):
                self._add(BLOCKCHAIN, item, address, artifact_of_address(network, address), tags)

    def _add(self, name: str, item: yaml.Node, text: str, found: Artifact | Misfit, tags: list[str] | None = None) -> None:
        if isinstance(found, Misfit):
            self.document.reject(found.reason, name, found.message, item)
        else:
            own_tags = tuple(dict.fromkeys(tags or ()))
            self.document.entries.append(Entry(name, redact(text), found, own_tags, line_of(item)))

    def _items(self, name: str) -> list[yaml.Node]:
        """Return the items of a list; reject the field if it is none."""
        node = self.fields.get(name)
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if is_given(node):
            self.document.reject("wrong_type", name, "should be a list", node)
        return []

    def _member(self, item: yaml.Node, name: str, key: str) -> str | None:
        """Return a text of an entry; reject the entry if it has none."""
        node = member(item, key) if isinstance(item, yaml.MappingNode) else None
        if is_scalar(node):
            return str(node.value)
        reason = "missing_field" if isinstance(item, yaml.MappingNode) and not is_given(node) else "wrong_type"
        self.document.reject(reason, f"{name}.{key}", f"an entry should be an object with a text {key!r}", item)
        return None

    def _texts(self, item: yaml.MappingNode, name: str, key: str) -> list[str] | None:
        """Return an entry's list of texts, or its single text; None, and reject the entry, if it has something else."""
        node = member(item, key)
        members = node.value if isinstance(node, yaml.SequenceNode) else [node] if is_given(node) else []
        if all(map(is_scalar, members)):
            return [hashed(str(one.value)) for one in members]
        self.document.reject("wrong_type", f"{name}.{key}", "should be a list of texts", item)
        return None

    def _text(self, name: str) -> str | None:
        """Return a field's text, None if it is not given; reject it if it is no text."""
        node = self.fields.get(name)
        if is_scalar(node):
            return str(node.value)
        if is_given(node):
            self.document.reject("wrong_type", name, "should be a text", node)
        return None


def _lists_entries(node: yaml.Node) -> bool:
    """Tell whether a field looks like a list of artifacts."""
    if not isinstance(node, yaml.SequenceNode):
        return False
    return any(isinstance(item, yaml.MappingNode) and (member(item, "url") or member(item, "address")) for item in node.value)
