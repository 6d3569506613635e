"""A pytest plugin (`-p scripts.no_skips`): where CI is set a skipped test fails the session, since nothing may be left unseen there."""

from __future__ import annotations

import os

import pytest


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("skipped", [])) if reporter and os.environ.get("CI") else []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a session that would pass into one that fails, if a test was skipped."""
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why the session failed."""
    count = len(_skipped(terminalreporter.config))
    if count:
        terminalreporter.write_line(f"{count} skipped, and CI is set: nothing may be skipped there", red=True)
