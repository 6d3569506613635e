"""The filter grammar: what a query string may ask of rows, as a syntax tree.

    ?artifact_count=gte.3                          column=operator.value
    ?display_name=not.like.*bot*                   not. turns it round; * stands for any characters
    ?project_name=in.(uniswap,"a,b")               values with commas or parentheses stand between double quotes
    ?first_listed_at=is.null                       null, true, false
    ?or=(artifact_count.lt.2,artifact_count.gt.9)  and=(...), nested
    ?order=artifact_count.desc,project_name        asc (the default) or desc; rows without a value come last

The tree holds names of declared columns, operators of this module, and values of the columns' types: there is no way to write SQL into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from serving.api.errors import RequestError, unknown

MAX_NODES = 50
MAX_DEPTH = 5
MAX_VALUES = 1_000
MAX_LIKE = 200
Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "like", "is"]
OPERATORS: tuple[Operator, ...] = ("eq", "neq", "gt", "gte", "lt", "lte", "in", "like", "is")
_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"-?[0-9]{1,30}")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T+][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[-+][0-9]{2}:?[0-9]{2})?)?")
_NULLNESS = {"null": None, "true": True, "false": False}


NAMING: tuple[Operator, ...] = ("eq", "in")
"""Operators that name the values which a row may have."""


@dataclass(frozen=True)
class Comparison:
    """A column beside a value; of `in` the values are a tuple, of `is` it is None, True or False."""

    column: str
    operator: Operator
    value: Any


@dataclass(frozen=True)
class Not:
    """What doesn't hold."""

    node: Node


@dataclass(frozen=True)
class Group:
    """All of these hold, or any of them."""

    word: Literal["and", "or"]
    nodes: tuple[Node, ...]


Node = Comparison | Not | Group


@dataclass(frozen=True)
class Order:
    """A column that rows are put in order by."""

    column: str
    is_descending: bool


def parse_condition(column: str, text: str, columns: Mapping[str, str]) -> Node:
    """Return the condition `column=text`.

    Args:
        columns: name -> Iceberg type of those that may be named.

    Raises:
        RequestError: the column isn't known, or the text is no condition; the message says what would be right.
    """
    return _Parser(text, columns, column).condition(column)


def parse_group(word: str, text: str, columns: Mapping[str, str]) -> Node:
    """Return the group of `or=(...)`, `and=(...)`, `not.or=(...)` or `not.and=(...)`.

    Raises:
        RequestError: as above.
    """
    parser = _Parser(text, columns, word)
    node: Node = Group("or" if word.endswith("or") else "and", parser.group(1))
    parser.end()
    return negated(node) if word.startswith("not.") else node


def parse_order(text: str, columns: Mapping[str, str]) -> list[Order]:
    """Return the order of `order=a.desc,b`.

    Raises:
        RequestError: a column isn't known, is named twice, or has no such direction.
    """
    found: list[Order] = []
    for item in text.split(","):
        column, _, direction = item.strip().partition(".")
        _check_column(column, columns, "order")
        if direction not in ("", "asc", "desc"):
            raise RequestError(400, f"order={item}: {direction!r} is no direction; asc or desc would be right", parameter="order")
        if any(one.column == column for one in found):
            raise RequestError(400, f"order names {column} twice", parameter="order")
        found.append(Order(column, direction == "desc"))
    return found


def parse_select(text: str, columns: Mapping[str, str]) -> list[str]:
    """Return the columns of `select=a,b`.

    Raises:
        RequestError: a column isn't known, or is named twice.
    """
    found = [item.strip() for item in text.split(",")]
    for column in found:
        _check_column(column, columns, "select")
    if len(set(found)) < len(found):
        raise RequestError(400, "select names a column twice", parameter="select")
    return found


def negated(node: Node) -> Node:
    """Return what holds where a node doesn't; turned round twice it is what it was, so that engines see no towers of NOT."""
    return node.node if isinstance(node, Not) else Not(node)


def _check_column(name: str, columns: Mapping[str, str], parameter: str) -> None:
    if name not in columns:
        raise unknown("column", name, columns, parameter=parameter)


class _Parser:
    """Reads one parameter's text from left to right."""

    def __init__(self, text: str, columns: Mapping[str, str], parameter: str) -> None:
        self.text, self.columns, self.parameter = text, columns, parameter
        self.place, self.nodes = 0, 0

    def error(self, said: str) -> RequestError:
        shown = self.text if len(self.text) <= 100 else f"{self.text[:100]}..."
        return RequestError(400, f"{self.parameter}={shown}: {said}", parameter=self.parameter)

    def condition(self, column: str) -> Node:
        """Read `[not.]operator.value` to the end of the text."""
        _check_column(column, self.columns, column)
        node = self.rest_of_condition(column, is_nested=False)
        self.end()
        return node

    def group(self, depth: int) -> tuple[Node, ...]:
        """Read `(node,node,...)`."""
        if depth > MAX_DEPTH:
            raise self.error(f"groups may be nested {MAX_DEPTH} deep at most")
        if not self.take("("):
            raise self.error("a group is to be like (a.eq.1,b.gt.2)")
        nodes = [self.node(depth)]
        while self.take(","):
            nodes.append(self.node(depth))
        if not self.take(")"):
            raise self.error(f"a parenthesis or a comma is missing at character {self.place + 1}")
        return tuple(nodes)

    def node(self, depth: int) -> Node:
        """Read a condition with its column, or a group."""
        match = re.compile(r"(not\.)?(and|or)(?=\()").match(self.text, self.place)
        if match:
            self.place = match.end()
            self.count()
            group: Node = Group("or" if match[2] == "or" else "and", self.group(depth + 1))
            return negated(group) if match[1] else group
        name = self.word()
        if not self.take("."):
            raise self.error(f"{name!r} is to be followed by .operator.value")
        _check_column(name, self.columns, self.parameter)
        return self.rest_of_condition(name, is_nested=True)

    def rest_of_condition(self, column: str, *, is_nested: bool) -> Node:
        self.count()
        word = self.word()
        if word == "not" and self.take("."):
            return negated(self.rest_of_condition(column, is_nested=is_nested))
        if word not in OPERATORS or not self.take("."):
            raise self.error(f"an operator is missing: {column}=eq.{word} compares; known are {', '.join(OPERATORS)}")
        operator: Operator = next(one for one in OPERATORS if one == word)
        if operator == "in":
            return Comparison(column, operator, self.listed(column))
        text = self.value() if is_nested else self.remainder()
        return Comparison(column, operator, self.typed(column, operator, text))

    def listed(self, column: str) -> tuple[Any, ...]:
        """Read `(value,value,...)`."""
        if not self.take("("):
            raise self.error(f"in takes a list: {column}=in.(a,b)")
        values = [self.typed(column, "eq", self.value())]
        while self.take(","):
            values.append(self.typed(column, "eq", self.value()))
        if not self.take(")"):
            raise self.error("the list of in isn't closed by a parenthesis")
        if len(values) > MAX_VALUES:
            raise self.error(f"in takes {MAX_VALUES} values at most")
        return tuple(values)

    def typed(self, column: str, operator: Operator, text: str) -> Any:
        """Return a value of the column's type, or what the operator takes."""
        if "\0" in text:
            raise self.error("a value may not hold the character NUL")
        if operator == "is":
            if text not in _NULLNESS:
                raise self.error(f"is.{text} would have to be is.null, is.true or is.false")
            if text != "null" and self.columns[column] != "boolean":
                raise self.error(f"{column} isn't true or false; is.null would be right")
            return _NULLNESS[text]
        if operator == "like":
            if self.columns[column] != "string":
                raise self.error(f"{column} is no text, so like can't be asked of it")
            if len(text) > MAX_LIKE:
                raise self.error(f"a pattern may have {MAX_LIKE} characters at most")
            return text
        return self.converted(column, text)

    def converted(self, column: str, text: str) -> Any:
        kind = self.columns[column]
        try:
            if kind in ("long", "int"):
                return _int64(text)
            if kind == "double":
                return _double(text)
            if kind == "boolean":
                return {"true": True, "false": False}[text]
            if kind == "date":
                return date.fromisoformat(_plain(_DATE, text))
            if kind == "timestamptz":
                time = datetime.fromisoformat(_plain(_TIME, text.replace(" ", "+")))
                return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, KeyError, OverflowError) as error:
            examples = {"date": "2024-01-31", "timestamptz": "2024-01-31T12:00:00Z", "boolean": "true", "double": "0.5"}
            raise self.error(f"{text[:50]!r} is no value of {column} ({kind}), such as {examples.get(kind, '12')}") from error
        return text

    def count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.error(f"a condition may have {MAX_NODES} parts at most")

    def word(self) -> str:
        match = re.compile(r"[A-Za-z_0-9]*").match(self.text, self.place)
        word = match[0] if match else ""
        self.place += len(word)
        return word

    def value(self) -> str:
        """Read up to a comma or a parenthesis, or what stands between double quotes."""
        if self.text[self.place : self.place + 1] != '"':
            match = re.compile(r"[^,()]*").match(self.text, self.place)
            found = match[0] if match else ""
            self.place += len(found)
            return found
        match = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(self.text, self.place)
        if match is None:
            raise self.error("a double quote isn't closed")
        self.place = match.end()
        return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)

    def remainder(self) -> str:
        found = self.text[self.place :]
        self.place = len(self.text)
        return found

    def take(self, character: str) -> bool:
        is_there = self.text[self.place : self.place + 1] == character
        self.place += is_there
        return is_there

    def end(self) -> None:
        if self.place < len(self.text):
            raise self.error(f"{self.text[self.place : self.place + 20]!r} is too much")


def _plain(form: re.Pattern[str], text: str) -> str:
    """Return a text that has a form; Python's own readers take more, such as digits of other scripts and underscores.

    Raises:
        ValueError: it hasn't.
    """
    if not form.fullmatch(text):
        raise ValueError(text)
    return text


def _int64(text: str) -> int:
    number = int(_plain(_INTEGER, text))
    if number not in _INT64:
        raise ValueError(text)
    return number


def _double(text: str) -> float:
    number = float(_plain(_NUMBER, text))
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def conditions_of(parameters: Sequence[tuple[str, str]], columns: Mapping[str, str]) -> list[Node]:
    """Return the conditions of a query string's parameters, all of which must hold.

    Raises:
        RequestError: a parameter is neither a column nor a group, or no condition.
    """
    nodes: list[Node] = []
    for name, text in parameters:
        if name in ("or", "and", "not.or", "not.and"):
            nodes.append(parse_group(name, text, columns))
        elif name in columns:
            nodes.append(parse_condition(name, text, columns))
        else:
            raise unknown("parameter or column", name, columns, parameter=name)
    return nodes
