"""Who has which port of the host: reserve, serve, release; and the proxy process, started when first needed or found again.

Thread-safe. Ports are known by what this daemon did and what a surviving proxy says; the engine's records are not asked.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from dockerkit.daemon.networks.companion.process import connect, start
from dockerkit.daemon.networks.model import Published
from dockerkit.daemon.networks.ports import words
from dockerkit.daemon.networks.ports.reserving import Reservation, Wanted, rebind, reserve
from dockerkit.daemon.networks.ports.watching import watch
from dockerkit.errors import Conflict, Exhausted

log = logging.getLogger(__name__)
_PATIENCE = 5.0
"""Seconds a proxy may take to answer; it answers in less than one millisecond."""
_NOT_SOONER = 1.0
"""Seconds between two proxies: one that dies at once is not started in a circle."""
_EVERYWHERE = ("0.0.0.0", "::")

_Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class _Served:
    published: Published
    targets: tuple[str, ...]


class Ports:
    """The published ports of one data root.

    :param directory: ``ROOT/run``; the proxy's socket and its complaints (``ports.log``) are there.
    :param identity: of the data root; the process carries it in its name.
    """

    def __init__(self, directory: str, identity: str) -> None:
        self._directory, self._identity = directory, identity
        self._lock = threading.Lock()
        self._owners: dict[_Key, str] = {}  # container; empty while it is reserved only
        self._served: dict[str, list[_Served]] = {}
        self._proxy: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = -_NOT_SOONER
        self._closed = threading.Event()

    def reserve(self, wanted: Sequence[Wanted], endpoint: str = "") -> list[Reservation]:
        """Make ports ours, all or none; they stay so until :meth:`cancel`, or :meth:`serve` and :meth:`release`.

        :param endpoint: ``NAME (ENDPOINT ID)``, for Docker's words.
        :raises Conflict: one is taken, by a container of ours or by somebody else.
        :raises Exhausted: none of a range is free.
        """
        made: list[Reservation] = []
        with self._lock:
            try:
                for one in wanted:
                    bound = reserve(one, self._taken)
                    made += bound
                    self._owners.update({_key(reservation.published): "" for reservation in bound})
            except (Conflict, Exhausted) as error:
                self._give_back(made)
                raise type(error)(_programming(endpoint) + error.message) from error
        return made

    def cancel(self, reservations: Sequence[Reservation]) -> None:
        """Give back ports that were reserved and never served."""
        with self._lock:
            self._give_back(reservations)

    def serve(self, container: str, reservations: Sequence[Reservation], targets: Sequence[str]) -> None:
        """Have the proxy hold ports for a container and carry to it whatever comes to their sockets.

        Returns before the proxy has read it: the sockets listen already, nothing is refused meanwhile.

        :param targets: the container's addresses, the first of the port's own family is taken, else the first.
        :raises OSError: no proxy can be started; the reservations stay the caller's.
        """
        with self._lock:
            served = [_Served(one.published, tuple(targets)) for one in reservations]
            self._hold(container, served, reservations)
            self._served.setdefault(container, []).extend(served)
            self._owners.update({_key(one.published): container for one in reservations})
        for one in reservations:
            one.close()

    def release(self, container: str, published: Published | None = None) -> None:
        """Give back a container's ports, or one of them; connections through the proxy end. Nothing happens without."""
        with self._lock:
            had = self._served.get(container, [])
            gone = [one for one in had if published is None or one.published == published]
            if not gone:
                return
            self._served[container] = [one for one in had if one not in gone]
            if not self._served[container]:
                del self._served[container]
            for one in gone:
                self._owners.pop(_key(one.published), None)
            self._release(container, None if published is None else _key(published))

    def adopt(self) -> dict[str, list[Published]]:
        """Find the proxy of an earlier daemon; return what it holds, by container. Empty when there is none.

        :raises OSError: there is one, and it does not answer.
        """
        with self._lock:
            self._proxy = connect(words.KIND, self._directory)
            if self._proxy is None:
                return {}
            self._proxy.settimeout(_PATIENCE)
            watch(self._proxy, self._ended)
            words.send(self._proxy, {"verb": "list"})
            while (message := words.receive(self._proxy)[0]) and message["verb"] == "holds":
                self._know(message["container"], message["ports"])
            return {container: [one.published for one in served] for container, served in self._served.items()}

    def restore(self, container: str, published: Sequence[Published], targets: Sequence[str]) -> None:
        """Serve ports again that were served before and that no proxy holds now: the earlier daemon's has died, too."""
        with self._lock:
            held = {one.published for one in self._served.get(container, ())}
            for one in published:
                if one not in held:
                    served = _Served(one, tuple(targets))
                    self._served.setdefault(container, []).append(served)
                    self._owners[_key(one)] = container
                    self._hold_again(container, served)

    def warm(self) -> None:
        """Have a proxy running before the first port is published: its start is then nobody's wait.

        :raises OSError: it cannot be started.
        """
        with self._lock:
            self._connected()

    def close(self, stop: bool = False) -> None:
        """Let go of the proxy; it goes on while it holds a port. With `stop` it ends now, and its ports are free."""
        self._closed.set()
        with self._lock:
            if stop and self._proxy:
                with contextlib.suppress(OSError):  # it has ended already
                    words.send(self._proxy, {"verb": "stop"})
                    words.receive(self._proxy)
            if self._proxy:
                with contextlib.suppress(OSError):  # as above
                    self._proxy.shutdown(socket.SHUT_RDWR)  # who watches it has a descriptor, too
                self._proxy.close()
            if self._process and (stop or not self._served):
                self._process.wait(_PATIENCE)
            self._proxy, self._process = None, None

    def _taken(self, protocol: str, address: str, port: int) -> bool:
        """Whether a container has that port there, or everywhere, or anywhere when everywhere is asked for."""
        for taken_protocol, taken_address, taken_port in self._owners:
            same = (taken_protocol, taken_port, ":" in taken_address) == (protocol, port, ":" in address)
            if same and (taken_address == address or taken_address in _EVERYWHERE or address in _EVERYWHERE):
                return True
        return False

    def _give_back(self, reservations: Sequence[Reservation]) -> None:
        for one in reservations:
            one.close()
            self._owners.pop(_key(one.published), None)

    def _know(self, container: str, ports: list[words.Message]) -> None:
        for port in ports:
            targets = tuple(port.pop("targets"))
            port.pop("held", None)
            published = Published(**port)
            self._served.setdefault(container, []).append(_Served(published, targets))
            self._owners[_key(published)] = container

    def _connected(self) -> socket.socket:
        if self._proxy is None:
            self._proxy, self._process = start(words.KIND, self._directory, self._identity)
            self._started = time.monotonic()
            self._proxy.settimeout(_PATIENCE)
            watch(self._proxy, self._ended)
        return self._proxy

    def _hold(self, container: str, served: Sequence[_Served], reservations: Sequence[Reservation]) -> None:
        for at in range(0, len(served), words.MOST_PORTS):
            part = list(zip(served, reservations, strict=True))[at : at + words.MOST_PORTS]
            ports = [{**asdict(one.published), "targets": _chosen(one), "held": held.fd >= 0} for one, held in part]
            message = {"verb": "hold", "container": container, "ports": ports}
            self._tell(message, [held.fd for _, held in part if held.fd >= 0])

    def _tell(self, message: words.Message, fds: Sequence[int] = ()) -> None:
        try:
            words.send(self._connected(), message, fds)
        except (BrokenPipeError, ConnectionResetError):
            self._revive()
            words.send(self._connected(), message, fds)

    def _release(self, container: str, port: _Key | None) -> None:
        """Have the proxy close sockets, and return when it has: then the ports are free."""
        answer: words.Message | None = None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            words.send(self._connected(), {"verb": "release", "container": container, "port": port})
            answer, _ = words.receive(self._connected())
        if answer is None:  # it has died: these ports are free, the others are bound again
            self._revive()

    def _revive(self) -> None:
        """Somebody killed the proxy: start another, with every port of which nobody took possession meanwhile."""
        if self._proxy:
            self._proxy.close()
        if self._process:
            self._process.wait(_PATIENCE)
        self._proxy, self._process = None, None
        for container, served in self._served.items():
            for one in served:
                self._hold_again(container, one)

    def _hold_again(self, container: str, served: _Served) -> None:
        with contextlib.suppress(OSError):  # taken meanwhile: rules still lead there
            again = rebind(served.published)
            self._hold(container, [served], [again])
            again.close()

    def _ended(self, proxy: socket.socket) -> None:
        """Replace a proxy that died while it held ports; on the thread that watched it."""
        if self._closed.wait(max(0.0, self._started + _NOT_SOONER - time.monotonic())):
            return
        with self._lock:
            if self._proxy is proxy and self._served:
                log.warning("the proxy of published ports has died: another takes its place")
                self._revive()


def _key(published: Published) -> _Key:
    return published.protocol, published.host_address, published.host_port


def _chosen(one: _Served) -> list[str]:
    """Return the address to carry to: of the port's own family when there is one."""
    version = 6 if ":" in one.published.host_address else 4
    return sorted(one.targets, key=lambda address: ip_address(address).version != version)[:1]


def _programming(endpoint: str) -> str:
    return f"driver failed programming external connectivity on endpoint {endpoint}: " if endpoint else ""
