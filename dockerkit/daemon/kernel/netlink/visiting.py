"""Threads that go into a network namespace, do one thing there and come home. Never makes a namespace, never keeps one.

A socket or a ``/proc/sys/net`` directory opened during the visit goes on belonging to that namespace in whichever thread it is
used, so one visit is enough for a long acquaintance. The daemon's other threads never leave their namespace.
Source: setns(2), namespaces(7).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from dockerkit.daemon.kernel import namespaces

_NETWORK = namespaces.FLAGS["network"]
Result = TypeVar("Result")


class Visitor:
    """One or more threads whose home is a network namespace.

    :param home: a descriptor of it, copied; None = the one this process is in.
    :param threads: how many visits can be under way at once; threads start when first needed.
    :raises OSError: no descriptor.
    """

    def __init__(self, home: int | None = None, *, threads: int = 1) -> None:
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC) if home is None else os.dup(home)
        self._pool = ThreadPoolExecutor(
            threads, "network-visitor", initializer=namespaces.enter, initargs=(self.home, _NETWORK)
        )

    def start(self, work: Callable[[], Result]) -> Future[Result]:
        """Have `work` done at home by one of the threads, and do not wait."""
        return self._pool.submit(work)

    def at_home(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns at home."""
        return self.start(work).result()

    def at(self, namespace: int, work: Callable[[], Result]) -> Result:
        """Return what `work` returns in `namespace`.

        :raises OSError: `namespace` is no descriptor of a network namespace; or what `work` raised.
        """

        def visit() -> Result:
            namespaces.enter(namespace, _NETWORK)
            return work()

        return self.leaving(visit).result()

    def leaving(self, work: Callable[[], Result]) -> Future[Result]:
        """Have `work`, which leaves for another namespace itself, done; the thread comes home after it, whatever happened."""

        def there_and_back() -> Result:
            try:
                return work()
            finally:
                namespaces.enter(self.home, _NETWORK)

        return self.start(there_and_back)

    def close(self) -> None:
        """Wait for what is under way and end the threads."""
        self._pool.shutdown()
        os.close(self.home)
