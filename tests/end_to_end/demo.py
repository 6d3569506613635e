"""The lake of `make demo`, by the words of its script."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from end_to_end.lakes import Lake
from end_to_end.processes import osslake

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo"


def build_demo(folder: Path) -> Lake:
    """Make the world, write the settings, and run."""
    script = SCRIPT.read_text(encoding="utf-8")
    (made,) = re.findall(r"^  osslake world demo/world\.unfinished (.*)$", script, re.MULTILINE)
    (settings,) = re.findall(r"<<'SETTINGS'\n(.*?)^SETTINGS$", script, re.MULTILINE | re.DOTALL)
    lake = Lake(folder)
    assert osslake("world", folder / "world", *shlex.split(made)).code == 0
    (folder / "osslake.toml").write_text(settings)
    assert osslake("--lake", folder, "run").code == 0
    return lake
