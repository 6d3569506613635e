"""The page of a release: what it holds, and how to read it from the address where it is published. Plain HTML, for people; nothing in it runs or is fetched.

`osslake serve` answers with it at `/` (serving/landing.py); among static files it is `index.html` (lakehouse/publications/static.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from string import Template

from catalog.pages import page
from catalog.release_document import STAGES
from catalog.releases import Release, ReleasedTable

_RELEASE = Template("""<p>Open-source impact data, to be read by anyone: Iceberg tables behind plain HTTP. No account, no key.</p>
<p>Release <strong>$sequence</strong>, made $created_at UTC, speaks of days up to <strong>$as_of_date</strong>:
$table_count tables, $row_count rows.<br><small>id <code>$id</code>$restores</small></p>
<div class="wide"><table>
<thead><tr><th>stage</th><th class="number">tables</th><th class="number">rows</th></tr></thead>
<tbody>
$stages
</tbody>
</table></div>

<h2>DuckDB</h2>
<pre tabindex="0">INSTALL iceberg; LOAD iceberg;
ATTACH 'osslake' AS lake
  (TYPE iceberg, ENDPOINT '$base', AUTHORIZATION_TYPE 'none');
SELECT * FROM lake.$example LIMIT 5;</pre>
<h2>PyIceberg</h2>
<pre tabindex="0">from pyiceberg.catalog import load_catalog
lake = load_catalog("lake", type="rest", uri="$base")
print(lake.load_table("$example").scan(limit=5).to_arrow())</pre>
<h2>curl</h2>
<pre tabindex="0">${questions}curl -s $base/latest.json
curl -s $base/releases/$id.json
curl -s $base/latest/v1/namespaces/marts/tables</pre>

<h2>Addresses</h2>
<p>$api<a href="$base/v1/config">/v1/config</a>: the Iceberg REST catalog, of the current release<br>
<a href="$base/latest.json">/latest.json</a>: which release is current, signed<br>
<a href="$base/releases/$id.json">/releases/$short_id&hellip;.json</a>: this release: every table, file, size and SHA-256
(<a href="$base/releases/$id.sig.json">signature</a>)<br>
<code>$base/$dataset/&hellip;</code>: the files themselves, with ranges; a path <code>s3://$dataset/&hellip;</code> of the release is read there$health</p>

<h2>Published tables</h2>
<div class="wide"><table>
<thead><tr><th>table</th><th class="number">rows</th><th>licence</th></tr></thead>
<tbody>
$tables
</tbody>
</table></div>""")
_QUESTIONS = """curl -s '$base/v1/projects?limit=3'
curl -s '$base/v1/search?q=commits'
"""
_API = """<a href="$base/docs">/docs</a>: the REST API: projects, metrics, series and the rest as JSON, CSV, Arrow or Parquet
(<a href="$base/openapi.json">OpenAPI</a>)<br>
"""
_HEALTH = """<br>
<a href="$base/healthz">/healthz</a>: whether the server is up"""


def release_page(release: Release, base: str, *, is_served: bool) -> bytes:
    """Return the page of a release.

    Args:
        release: what it speaks of.
        base: the address that readers are told, without a slash at its end.
        is_served: whether `osslake serve` answers there, with a REST API; else there are files alone.
    """
    document = release.document
    values = {
        "dataset": document.dataset,
        "base": base,
        "id": release.id,
        "short_id": release.id[:16],
        "sequence": str(release.sequence),
        "created_at": f"{release.created_at:%Y-%m-%d %H:%M}",
        "as_of_date": str(release.as_of_date),
        "table_count": f"{len(release.tables):,}",
        "row_count": _rows(release.tables),
        "restores": f"; it restores {document.restores}" if document.restores else "",
        "example": _example(release.tables),
    }
    rows = {"stages": _stages(release.tables), "tables": _published(release.tables)}
    served = {"questions": _QUESTIONS, "api": _API, "health": _HEALTH}
    parts = {name: Template(text).substitute(base=escape(base)) if is_served else "" for name, text in served.items()}
    return page(document.dataset, _RELEASE.substitute({name: escape(value) for name, value in values.items()} | rows | parts))


def _rows(tables: Iterable[ReleasedTable]) -> str:
    return f"{sum(table.row_count for table in tables):,}"


def _example(tables: list[ReleasedTable]) -> str:
    """Return the table that the commands read: the projects, or the first of the marts."""
    names = [table.full_name for table in tables]
    marts = [name for name in names if name.startswith("marts.")]
    return "marts.projects_v1" if "marts.projects_v1" in names else (marts or names or ["marts.projects_v1"])[0]


def _stages(tables: list[ReleasedTable]) -> str:
    found = [(stage, [table for table in tables if table.stage == stage]) for stage in STAGES]
    return "\n".join(
        f'<tr><td>{stage}</td><td class="number">{len(those):,}</td><td class="number">{_rows(those)}</td></tr>'
        for stage, those in reversed(found)
        if those
    )


def _published(tables: list[ReleasedTable]) -> str:
    return "\n".join(
        f"<tr><td><code>{escape(table.full_name)}</code><br><small>{escape(table.description)}</small></td>"
        f'<td class="number">{table.row_count:,}</td><td><small>{escape(table.licence)}</small></td></tr>'
        for table in tables
        if table.stage == "marts"
    )
