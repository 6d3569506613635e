"""Nodes of a YAML file: parsed, looked into, and turned into JSON text with people's addresses hashed."""

from __future__ import annotations

import json
import re
from typing import Any, TypeGuard

import yaml

from ingest.emails import hash_emails_text

LONGEST_BYTES = 16_000_000
MOST_NODES = 1_000_000
DEEPEST = 100
"""How many lists and mappings may stand in each other; honest files have four."""

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})\Z")
_DECIMAL = re.compile(r"-?\d{1,15}\.\d{1,15}\Z")
_TRUE = frozenset({"true", "yes", "on"})
_BEFORE_SCOPE = re.compile(r"(?<=/)(?=@)")
_GUESSED = frozenset("0123456789+-.~nNtTfFyYoO=<")


class NotYamlError(Exception):
    """A file can't be parsed; `line` is where, or 0."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.CSafeLoader):
    """PyYAML's C loader, which guesses a scalar's type only where its first letter lets it be anything but a text.

    It composes each node within a call for the one around it, in C, which ends the process where that goes too deep.
    """

    depth = 0

    def descend_resolver(self, parent: yaml.Node | None, _index: Any) -> None:
        """Go into a node, as long as that isn't too deep."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise _too_deep(line_of(parent))

    def ascend_resolver(self) -> None:
        """Leave a node."""
        self.depth -= 1

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """Return a node's tag."""
        if kind is yaml.ScalarNode and value and (value[0] not in _GUESSED or not implicit[0]):
            return _TAG + "str"
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]  # the stubs lack it


def parse(content: bytes) -> yaml.Node | None:
    """Return the root of a file's only document; None if the file is empty.

    Raises:
        NotYamlError: it is no YAML, or it is bigger (its aliases followed) than any honest file.
    """
    if len(content) > LONGEST_BYTES:
        raise NotYamlError(f"the file has {len(content)} bytes, more than {LONGEST_BYTES}")
    try:
        root: yaml.Node | None = yaml.compose(content, Loader=_Loader)
        if b"*" in content and root is not None:
            _count(root, 0, 1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYamlError(" ".join(filter(None, (error.context, error.problem))), mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise NotYamlError(" ".join(str(error).split())[:200]) from error
    return root


def is_scalar(node: yaml.Node | None) -> TypeGuard[yaml.ScalarNode]:
    """Tell whether a node is a text, a number or the like; null is none."""
    return isinstance(node, yaml.ScalarNode) and node.tag != _TAG + "null"


def is_given(node: yaml.Node | None) -> TypeGuard[yaml.Node]:
    """Tell whether a node is there and not null."""
    return node is not None and node.tag != _TAG + "null"


def member(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    """Return a mapping's value under a key."""
    return next((value for name, value in mapping.value if name.value == key), None)


def line_of(node: yaml.Node | None) -> int:
    """Return the line where a node begins, from 1; 0 for none."""
    return int(node.start_mark.line) + 1 if node is not None else 0


def json_text(node: yaml.Node | None) -> str:
    """Return a node as JSON text with addresses hashed; numbers that JSON or a reader might bend stay texts."""
    return json.dumps(_plain(node), ensure_ascii=False)


def hashed(text: str) -> str:
    """Return text with people's addresses hashed; an npm scope such as `/@socket.tech/` is nobody's address."""
    return "".join(map(hash_emails_text, _BEFORE_SCOPE.split(text))) if "@" in text else text


def _plain(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _plain_scalar(node.tag, node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {hashed(str(_plain(key))): _plain(value) for key, value in node.value}
    return None


def _plain_scalar(tag: str, value: str) -> Any:
    if tag == _TAG + "str":
        return hashed(value)
    if tag == _TAG + "null":
        return None
    if tag == _TAG + "bool":
        return value.lower() in _TRUE
    if _INTEGER.match(value):
        return int(value)
    return float(value) if _DECIMAL.match(value) else hashed(value)


def _too_deep(line: int) -> NotYamlError:
    return NotYamlError(f"more than {DEEPEST} lists and mappings stand in each other", line)


def _count(node: yaml.Node, seen: int, depth: int) -> int:
    """Return how many nodes were seen, this one and those below it included.

    Raises:
        NotYamlError: there are too many, or they go too deep, as where aliases of aliases are followed.
    """
    seen += 1
    if seen > MOST_NODES:
        raise NotYamlError(f"the file has more than {MOST_NODES} nodes, its aliases followed")
    if depth > DEEPEST:
        raise _too_deep(line_of(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            seen = _count(item, seen, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            seen = _count(value, _count(key, seen, depth + 1), depth + 1)
    return seen
