"""How a lake uses the stack: the settings of the lake, and addresses for people. All that is said of it is said here."""

from __future__ import annotations

import json
import shlex

from catalog.errors import StackError
from lakehouse.stack.site import DATABASE, DATABASE_USER, DATASET, DOCUMENTS, HOST, Site

WAREHOUSE = f"s3://{DATASET}"
TRINO_CATALOG = "lake"


def connection_settings(site: Site) -> dict[str, dict[str, str]]:
    """Return the branches of a lake's settings that lead to the stack; they hold its credentials.

    Raises:
        StackError: the lake's dataset isn't the one that the stack's bucket is called as.
    """
    keys, stack = site.credentials, site.stack
    if site.settings.dataset != DATASET:
        raise StackError(
            f"the stack's bucket is called {DATASET}, the lake's setting dataset says {site.settings.dataset}: leave it out, or run servers"
            " of your own (docs/catalogs.md)",
            dataset=site.settings.dataset,
        )
    return {
        "storage": {
            "type": "s3",
            "endpoint": f"http://{HOST}:{stack.s3_port}",
            "access_key": keys.s3_access_key,
            "secret_key": keys.s3_secret_key,
            "documents": DOCUMENTS,
        },
        "catalog": {
            "type": "rest",
            "uri": f"http://{HOST}:{stack.rest_port}",
            "credential": f"{keys.s3_access_key}:{keys.s3_secret_key}",
        },
        "transform": {
            "engine": "trino",
            "trino": f"http://osslake@{HOST}:{stack.trino_port}",
            "state": addresses(site, with_password=True)["PostgreSQL"],
        },
    }


def addresses(site: Site, *, with_password: bool = False) -> dict[str, str]:
    """Return where the servers are, for tools that are not a lake; with the database's password only where it is asked for."""
    stack = site.stack
    password = f":{site.credentials.postgres_password}" if with_password else ""
    return {
        "S3": f"http://{HOST}:{stack.s3_port}",
        "Iceberg REST catalog": f"http://{HOST}:{stack.rest_port}, warehouse {WAREHOUSE}",
        "Trino": f"http://{HOST}:{stack.trino_port}, catalog {TRINO_CATALOG}",
        "PostgreSQL": f"postgresql://{DATABASE_USER}{password}@{HOST}:{stack.postgres_port}/{DATABASE}",
        "API": f"http://{HOST}:{stack.api_port}",
        **({"Dagster": f"http://{HOST}:{stack.dagster_port}"} if stack.dagster else {}),
    }


def as_toml(site: Site) -> str:
    """Return the settings for a lake's osslake.toml, with the other addresses as comments."""
    lines = [f"# {name}: {address}" for name, address in addresses(site, with_password=True).items()]
    for branch, values in connection_settings(site).items():
        lines += ["", f"[{branch}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines)


def as_environment(site: Site) -> str:
    """Return the settings as lines for a shell."""
    return "\n".join(
        f"export OSSLAKE_{branch.upper()}__{key.upper()}={shlex.quote(value)}"
        for branch, values in connection_settings(site).items()
        for key, value in values.items()
    )
