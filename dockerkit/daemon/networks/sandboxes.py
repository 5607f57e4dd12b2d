"""Network namespaces to put containers in: some kept warm, those of running containers entered.

A sandbox holds what is needed to configure its namespace from any thread: the namespace, a netlink channel opened in it and its
directory of IPv6 settings. Three descriptors, which also keep the namespace alive: close it once the container runs, or once it
did not start. Never connects anything.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections import deque
from concurrent.futures import Future

from dockerkit.daemon.kernel import namespaces
from dockerkit.daemon.kernel.netlink import Channel, Visitor, interfaces
from dockerkit.errors import Unsupported

WARM = 2
_NETWORK = namespaces.FLAGS["network"]
_LOOPBACK = 1
_SETTINGS = "/proc/sys/net/ipv6/conf"
_NONE = -1


class Sandbox:
    """One network namespace, ready to be configured. Made in the thread that is in it.

    :raises OSError: no descriptor or socket.
    """

    def __init__(self) -> None:
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        """The namespace."""
        self.channel = Channel()
        self.lock = threading.RLock()
        """Held by whoever adds or takes an interface."""
        self._settings = _NONE
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            self._settings = os.open(_SETTINGS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._closed = False

    @property
    def path(self) -> str:
        """Where the runtime finds the namespace, as long as the sandbox is open: ``/proc/PID/fd/N`` of this process."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def links(self) -> list[interfaces.Interface]:
        """Return every interface inside."""
        return [interfaces.read(answer) for answer in self.channel.dump(interfaces.every())]

    def index(self, name: str) -> int:
        """Return the index of the interface `name` inside.

        :raises OSError: ENODEV, there is none.
        """
        answer = self.channel.fetch(interfaces.find(name))
        if answer is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name)
        return interfaces.read(answer).index

    def set_ipv6(self, interface: str, name: str, value: int) -> None:
        """Write one setting of an interface inside, such as ``disable_ipv6``; on a kernel without IPv6 nothing happens.

        :raises OSError: no such interface or setting.
        """
        if self._settings != _NONE:
            setting = os.open(f"{interface}/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._settings)
            try:
                os.write(setting, b"%d" % value)
            finally:
                os.close(setting)

    def need_ipv6(self) -> None:
        """Go on where the kernel has IPv6.

        :raises Unsupported: it has none.
        """
        if self._settings == _NONE:
            raise Unsupported("IPv6 networks are not offered here: this kernel has no IPv6", hint="look for ipv6.disable=1")

    def close(self) -> None:
        """Let go: the namespace lives on only while a process is in it, and takes its interfaces along when it dies."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            self.channel.close()
            for descriptor in (self.fd, self._settings):
                if descriptor != _NONE:
                    os.close(descriptor)


class Sandboxes:
    """Makes and enters sandboxes, and keeps :data:`WARM` ones ready once the first was used. Thread-safe.

    :param visitor: the thread that goes into the namespaces.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._warm: deque[Future[Sandbox]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Have the next ones made, as many as are missing; does not wait."""
        with self._lock:
            while len(self._warm) < WARM and not self._closed:
                self._warm.append(self._visitor.leaving(self._fresh))

    def take(self) -> Sandbox:
        """Return a fresh namespace with ``lo`` up, at once when one is warm (else 0.6 ms).

        The next are made when :meth:`warm` is called, or when none is left: making them now would take the processor and the
        kernel's network lock from the very start this one is for.

        :raises OSError: ENOSPC (too many namespaces), EMFILE.
        """
        with self._lock:
            ready = self._warm.popleft() if self._warm else None
        try:
            if ready:
                with contextlib.suppress(OSError):  # there was no room at that time; there may be now
                    return ready.result()
            return self._visitor.leaving(self._fresh).result()
        finally:
            if not self._warm:
                self.warm()

    def enter(self, pid: int) -> Sandbox:
        """Return the namespace of the process `pid`.

        :raises ProcessLookupError: it has gone.
        :raises OSError: EMFILE.
        """
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as gone:
            raise ProcessLookupError(gone.errno, "no such process", str(pid)) from gone
        try:
            return self._visitor.at(namespace, Sandbox)
        finally:
            os.close(namespace)

    def close(self) -> None:
        """Give back the warm ones."""
        with self._lock:
            self._closed = True
            waiting, self._warm = list(self._warm), deque()
        for made in waiting:
            with contextlib.suppress(OSError):  # it was never made
                made.result().close()

    def _fresh(self) -> Sandbox:
        """Leave for a new namespace and make it a container's: ``lo`` up with ::1, IPv6 off on what comes later."""
        namespaces.unshare(_NETWORK)
        sandbox = Sandbox()
        try:
            sandbox.channel.ask([interfaces.change("lo", index=_LOOPBACK, up=True)])
            sandbox.set_ipv6("default", "disable_ipv6", 1)
        except OSError:
            sandbox.close()
            raise
        return sandbox
