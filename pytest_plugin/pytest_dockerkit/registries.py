"""The fixture ``dk_registry``: an empty registry of one's own, gone when the test ends. Needs no engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import dockerkit
from dockerkit.client.registry import Registry
from dockerkit.errors import DockerkitError


@pytest.fixture
def dk_registry() -> Iterator[Registry]:
    """An empty registry on loopback, ``dk_registry.address``; it goes with what was pushed to it when the test ends."""
    __tracebackhide__ = True
    try:
        made = dockerkit.registry()
    except DockerkitError as error:
        raise error.with_traceback(None) from None
    with made:
        yield made
