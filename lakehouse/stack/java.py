"""Finding a Java that Trino runs on: JDK 24 or later, with the module of vector instructions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from catalog.settings import StackSettings

OLDEST = 24
MODULE = "jdk.incubator.vector"
JVMS = Path("/usr/lib/jvm")


def find_java(settings: StackSettings) -> tuple[Path | None, list[str]]:
    """Return the folder of the first JDK that fits, if there is one, and what was looked at, each with why it does not fit."""
    looked: list[str] = []
    for home in _candidates(settings):
        trouble = _trouble(home)
        if trouble is None:
            return home, looked
        looked.append(f"{home} ({trouble})")
    return None, looked


def _candidates(settings: StackSettings) -> Iterator[Path]:
    if settings.java_home:
        yield settings.java_home
        return
    if settings.environment_java_home:
        yield settings.environment_java_home
    if program := shutil.which("java"):
        yield Path(program).resolve().parent.parent
    yield from sorted({home.resolve() for home in JVMS.glob("*") if (home / "bin" / "java").is_file()}, reverse=True)


def _trouble(home: Path) -> str | None:
    """Return why Trino would not run on this one; None if it would."""
    program = home / "bin" / "java"
    try:
        said = subprocess.run([program, "--list-modules"], capture_output=True, text=True, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "its bin/java can't be run"
    version = re.search(r"^java\.base@(\d+)", said, re.MULTILINE)
    if version is None:
        return "its bin/java tells no version"
    if int(version[1]) < OLDEST:
        return f"Java {version[1]}"
    return None if f"{MODULE}@" in said else f"Java {version[1]} without the module {MODULE}"
