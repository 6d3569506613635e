"""The page of the REST API for people: every path, what it takes, and a command to copy, made from the OpenAPI document. Nothing in it runs or is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

Document = dict[str, Any]
SUFFIX = ".{suffix}"
"""Of paths that name their format; the page shows them without."""


def reference_html(document: Document, base: str) -> str:
    """Return the page's content.

    Args:
        document: OpenAPI's.
        base: the address that readers are told, without a slash at its end.
    """
    shown = (item for item in document["paths"].items() if not item[0].endswith(SUFFIX))
    operations = [(path, method, one) for path, methods in shown for method, one in methods.items()]
    parts = [f"<p>{_marked_up(part)}</p>" for part in document["info"]["description"].split("\n\n")]
    tags = [tag["name"] for tag in document["tags"]]
    parts += [_contents(tag, operations) for tag in tags]
    for tag in tags:
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts += [_operation(path, method, one, base) for path, method, one in operations if one["tags"][0] == tag]
    return "\n".join(parts)


def _contents(tag: str, operations: Iterable[tuple[str, str, Document]]) -> str:
    links = (
        f'<a href="#{escape(one["operationId"])}">{escape(path.removeprefix("/v1/"))}</a>'
        for path, _, one in operations
        if one["tags"][0] == tag
    )
    return f"<p><small>{escape(tag)}: {', '.join(links)}</small></p>"


def _marked_up(text: str) -> str:
    """Return a text in Markdown that has no more than bold words and code in it."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)


def _operation(path: str, method: str, operation: Document, base: str) -> str:
    rows = "\n".join(
        f"<tr><td><code>{escape(one['name'])}</code>{' *' if one.get('required') else ''}</td><td>{_marked_up(one['description'])}</td></tr>"
        for one in operation["parameters"]
    )
    media_types = ", ".join(operation["responses"]["200"]["content"])
    return f"""<h3 id="{escape(operation["operationId"])}"><code>{method.upper()} {escape(path)}</code></h3>
<p>{escape(operation["summary"])}<br><small>{escape(media_types)}</small></p>
<pre tabindex="0">{escape(curl(path, method, operation, base))}</pre>
<details><summary>{len(operation["parameters"])} parameters</summary><div class="wide"><table><tbody>
{rows}
</tbody></table></div></details>"""


def curl(path: str, method: str, operation: Document, base: str) -> str:
    """Return the command that asks an operation's example."""
    address = f"{base}{example_path(path, operation['parameters'])}"
    if method == "post":
        content = operation["requestBody"]["content"]["application/json"]["example"]
        listed = ", ".join(f'"{one}"' for one in content)
        return f"curl -s -X POST '{address}' -d '[{listed}]'"
    return f"curl -s '{address}'"


def example_path(path: str, parameters: Iterable[Document]) -> str:
    """Return a path with the examples of its parameters."""
    query = []
    for one in parameters:
        if "example" not in one:
            continue
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(one["example"], safe=""))
        else:
            query.append((one["name"], one["example"]))
    return f"{path}?{urlencode(query)}" if query else path
