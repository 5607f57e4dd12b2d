"""Trials that do: each says what it saw, or raises. All but :func:`control_groups` change their process: run them ``apart``.

Importable on Linux only, as ``daemon.kernel`` is.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import stat
from collections.abc import Callable

from dockerkit.daemon.kernel import loopback as lo
from dockerkit.daemon.kernel import mounts, namespaces, processes
from dockerkit.daemon.kernel.capabilities import DEFAULT
from dockerkit.daemon.kernel.cgroups import detect
from dockerkit.daemon.kernel.seccomp.compiler import compile_profile
from dockerkit.daemon.kernel.seccomp.loading import load
from dockerkit.daemon.kernel.seccomp.resolution import default_profile
from dockerkit.daemon.probe.finding import Missing

NAMESPACES = ("mount", "pid", "uts", "ipc", "network", "cgroup")
_FILES = {"mount": "mnt", "network": "net"}
"""Names in /proc/PID/ns that differ from the OCI's."""
_WISHED = ("memory.limit", "memory.swap", "pids", "cpu.quota", "cpu.shares", "cpuset", "devices", "freezer")


def namespace(kind: str) -> Callable[[], str]:
    """Return a trial that enters a new namespace of this kind and looks whether it is another one."""

    def enter() -> str:
        name = f"/proc/self/ns/{_FILES.get(kind, kind)}"
        before = os.readlink(name)
        namespaces.unshare(namespaces.FLAGS[kind])
        if kind == "pid":
            _first_process()  # the namespace exists only once a child does
        elif os.readlink(name) == before:
            raise Missing("the kernel took the call and made none")
        return "made"

    return enter


def births() -> str:
    """clone3(2) with a pidfd, and waiting on it."""
    pid, pidfd = namespaces.clone3(namespaces.FLAGS["pid"])
    if pid == 0:
        os._exit(7 if os.getpid() == 1 else 1)
    ended = processes.reap(pidfd)
    if ended.exit_code != 7:
        raise Missing(f"the child ended with code {ended.exit_code}")
    return "clone3, pidfd"


def overlay(directory: str) -> Callable[[], str]:
    """Return a trial that mounts an overlay in `directory` with the newer mount calls, writes through it and looks below."""

    def mount() -> str:
        _private_mounts()
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(os.path.join(directory, name))
        options = [(f"{name}dir", os.path.join(directory, name)) for name in ("lower", "upper", "work")]
        made = mounts.new("overlay", options)
        target = os.open(os.path.join(directory, "merged"), os.O_PATH | os.O_DIRECTORY)
        mounts.attach(made, target, about="merged")
        with open(os.path.join(directory, "merged", "file"), "w", encoding="ascii") as file:
            file.write("x")
        if not os.path.exists(os.path.join(directory, "upper", "file")):
            raise Missing("what was written did not arrive in the upper layer")
        return "mounted and written"

    return mount


def directory(path: str) -> Callable[[], str]:
    """Return a trial that makes a directory a mount of its own, as it takes where a container's root is a copy."""

    def mount() -> str:
        _private_mounts()
        os.close(mounts.clone(path))
        return "each container has a copy of its image's files, which is slower and takes more room"

    return mount


def devices(directory: str) -> Callable[[], str]:
    """Return a trial that makes a device node and uses it, on a file system of its own as in a container."""

    def make() -> str:
        _private_mounts()
        place = os.path.join(directory, "dev")
        os.mkdir(place)
        target = os.open(place, os.O_PATH | os.O_DIRECTORY)
        mounts.attach(mounts.new("tmpfs", [("size", "64k")]), target, about=place)
        node = os.path.join(place, "null")
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        with open(node, "wb") as null:
            null.write(b"x")
        return "made and used"

    return make


def control_groups() -> str:
    """Groups with limits, in every hierarchy; says which version is used, why, and which limits cannot be kept."""
    groups = detect(f"dockerkit-probe{os.getpid()}")
    try:
        groups.prepare()
        kept = groups.features()
        limits = {"memory.limit": ("memory", 64 << 20), "pids": ("pids", 8)}
        resources = {name: {"limit": limit} for feature, (name, limit) in limits.items() if feature in kept}
        groups.create(f"{groups.parent}/confined/trial", resources).remove()
        lacking = [name for name in _WISHED if name not in kept]
    finally:
        groups.discard()
    return groups.reason + (f"; limits that cannot be kept: {', '.join(lacking)}" if lacking else "")


def filters() -> str:
    """A seccomp filter with Docker's rules: loaded, and refusing what it should."""
    load(compile_profile(default_profile(DEFAULT, (6, 1)), platform.machine()))
    try:
        namespaces.unshare(namespaces.FLAGS["uts"])
    except OSError as error:
        if error.errno == errno.EPERM:
            return "Docker's rules loaded and enforced"
        raise
    raise Missing("the filter was loaded, but refuses nothing")


def loopback() -> str:
    """An interface set up over netlink in a new network namespace, and a connection over it."""
    namespaces.unshare(namespaces.FLAGS["network"])
    lo.bring_up()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        return "lo is up and answers"


def local_socket(path: str) -> Callable[[], str]:
    """Return a trial that listens on a unix socket at `path` and connects to it."""

    def listen() -> str:
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(path)
            server.listen()
            client.connect(path)
        return "listens and answers"

    return listen


def _private_mounts() -> None:

    namespaces.unshare(namespaces.FLAGS["mount"])
    mounts.set_propagation("/", mounts.PRIVATE)


def _first_process() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if os.getpid() == 1 else 1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise Missing("the kernel took the call and made none")
