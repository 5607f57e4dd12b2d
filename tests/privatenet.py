"""A network of its own for everything a data root's daemons do: no bridge, rule or port of a test is ever the machine's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from dockerkit.daemon.kernel import loopback, namespaces

T = TypeVar("T")
_NETWORK = namespaces.FLAGS["network"]


class PrivateNetwork:
    """A network namespace with its loopback up, which lasts until it is closed."""

    def __init__(self) -> None:
        self.fd = on_thread(_fresh)

    def inside(self, act: Callable[[], T]) -> T:
        """Return what `act` returns on a thread that is inside; sockets and processes it makes belong there for good."""

        def visit() -> T:
            namespaces.enter(self.fd, _NETWORK)
            return act()

        return on_thread(visit)

    def close(self) -> None:
        """Let go; the namespace goes with the last process in it."""
        os.close(self.fd)


NETWORKS: dict[str, PrivateNetwork] = {}
"""By data root: a daemon that follows another on a root finds its bridges and containers where they were."""


def network_of(root: str) -> PrivateNetwork:
    """Return the private network of a data root, made when it is asked for first."""
    return NETWORKS.get(root) or NETWORKS.setdefault(root, PrivateNetwork())


def forget(root: str) -> None:
    """Close the private network of a data root; harmless when it has none."""
    if found := NETWORKS.pop(root, None):
        found.close()


def _fresh() -> int:
    namespaces.unshare(_NETWORK)
    loopback.bring_up()
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def on_thread(act: Callable[[], T]) -> T:
    """Return what `act` returns on a thread that ends with it, so that nobody else is ever where it went."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(act())
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=run, name="private network")
    thread.start()
    thread.join()
    return done.result()
