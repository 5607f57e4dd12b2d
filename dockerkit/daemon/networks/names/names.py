"""What the engine tells the name server, kept here too: when that process dies another is told everything again. Thread-safe.

The daemon has copies of every container's sockets, so that questions wait in them while nobody answers.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dockerkit.daemon.kernel.netlink import Visitor
from dockerkit.daemon.networks.names import words
from dockerkit.daemon.networks.names.attendance import Attendance
from dockerkit.daemon.networks.names.resolver import Resolver
from dockerkit.daemon.networks.names.sockets import bind

_LONGEST_NAME = 255


@dataclass(slots=True)
class _Served:
    """A container that is answered: its namespace's inode, its sockets, its settings (None: adopted, not told yet)."""

    namespace: int
    sockets: tuple[socket.socket, ...]
    resolver: Resolver | None = None

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@dataclass(frozen=True, slots=True)
class _Published:
    names: tuple[str, ...]
    addresses: tuple[str, ...]


class Names:
    """The names of one data root's containers.

    :param directory: ``ROOT/run``; the server's socket and its complaints (``names.log``) are there.
    :param identity: of the data root; the process and the rules carry it in their names.
    """

    def __init__(self, directory: str, identity: str) -> None:
        self._identity = identity
        self._lock = threading.RLock()
        self._visitor = Visitor()
        self._served: dict[str, _Served] = {}
        self._published: dict[tuple[str, str], _Published] = {}
        self._attendance = Attendance(
            (directory, identity), self._lock, say_everything=self._say_everything, needed=lambda: bool(self._served)
        )

    def serve(self, container: str, namespace: int, resolver: Resolver) -> None:
        """Answer a container's questions at 127.0.0.11, or answer them by other settings from now on.

        Returns before the server has read it: the sockets are there already, what is asked meanwhile waits in them.

        :param namespace: a descriptor of its network namespace; not kept.
        :raises OSError: no socket there, or no server can be started.
        """
        inode = os.fstat(namespace).st_ino
        with self._lock:
            served = self._served.get(container)
            if served is not None and served.namespace == inode:
                served.resolver = resolver
                self._attendance.tell({"verb": "change", "container": container, "resolver": _plain(resolver)})
                return
        sockets = self._visitor.at(namespace, partial(bind, f"dockerkit-{self._identity}-names"))
        with self._lock:
            if served is not None:
                served.close()
            self._served[container] = _Served(inode, sockets, resolver)
            self._hold(container)

    def forget(self, container: str) -> None:
        """Answer a container no more; its namespace is free to die. Nothing happens when it is not answered."""
        with self._lock:
            served = self._served.pop(container, None)
            if served is not None:
                served.close()
                self._attendance.tell({"verb": "forget", "container": container})

    def publish(self, network: str, container: str, names: Sequence[str], addresses: Sequence[str]) -> None:
        """Have the containers of a network find one of them by these names, and by no others; several of one name take turns.

        :param names: the first is its own: what its addresses are called.
        :raises OSError: no server can be started.
        """
        with self._lock:
            told = tuple(name for name in names if name and len(name) <= _LONGEST_NAME)
            self._published[network, container] = _Published(told, tuple(addresses))
            self._publish(network, container)

    def withdraw(self, network: str, container: str) -> None:
        """Have a container found on a network no more; nothing happens when it is not."""
        with self._lock:
            if self._published.pop((network, container), None) is not None:
                self._attendance.tell({"verb": "withdraw", "network": network, "container": container})

    def adopt(self) -> list[str]:
        """Find the server of an earlier daemon; return which containers it answers. Then say everything, and :meth:`settle`.

        :raises OSError: there is one, and it does not answer.
        """
        with self._lock:
            for message, fds in self._attendance.adopt():
                sockets = tuple(socket.socket(fileno=fd) for fd in fds)
                self._served[message["container"]] = _Served(message["namespace"], sockets)
            return list(self._served)

    def settle(self) -> None:
        """Everything has been said: what an earlier daemon said and this one did not is forgotten."""
        with self._lock:
            for container in [one for one, served in self._served.items() if served.resolver is None]:
                self._served.pop(container).close()
            if self._attendance.there:
                self._attendance.tell({"verb": "settle"})

    def warm(self) -> None:
        """Have a server running before the first container needs one.

        :raises OSError: it cannot be started.
        """
        with self._lock:
            self._attendance.start()

    def close(self, stop: bool = False) -> None:
        """Let go of the server; it goes on while it answers anybody. With `stop` it ends now."""
        self._attendance.close(stop=stop, idle=not self._served)
        for served in self._served.values():
            served.close()
        self._served.clear()
        self._published.clear()
        self._visitor.close()

    # what is said

    def _say_everything(self) -> None:
        for container in [one for one, served in self._served.items() if served.resolver is None]:
            self._served.pop(container).close()  # the server that knew how has died: sockets are made anew
        for container in self._served:
            self._hold(container)
        for network, container in self._published:
            self._publish(network, container)

    def _hold(self, container: str) -> None:
        served = self._served[container]
        if served.resolver is not None:
            message = {"verb": "hold", "container": container, "namespace": served.namespace}
            fds = [one.fileno() for one in served.sockets]
            self._attendance.tell({**message, "resolver": _plain(served.resolver)}, fds)

    def _publish(self, network: str, container: str) -> None:
        published = self._published[network, container]
        for at in range(0, max(1, len(published.names)), words.MOST_NAMES):
            part = published.names[at : at + words.MOST_NAMES]
            message = {"verb": "publish", "network": network, "container": container, "names": part, "more": at > 0}
            self._attendance.tell({**message, "addresses": published.addresses})


def _plain(resolver: Resolver) -> dict[str, object]:
    return {**resolver._asdict(), "networks": dict(resolver.networks), "links": dict(resolver.links)}
