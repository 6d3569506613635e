"""The OpenAPI document: made for the release that is current, with its tables' columns and with examples that can be run as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from catalog.release_document import ReleasedTable
from serving.api.answers import RELEASE_HEADER
from serving.api.formats import FORMATS
from serving.api.reference import SUFFIX
from serving.api.resolve import MAX_NAMES
from serving.api.selections import DEFAULT_LIMIT, MAX_LIMIT
from serving.replica.layout import columns_of
from serving.replica.replica import Replica
from serving.replica.search import KINDS
from serving.resources import LEVELS, Resource

Document = dict[str, Any]
ALIASES = "artifact_aliases_v1"
_TYPES: dict[str, Document] = {
    "string": {"type": "string"},
    "long": {"type": "integer", "format": "int64"},
    "int": {"type": "integer", "format": "int32"},
    "double": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamptz": {"type": "string", "format": "date-time"},
}
_ERRORS = {
    "400": "The question is none: `detail` says what would be right.",
    "404": "There is no such row, release or format.",
    "405": "Only GET, HEAD and OPTIONS are taken, and POST by the look-up of names: Allow says so.",
    "406": "No media type in Accept is made here.",
    "410": "The release is not answered from here any more, or the cursor is of another one.",
    "413": "That is too much for one answer.",
    "414": "Path and query string are too long.",
    "429": "Too many requests: Retry-After says when the next one is taken.",
    "431": "The headers are too long.",
    "500": "The server failed: X-Request-Id names the request in its log.",
    "503": "Nothing is released yet, or the release is being prepared, or its files can't be read: Retry-After says when to ask again.",
}
_KINDS = f"^({'|'.join(KINDS)})(,({'|'.join(KINDS)}))*$"
PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
}
TAGS = ("series", "look-up", "tables", "releases and data sets", "service")
"""Groups of operations, in the order in which they are shown."""
PROMISE = """Open-source impact data: every number with its release, its definition and what is known of its period.

**Stability.** Inside `/v1` paths, parameters and fields are added, never removed, renamed or given another meaning; clients are to pass over fields
that they don't know. The next version stands beside this one for six months at least. Answers below `/releases/{id}/v1/` never change in content.

**Below a release.** What takes `release` stands at `/releases/{id}/v1/` too, which the operation's second server says, and takes no `release` there.

HEAD is answered wherever GET is, with the same status and headers.

No key is needed. Cross-origin requests are allowed. Each answer names its release in `Osslake-Release`."""


@dataclass(frozen=True)
class Operation:
    """What can be asked at a path.

    Attributes:
        path: below the root.
        summary: one line.
        data: schema of `data` in the answer.
        parameters: beside `release`.
        example: values of parameters that make a question that has an answer.
        formats: names of what rows are written as; JSON alone for documents.
        has_next: whether the answer is a page.
        body: schema and example of what is posted.
        description: more than the summary.
        tag: group.
        media_type: of the answer, where it isn't an envelope in JSON.
        is_pinned: whether it stands below `/releases/{id}/v1/` too, and takes `release`.
    """

    path: str
    summary: str
    data: Document
    parameters: tuple[Document, ...] = ()
    example: dict[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] = ("json",)
    has_next: bool = False
    body: tuple[Document, Any] | None = None
    description: str = ""
    tag: str = "service"
    media_type: str = ""
    is_pinned: bool = True


Operations = Callable[[Replica], Iterable[Operation]]


def parameter(name: str, description: str, schema: Document | None = None, *, in_path: bool = False, is_required: bool = False) -> Document:
    """Return a parameter's description."""
    found: Document = {
        "name": name,
        "in": "path" if in_path else "query",
        "description": description,
        "schema": schema or {"type": "string"},
    }
    return found | {"required": True} if in_path or is_required else found


def openapi_document(replica: Replica, more: Iterable[Operations] = ()) -> Document:
    """Return the document for a release.

    Args:
        more: further operations.
    """
    operations = [*_operations(replica), *(one for make in more for one in make(replica))]
    paths: Document = {}
    for operation in operations:
        word = "post" if operation.body else "get"
        paths.setdefault(f"/v1/{operation.path}", {})[word] = _operation(operation, replica.release.id)
        if len(operation.formats) > 1:
            paths[f"/v1/{operation.path}{SUFFIX}"] = {"get": _in_format(_operation(operation, replica.release.id), operation)}
    info = {"title": "osslake", "version": "1", "description": PROMISE, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}
    return {
        "openapi": "3.1.0",
        "info": info,
        "tags": [{"name": name} for name in TAGS],
        "paths": paths,
        "components": {"schemas": {"Problem": PROBLEM} | _row_schemas(replica)},
    }


def _in_format(found: Document, operation: Operation) -> Document:
    """Return an operation whose path names the format."""
    suffix = parameter("suffix", "format, in place of Accept", {"type": "string", "enum": [*operation.formats]}, in_path=True)
    told = {
        "operationId": f"{found['operationId']}_in_format",
        "parameters": [*found["parameters"], suffix | {"example": operation.formats[1]}],
    }
    return found | told


def _operation(operation: Operation, release_id: str) -> Document:
    parameters = [one | _example(operation, one["name"]) for one in operation.parameters]
    if operation.is_pinned:
        parameters.append(parameter("release", "id or sequence number of a release, or `latest`; the newest without it"))
    found: Document = {
        "operationId": operation.path.replace("/", "_").replace("-", "_").replace("{", "").replace("}", ""),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.description:
        found["description"] = operation.description
    if operation.is_pinned:
        release = {"default": release_id, "description": "id of a release"}
        found["servers"] = [{"url": "/"}, {"url": "/releases/{release_id}", "variables": {"release_id": release}}]
    if operation.body:
        schema, example = operation.body
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
    return found


def _example(operation: Operation, name: str) -> Document:
    return {"example": operation.example[name]} if name in operation.example else {}


def _responses(operation: Operation) -> Document:
    content: Document = {
        operation.media_type or "application/json": {"schema": envelope_schema(operation) if not operation.media_type else {}}
    }
    for name in operation.formats[1:]:
        content[FORMATS[name].media_type.partition(";")[0]] = {"schema": {"type": "string", "format": "binary"}}
    headers: Document = {name: {"schema": {"type": "string"}} for name in ("ETag", "Cache-Control", RELEASE_HEADER)}
    if operation.has_next:
        headers["Link"] = {"schema": {"type": "string"}, "description": 'the next page, `rel="next"`; missing on the last one'}
    found: Document = {"200": {"description": "The answer.", "headers": headers, "content": content}}
    found["304"] = {"description": "The client has the answer already (If-None-Match)."}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return found | {status: {"description": said, "content": problem} for status, said in _ERRORS.items()}


def envelope_schema(operation: Operation) -> Document:
    """Return the schema of an answer in JSON."""
    properties: Document = {
        "release_id": {"type": "string", "description": "the release that the answer comes from"},
        "as_of_date": {"type": "string", "format": "date", "description": "last day that its metrics speak of"},
        "data": operation.data,
    }
    if operation.has_next:
        properties["next"] = {"type": ["string", "null"], "description": "path of the next page; null on the last one"}
    return {"type": "object", "required": list(properties), "properties": properties}


def _row_schemas(replica: Replica) -> Document:
    return {resource.table: _row_schema(replica.tables[resource.table]) for resource in replica.resources}


def _row_schema(table: ReleasedTable) -> Document:
    """Return the schema of a table's rows, with its columns' comments."""
    comments = {field["name"]: field.get("doc", "") for field in table.schema_["fields"]}
    properties = {name: _nullable(_TYPES[kind]) | {"description": comments[name]} for name, kind in columns_of(table).items()}
    return {"type": "object", "description": table.description, "required": list(properties), "properties": properties}


def _nullable(schema: Document) -> Document:
    return schema | {"type": [schema["type"], "null"]}


def _operations(replica: Replica) -> Iterable[Operation]:
    """Yield the operations of this folder."""
    for resource in replica.resources:
        yield _list(replica, resource)
        if replica.keys(resource):
            yield _row(replica, resource)
    metric, project = (
        a_value(replica, "metrics_v1", "metric_name", "WHERE window_name = 'weekly'"),
        a_value(replica, "projects_v1", "project_name"),
    )
    yield _series(metric, project)
    yield Operation(
        "search",
        "Names near some words, the nearest first",
        {"type": "array", "items": an_object("kind name display_name key score url")},
        (
            parameter("q", "what is searched for", {"type": "string", "minLength": 1, "maxLength": 200}, is_required=True),
            parameter("kind", f"{', '.join(KINDS)}; several with commas; all without it", {"type": "string", "pattern": _KINDS}),
            parameter("limit", "how many at most", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        ),
        {"q": project},
        tag="look-up",
    )
    found = an_object("asked read_as artifacts projects collections")
    yield Operation(
        "resolve",
        "What a name, former name, URL, package URL, address or id means",
        found,
        (parameter("q", "what somebody has in hand", {"type": "string", "minLength": 1, "maxLength": 1000}, is_required=True),),
        {"q": project},
        tag="look-up",
    )
    names = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 1000}, "minItems": 1, "maxItems": MAX_NAMES}
    yield Operation(
        "lookup",
        f"What each of up to {MAX_NAMES:,} names means",
        {"type": "array", "items": found},
        body=(names, [project, "pkg:npm/left-pad"]),
        tag="look-up",
    )


def an_object(names: str) -> Document:
    """Return the schema of an object that has these members, and maybe others."""
    return {"type": "object", "required": names.split(), "properties": {name: {} for name in names.split()}}


def a_value(replica: Replica, table: str, column: str, condition: str = "") -> str:
    """Return a value that is there, for an example."""
    if table not in replica.tables or column not in columns_of(replica.tables[table]):
        return "example"
    rows = replica.look_up(f"SELECT {column} FROM {table} {condition} ORDER BY rowid LIMIT 1")
    return str(rows[0][0]) if rows else "example"


def a_repository(replica: Replica) -> str:
    """Return the `owner/name` of an artifact; empty where none has an owner."""
    if not {"artifact_namespace", "artifact_name"} <= columns_of(replica.tables["artifacts_v1"]).keys():
        return ""
    rows = (
        replica.look_up("SELECT artifact_namespace, artifact_name FROM artifact_aliases_v1 ORDER BY rowid LIMIT 1")
        if ALIASES in replica.tables
        else []
    )
    return "/".join(rows[0]) if rows and all(rows[0]) else ""


def _list(replica: Replica, resource: Resource) -> Operation:
    table = replica.tables[resource.table]
    columns = columns_of(table)
    comments = {one["name"]: one.get("doc", "") for one in table.schema_["fields"]}
    parameters = [
        parameter("limit", "rows of a page", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        parameter("cursor", "where the page before ended: from `next`"),
        parameter("select", "columns, with commas"),
        parameter("order", "columns with .asc or .desc, with commas; rows without a value come last"),
        parameter("or", "any of some conditions: `(a.eq.1,b.gt.2)`; `and`, `not.or` and `not.and` likewise, nested"),
        *(
            parameter(name, f"{comments[name]}; `operator.value`: eq, neq, gt, gte, lt, lte, in, like, is, with `not.` before it")
            for name in columns
        ),
    ]
    return Operation(
        resource.path,
        table.description,
        {"type": "array", "items": {"$ref": f"#/components/schemas/{resource.table}"}},
        tuple(parameters),
        {"limit": "3"},
        tuple(FORMATS),
        has_next=True,
        tag="tables",
    )


def _row(replica: Replica, resource: Resource) -> Operation:
    keys = replica.keys(resource)
    example = a_value(replica, resource.table, keys[0])
    told = f"{', '.join(keys[:-1])} or {keys[-1]}"
    if resource.path == "artifacts":
        told, example = f"{told}, or `owner/name`", a_repository(replica) or example
    data = {"$ref": f"#/components/schemas/{resource.table}"}
    return Operation(
        f"{resource.path}/{{key}}",
        f"One row of {resource.path}, by {told}",
        data,
        (parameter("key", told, {"type": "string", "minLength": 1}, in_path=True),),
        {"key": example},
        tag="tables",
    )


def _series(metric: str, project: str) -> Operation:
    point: Document = {
        "type": "object",
        "required": ["date", "amount", "is_complete", "coverage", "is_degraded"],
        "properties": {
            "date": {"type": "string", "format": "date", "description": "first day of a calendar window, last day of a rolling one"},
            "amount": {"type": "number"},
            "is_complete": {"type": ["boolean", "null"], "description": "whether the period is over"},
            "coverage": {
                "type": ["number", "null"],
                "description": "share of the period's hours that are loaded; null where that isn't known",
            },
            "is_degraded": {"type": ["boolean", "null"], "description": "whether a known gap of the source touches the period"},
            "gap_reason": {"type": "string"},
        },
    }
    one = an_object("metric_name metric_id display_name window unit definition level entity_id entity_name is_steps points")
    one["properties"]["points"] = {"type": "array", "items": point}
    return Operation(
        "series",
        "Series of metrics, with what is known of each period",
        {"type": "array", "items": one},
        (
            parameter("metric", "names or ids; several with commas", is_required=True),
            *(
                parameter(level, "names or ids; several with commas; one of project, collection, artifact is needed")
                for level in reversed(LEVELS)
            ),
            parameter("from", "first day; without it a series begins with its first value", {"type": "string", "format": "date"}),
            parameter("to", "last day; the as-of date without it", {"type": "string", "format": "date"}),
            parameter("steps", "of rolling windows the steps that are kept, not each day", {"type": "boolean", "default": False}),
        ),
        {"metric": metric, "project": project},
        tuple(FORMATS),
        tag="series",
    )
