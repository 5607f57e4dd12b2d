"""Projects that know of no engine: what works without one has to work here."""

from __future__ import annotations

import pytest

from tests.unit.plugin.suites import Suite


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A project whose engine does not exist."""
    return Suite(pytester, monkeypatch)
