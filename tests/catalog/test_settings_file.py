"""The settings file: what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import SettingsError
from catalog.settings import load_settings


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ('[[sources.gharchive]]\nadress = "x"', "sources.gharchive.0.adress", "is address meant?"),
        ('[transform]\nengin = "trino"', "transform.engin", "is engine meant?"),
        ('dataste = "x"', "dataste", "is dataset meant?"),
        ("[release]\nxyz = 1", "release.xyz", "known here: "),
        ('[transform]\nthreads = "two"', "transform.threads", "integer"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, name: str, said: str) -> None:
    """The message holds file, setting, and the name that was meant."""
    (tmp_path / "osslake.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert f"setting '{name}' ({tmp_path / 'osslake.toml'}" in str(caught.value)
    assert said in str(caught.value)
