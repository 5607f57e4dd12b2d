"""The lab of these tests: see ``netlab``. Pytest stays out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from netlab import IDENTITY, Lab, new_namespace

from dockerkit.daemon.networks.links import Links


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of one's own."""
    namespace = new_namespace()
    lab = Lab(namespace, Links(IDENTITY, namespace))
    try:
        yield lab
    finally:
        lab.close()
