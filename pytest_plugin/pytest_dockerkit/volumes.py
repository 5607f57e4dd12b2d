"""The fixture ``dk_volume``: volumes that go when the test ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from dockerkit.client.client import Client
from dockerkit.client.volume import Volume
from dockerkit.errors import DockerkitError


class VolumeFactory:
    """What ``dk_volume`` is: call it for a volume that goes when the test ends."""

    def __init__(self, client: Client, stack: ExitStack) -> None:
        self._client = client
        self._stack = stack

    def __call__(
        self,
        name: str | None = None,
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        clone: Volume | None = None,
    ) -> Volume:
        """Return a new volume; arguments as of ``dockerkit.volumes.create``.

        :param clone: begin with what this volume has, at once: for a database that was prepared once for all tests.
        """
        __tracebackhide__ = True
        try:
            if clone is not None:
                made = clone.clone(name, labels=labels)
            else:
                made = self._client.volumes.create(name, driver=driver, labels=labels, options=options)
        except DockerkitError as error:
            raise error.with_traceback(None) from None
        return self._stack.enter_context(made)


@pytest.fixture
def dk_volume(dk_client: Client) -> Iterator[VolumeFactory]:
    """Make volumes: dk_volume(name, ...); they are removed when the test ends."""
    with ExitStack() as stack:
        yield VolumeFactory(dk_client, stack)
