"""The settings file and its variables: what is wrong in them is named."""

from __future__ import annotations

import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from catalog.duck import connect
from catalog.errors import SettingsError
from catalog.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from catalog.settings_checks import check_variables

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ('[[sources.gharchive]]\nadress = "x"', "sources.gharchive.0.adress", "is address meant?"),
        ('[transform]\nengin = "trino"', "transform.engin", "is engine meant?"),
        ('dataste = "x"', "dataste", "is dataset meant?"),
        ("[release]\nxyz = 1", "release.xyz", "known here: "),
        ('[transform]\nthreads = "two"', "transform.threads", "integer"),
        ('[transform]\nmemory_limit = "lots"', "transform.memory_limit", "'lots' is no amount of memory such as 4GB"),
        ('[sources]\ngharchive = "x"', "sources.gharchive", "a list of tables, each under a line [[sources.gharchive]]"),
        ('[sources.git]\naddress = "x"', "sources.git", "a list of tables, each under a line [[sources.git]]"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, name: str, said: str) -> None:
    """The message holds file, setting, and the name that was meant."""
    (tmp_path / "osslake.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert f"setting '{name}' ({tmp_path / 'osslake.toml'}" in str(caught.value)
    assert said in str(caught.value)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """A settings file that isn't UTF-8 is an error that names it."""
    (tmp_path / "osslake.toml").write_bytes('dataset = "käse"'.encode("latin-1"))
    with pytest.raises(SettingsError, match=rf"^settings file {tmp_path}/osslake\.toml is not TOML: .*can't decode"):
        load_settings(tmp_path)


@pytest.mark.parametrize("text", ["4GB", "1.5 GiB", "512mb", ""])
def test_amounts_of_memory(tmp_path: Path, text: str) -> None:
    """Amounts are written as DuckDB takes them; none is its default."""
    (tmp_path / "osslake.toml").write_text(f'[transform]\nmemory_limit = "{text}"')
    limit = load_settings(tmp_path).transform.memory_limit
    assert limit == text
    connect(memory_limit=limit).close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TRANFORM__THREADS", "is OSSLAKE_TRANSFORM__THREADS meant?"),
        ("TRANSFORM_THREADS", "is OSSLAKE_TRANSFORM__THREADS meant?"),
        ("NOPE", "docs/settings.md lists those that there are"),
    ],
)
def test_a_variable_of_no_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    """A variable that begins as those of settings do and belongs to none is an error, with the one that was meant."""
    monkeypatch.setenv(f"OSSLAKE_{name}", "2")
    with pytest.raises(SettingsError, match=f"^variable OSSLAKE_{name}: there is no such setting; {re.escape(said)}$"):
        load_settings(tmp_path)


def test_variables_of_a_container_are_let_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kubernetes tells a container of a service called osslake is no setting, and no error."""
    for name, value in (("SERVICE_HOST", "10.0.0.1"), ("PORT", "tcp://10.0.0.1:8000"), ("PORT_8000_TCP_ADDR", "10.0.0.1")):
        monkeypatch.setenv(f"OSSLAKE_{name}", value)
    assert load_settings(tmp_path).folder == tmp_path


def test_every_variable_of_the_repository_is_known() -> None:
    """Variables that code, tests, scripts and containers use are settings, or known to be none."""
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in tracked if name and not name.endswith((".png", ".md", ".lock"))]
    found = {name for path in paths for name in re.findall(r"OSSLAKE_[A-Z0-9_]*[A-Z0-9]\b", path.read_text(encoding="utf-8"))}
    assert {"OSSLAKE_LAKE", "OSSLAKE_CATALOG__URI"} < found
    for name in found:
        check_variables({name: ""}, Settings, ENVIRONMENT_PREFIX)


@pytest.mark.parametrize(
    ("place", "is_right"),
    [
        (".", False),
        ("..", False),
        ("warehouse/site", False),
        ("file://{}/state", False),
        ("site", True),
        ("../site", True),
        ("s3://warehouse", True),
    ],
)
def test_static_files_don_t_lie_where_the_lake_does(tmp_path: Path, place: str, is_right: bool) -> None:
    """Static files are laid down anywhere but over the lake, and in what it uses itself."""
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "osslake.toml").write_text(f'[publish]\nstatic = "{place.format(lake)}"')
    with nullcontext() if is_right else pytest.raises(SettingsError, match=r"^setting 'publish\.static': .* keeps its own files"):
        load_settings(lake)
