"""What a failing test's report says about its containers, and at the end how to enter those that were kept.

Both are sections of the report, so they travel from xdist's workers, into JUnit files, and wherever else reports go.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_dockerkit.options import LEDGER

CONTAINERS = "containers"
KEPT = "containers kept"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what is known of the containers that a failing test used."""
    report = yield
    if report.failed:
        ledger = item.config.stash[LEDGER]
        fixtures, owners = set(getattr(item, "fixturenames", ())), item.listchain()
        if known := ledger.dossiers(fixtures, owners):
            report.sections.append((CONTAINERS, known))
        if ledger.keep and (entrances := ledger.keep_for(fixtures, owners)):
            report.sections.append((KEPT, entrances))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how to enter what was kept, once for each container."""
    reports = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
    kept = dict.fromkeys(text for report in reports for title, text in getattr(report, "sections", ()) if title == KEPT)
    if kept:
        terminalreporter.section(KEPT)
        for text in kept:
            terminalreporter.write_line(text)
