"""How a lake uses the stack: the settings of the lake, and addresses for people. All that is said of it is said here."""

from __future__ import annotations

import json
import shlex
from typing import Any

from lakehouse.stack.site import DATABASE, DATABASE_USER, HOST, Site

WAREHOUSE = "s3://warehouse"
REGION = "us-east-1"
TRINO_CATALOG = "lake"


def connection_settings(site: Site) -> dict[str, Any]:
    """Return the branches of a lake's settings that lead to the stack; they hold its credentials."""
    keys, stack = site.credentials, site.stack
    return {
        "catalog": {
            "type": "rest",
            "uri": f"http://{HOST}:{stack.rest_port}",
            "warehouse": WAREHOUSE,
            "credential": f"{keys.s3_access_key}:{keys.s3_secret_key}",
            "properties": {
                "oauth2-server-uri": f"http://{HOST}:{stack.rest_port}/v1/oauth/tokens",
                "s3.endpoint": f"http://{HOST}:{stack.s3_port}",
                "s3.region": REGION,
                "s3.access-key-id": keys.s3_access_key,
                "s3.secret-access-key": keys.s3_secret_key,
            },
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
    }


def as_toml(site: Site) -> str:
    """Return the settings for a lake's osslake.toml, with the other addresses as comments."""
    lines = [f"# {name}: {address}" for name, address in addresses(site, with_password=True).items()]
    for branch, values in connection_settings(site).items():
        lines += _toml_table(branch, values)
    return "\n".join(lines)


def _toml_table(name: str, values: dict[str, Any]) -> list[str]:
    leaves = [
        f"{json.dumps(key) if '.' in key else key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict)
    ]
    lines = ["", f"[{name}]", *leaves]
    for key, value in values.items():
        if isinstance(value, dict):
            lines += _toml_table(f"{name}.{key}", value)
    return lines


def as_environment(site: Site) -> str:
    """Return the settings as lines for a shell."""
    lines = []
    for branch, values in connection_settings(site).items():
        for key, value in values.items():
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            lines.append(f"export OSSLAKE_{branch.upper()}__{key.upper()}={shlex.quote(text)}")
    return "\n".join(lines)
