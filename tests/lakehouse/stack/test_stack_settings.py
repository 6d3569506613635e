"""The settings that lead a lake to the stack."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import StackError
from catalog.settings import load_settings
from lakehouse.stack import Site, open_site
from lakehouse.stack.connection import as_environment, as_toml

MakeSite = Callable[..., Site]


def test_toml_and_variables_say_the_same(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake with the printed TOML and a shell with the printed lines lead to the same catalog, object store and keys."""
    site = make_site(s3_port=20_001, rest_port=20_002)
    (tmp_path / "osslake.toml").write_text(as_toml(site), encoding="utf-8")
    from_file = load_settings(tmp_path)
    shell = subprocess.run(["sh", "-c", f"{as_environment(site)}\nenv -0"], capture_output=True, text=True, check=True).stdout
    for name, _, value in (line.partition("=") for line in shell.split("\0") if line.startswith("OSSLAKE_")):
        monkeypatch.setenv(name, value)
    from_shell = load_settings(tmp_path / "empty")
    assert (from_file.storage, from_file.catalog, from_file.transform) == (from_shell.storage, from_shell.catalog, from_shell.transform)
    assert (from_file.storage.endpoint, from_file.catalog.uri) == ("http://127.0.0.1:20001", "http://127.0.0.1:20002")
    assert from_file.catalog.credential.get_secret_value() == f"{site.credentials.s3_access_key}:{site.credentials.s3_secret_key}"


def test_credentials_are_made_once_and_for_the_owner_alone(make_site: MakeSite) -> None:
    """They are random, stay the same, and nobody else can read their file."""
    first, again = make_site(), make_site()
    assert first.credentials == again.credentials
    assert len({first.credentials.s3_secret_key, first.credentials.postgres_password, first.credentials.s3_access_key}) == 3
    assert stat.S_IMODE((first.folder / "credentials.json").stat().st_mode) == 0o600


def test_damaged_credentials_are_told(make_site: MakeSite) -> None:
    """A file that holds none is an error that names it."""
    site = make_site()
    (site.folder / "credentials.json").write_text("{}")
    with pytest.raises(StackError, match=r"credentials\.json does not hold the stack's credentials"):
        open_site(site.lake, site.settings)


def test_a_folder_that_cannot_be_made_is_told(make_site: MakeSite, tmp_path: Path) -> None:
    """A folder below a file is an error that names the setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"set stack\.folder"):
        make_site(folder=tmp_path / "file" / "stack")
