"""What a real dockerd does may be seen at the third look; what ours does must be seen at the first.

A parity test runs on dockerd to prove that its expectation is Docker's behaviour and not our wish. dockerd 20.10 has races of
its own: an event told twice or too late, a follower's last lines lost. One run in which the expectation holds proves what that
run is there to prove, so a test that fails on the reference is run again, with fresh fixtures, and every test that needed it is
named in the summary. What judges ours is never run again.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

ATTEMPTS = 3
NEEDED = "dockerd needed another attempt"


def on_reference(item: pytest.Item) -> bool:
    """Whether this run of a test judges the reference and nobody else."""
    chosen = getattr(item, "callspec", None)
    return chosen is not None and "reference" in (chosen.params.get("engine"), chosen.params.get("engine_url"))


def why(report: pytest.TestReport) -> str:
    """Return the first line of what went wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    said = crash.message if crash else report.longreprtext
    return next(iter(said.strip().splitlines()), "")


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test on the reference until it passes, at most thrice; the last run is the one that is reported."""
    if not on_reference(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(ATTEMPTS)):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = [report for report in reports if report.failed]
        if not failed or not left:
            break
        item.user_properties.append((NEEDED, why(failed[0])))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that dockerd did not pass at once, and what it did instead."""
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "user_properties")]
    needed = {(report.nodeid, said) for report in reports for name, said in report.user_properties if name == NEEDED}
    for nodeid, said in sorted(needed):
        terminalreporter.write_line(f"{NEEDED}: {nodeid}: {said}")
