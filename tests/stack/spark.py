"""Spark in a Python environment of its own, made once beside Trino's server in osslake's cache, with Iceberg's packages from Maven."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from catalog.settings import StackSettings

LOCK = Path(__file__).parent / "spark.lock"
JAVAS = ("17", "21")
_JVMS = Path("/usr/lib/jvm")
TIMEOUT_S = 300


def find_java() -> Path | None:
    """Return the folder of a Java that Spark 4.0 runs on, in Debian's folder of JVMs; None if there is none."""
    for home in sorted(_JVMS.glob("*")):
        release = home / "release"
        if release.is_file() and re.search(rf'^JAVA_VERSION="({"|".join(JAVAS)})\.', release.read_text(), re.MULTILINE):
            return home
    return None


def environment() -> Path:
    """Return the environment that has pyspark, made where there is none yet."""
    cache = _cache()
    home = cache / f"pyspark-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    with FileLock(home.with_suffix(".lock")):
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            if shutil.which("uv"):
                _run("uv", "venv", "--quiet", "--no-project", "--python", sys.executable, home)
                _run("uv", "pip", "install", "--quiet", "--python", home / "bin" / "python", "--require-hashes", "-r", LOCK)
            else:
                _run(sys.executable, "-m", "venv", home)
                _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK)
            (home / "made").touch()
    return home


def run_script(script: str, folder: Path, java: Path) -> str:
    """Run a Python script in the environment, on two threads of this machine; return what it printed."""
    settings = {
        "spark.master": "local[2]",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.jars.ivy": f"{_cache()}/ivy",
        "spark.jars.repositories": StackSettings().maven,
    }
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    (folder / "script.py").write_text(script)
    variables = {"JAVA_HOME": str(java), "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [environment() / "bin" / "python", folder / "script.py"]
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _cache() -> Path:
    cache = StackSettings().cache.expanduser().absolute()
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} {command[1]} failed: {done.stderr[-2000:]}"
