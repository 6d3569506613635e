"""Makes the pictures of docs/orchestration.md: a small lake, `dagster dev` on it, a backfill over its days, a headless Chromium.

`make screenshots` runs it (uv, and Debian's packages chromium and chromium-driver).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

ROOT = Path(__file__).parent.parent
BIN = ROOT / ".venv/bin"
IMAGES = ROOT / "docs/images"
PORT = 3399
URL = f"http://127.0.0.1:{PORT}"
WORLD = ("--events", "6000", "--days", "21", "--seed", "1", "--projects", "16")
DAYS = [f"2024-01-{day:02}" for day in range(1, 22)]
SETTINGS = """
[[sources.oss_directory]]
address = "world/oss-directory"
history = true

[[sources.gharchive]]
address = "world/gharchive"
from = "2024-01-01T00"
to = "2024-01-22T00"

[[sources.git]]
address = "world/git/*.git"

[publish]
static = "static"
static_url = "http://127.0.0.1:8080"
"""
DRAWN_AFTER_S = 5  # what is drawn once the text is there
SCROLL_DOWN = "document.querySelectorAll('div').forEach(one => { if (one.scrollHeight - one.clientHeight < 200) one.scrollTop = 999 })"
ASSETS = "{ assetNodes { assetKey { path } } }"
BACKFILL = """mutation($asked: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $asked) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"


def main() -> None:
    """Make all pictures anew."""
    # Where this signal is ignored, as in the background of a shell, Dagster would be deaf to SIGTERM too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="osslake-pictures-") as folder:
        lake = Path(folder) / "demo"
        _make_lake(lake)
        with _dagster(lake):
            backfill = _backfill()
            with _browser(Path(folder)) as browser:
                _take(browser, backfill)


def _make_lake(lake: Path) -> None:
    subprocess.run([BIN / "osslake", "world", lake / "world", *WORLD], check=True)
    (lake / "osslake.toml").write_text(SETTINGS, encoding="utf-8")
    (lake / "dagster").mkdir()
    (lake / "dagster/dagster.yaml").write_bytes((ROOT / "deploy/dagster/dagster.yaml").read_bytes())


@contextmanager
def _dagster(lake: Path) -> Iterator[None]:
    variables = os.environ | {"OSSLAKE_LAKE": str(lake), "DAGSTER_HOME": str(lake / "dagster")}
    with (lake / "dagster.log").open("wb") as log:
        process = subprocess.Popen([BIN / "dagster", "dev", "-p", str(PORT)], cwd=ROOT, env=variables, stdout=log, stderr=log)
        try:
            _until("Dagster is up", lambda: _ask(ASSETS)["assetNodes"], 120)
            yield
        finally:
            process.terminate()
            process.wait()


def _ask(query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{URL}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - an address of ours
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)["data"]


def _until(what: str, is_so: Callable[[], Any], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(1)
    sys.exit(f"{timeout_s:.0f} s, and not yet: {what}")


def _backfill() -> str:
    """Start a backfill of everything over all days, and wait for its end."""
    assets = [{"path": node["assetKey"]["path"]} for node in _ask(ASSETS)["assetNodes"]]
    asked = {"assetSelection": assets, "partitionNames": DAYS, "title": "January, the first three weeks"}
    started = _ask(BACKFILL, asked=asked)["launchPartitionBackfill"]
    if "backfillId" not in started:
        sys.exit(f"the backfill was refused: {started}")
    done = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}
    identifier = str(started["backfillId"])
    _until("the backfill has ended", lambda: _status(identifier) in done, 600)
    if (status := _status(identifier)) != "COMPLETED_SUCCESS":
        sys.exit(f"the backfill ended as {status}")
    return identifier


def _status(backfill: str) -> str:
    return str(_ask(STATUS, id=backfill)["partitionBackfillOrError"]["status"])


@contextmanager
def _browser(folder: Path) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"):
        options.add_argument(f"--{flag}")
    for flag in ("disable-component-update", "disable-sync", f"user-data-dir={folder / 'browser'}", "window-size=1800,1100"):
        options.add_argument(f"--{flag}")
    browser = Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        yield browser
    finally:
        browser.quit()


def _take(browser: Chrome, backfill: str) -> None:
    for name, size, path, text in (
        ("dagster-graph", (2300, 800), "/asset-groups", "publications"),
        ("dagster-lineage", (1500, 1700), "/assets/marts/events_v1?view=lineage&lineageScope=upstream&lineageDepth=4", "int_artifacts"),
        ("dagster-backfill", (1500, 900), f"/runs/b/{backfill}", "Succeeded"),
        ("dagster-release", (1500, 1000), "/assets/release?view=overview", "as_of_date"),
    ):
        browser.set_window_size(*size)
        browser.get(URL + path)
        _until(f"{path} shows {text!r}", lambda text=text: text in _text(browser), 60)
        for button in browser.find_elements(By.XPATH, "//*[text()='Hide navigation']"):
            button.click()
        browser.refresh()  # drawn to fit the room that there is now
        time.sleep(DRAWN_AFTER_S)
        _until(f"{path} has all that it fetches", lambda: "fetching" not in _text(browser), 60)
        if name == "dagster-lineage":
            browser.execute_script(SCROLL_DOWN)
        browser.save_screenshot(str(IMAGES / f"{name}.png"))


def _text(browser: Chrome) -> str:
    return str(browser.find_element(By.TAG_NAME, "body").text)


if __name__ == "__main__":
    main()
