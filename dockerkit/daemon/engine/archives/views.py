"""A container's root as a descriptor: the running one's own, or that of a stopped one put together for the moment.

Running: ``/proc/PID/root``, opened once while a pidfd pins the process, so binds and tmpfs are seen as the program sees them.
Stopped: layers and binds are mounted in a mount namespace that has no process and no name, only a descriptor; with the
descriptor it goes, whatever happens to the daemon. For reading, the container's own layer is stacked as one more read-only
layer: nothing is locked, and the container may start meanwhile. For writing it is mounted as at a start; the caller holds the
container's lock as long as that view lives, since an upper directory may be mounted once only.

Never resolves a path of the container but beneath its root, and keeps no view open by itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.roots import rootfs
from dockerkit.daemon.images.snapshots import Snapshot
from dockerkit.daemon.kernel import beneath, mounts, namespaces
from dockerkit.daemon.runtime.keeper.roots import make_root, whole
from dockerkit.daemon.runtime.spec import BindMount
from dockerkit.errors import Conflict

T = TypeVar("T")
_FILES = {"hosts": "/etc/hosts", "hostname": "/etc/hostname", "resolv.conf": "/etc/resolv.conf"}
_KERNELS_OWN = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "devtmpfs", "debugfs", "tracefs", "securityfs"}
_KERNELS_OWN |= {"bpf", "pstore", "configfs", "fusectl", "binfmt_misc", "efivarfs", "selinuxfs", "nsfs", "rpc_pipefs"}
"""File systems whose files are not data: sizes lie, reading acts."""
_GONE = (errno.ENOENT, errno.ESRCH, errno.EINVAL)
"""What the kernel answers about a process that is ending; EINVAL: its mount namespace has gone before it."""
_TOO_OLD = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(slots=True)
class View:
    """A container's root.

    :param root: descriptor of the root directory (``O_PATH``).
    :param hidden: devices (``st_dev``) of the kernel's own file systems and of ``/dev``, which Docker never copies.
    :param held: descriptors that keep it alive.
    :param missing: some bind has no mount point yet.
    """

    root: int
    hidden: frozenset[int] = frozenset()
    held: list[int] = field(default_factory=list)
    missing: bool = False

    def close(self) -> None:
        """Let go of it; the mounts made for it are gone at once."""
        descriptors, self.root, self.held = [self.root, *self.held], -1, []
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> View:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        self.close()


def to_read(core: Core, entry: Entry) -> View:
    """Return a view for reading: the running container's own, else its layers and binds, read-only.

    :raises OSError: a layer is not there, or the kernel refused.
    """
    record = entry.record
    if record.alive:
        with contextlib.suppress(ProcessLookupError):  # it has ended: its files are there still
            return running(record)
    with _binds(core, record) as binds:
        view = _stopped(core, record, binds)
        if view.missing and _prepare(core, entry):
            view.close()
            view = _stopped(core, record, binds)
        return view


def to_write(core: Core, record: Record) -> View:
    """Return a view for writing. The caller holds the container's lock while it lives, unless the container runs.

    :raises Conflict: the container is just ending.
    :raises OSError: a layer is not there, or the kernel refused.
    """
    if record.alive:
        try:
            return running(record)
        except ProcessLookupError:
            raise Conflict(f"container {record.id} is just ending", hint="try again") from None
    directory, layers = core.directory(record.id), rootfs(core, record, volatile=record.owned)
    with _binds(core, record) as binds:
        made = Mounting(lambda _: make_root(layers, directory), tuple(binds), write=True)
        return _privately(lambda: _build(made, directory, read_only=record.host_config.readonly_rootfs))


def of_snapshot(snapshot: Snapshot, place: str) -> View:
    """Return a read-only view of a snapshot that nobody has written to yet: its image's own files.

    :param place: a directory of the host on which it is mounted where only this view sees it.
    """
    made = Mounting(lambda at: _stacked(snapshot.lower or (snapshot.upper,), at), (), write=False)
    return _privately(lambda: _build(made, place))


def layers_only(core: Core, record: Record) -> View:
    """Return a read-only view of a container's layers, nothing mounted on them, whether it runs or not."""
    return _stopped(core, record, [])


def _stopped(core: Core, record: Record, binds: Sequence[BindMount]) -> View:
    layers = rootfs(core, record, volatile=record.owned)
    made = Mounting(lambda place: _stacked((layers.upper, *layers.lower), place), tuple(binds), write=False)
    return _privately(lambda: _build(made, core.directory(record.id)))


def _prepare(core: Core, entry: Entry) -> bool:
    """Make the mount points of a container that never ran, as its start will; whether it could be done."""
    with entry.lock:
        if entry.record.alive or entry.removal is not None:
            return False
        to_write(core, entry.record).close()
        return True


def running(record: Record) -> View:
    """Return the view of a running container.

    :raises ProcessLookupError: it has ended.
    """
    pid = record.state.pid
    with contextlib.ExitStack() as opened:
        pidfd = os.pidfd_open(pid)
        opened.callback(os.close, pidfd)
        view = View(-1)
        try:
            view.root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            # the mounts would go with the last process, and what they cover would be seen instead
            view.held.append(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
            # a number may have become another's before the pidfd was opened, but nobody else is in this container's group
            ours = record.id in _read(f"/proc/{pid}/cgroup")
            view.hidden = _hidden(_read(f"/proc/{pid}/mountinfo"))
        except OSError as error:
            view.close()
            if error.errno not in _GONE:
                raise
            ours = False
        if not ours or _has_ended(pidfd):
            view.close()
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return view


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _hidden(mountinfo: str) -> frozenset[int]:
    """Return the devices to be left out, from the text of a ``mountinfo`` (proc_pid_mountinfo(5))."""
    found = set()
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        device, point = fields.split()[2], fields.split()[4]
        kind = rest.split()[0]
        if kind in _KERNELS_OWN or (point, kind) == ("/dev", "tmpfs"):
            major, _, minor = device.partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


# a stopped container


@contextlib.contextmanager
def _binds(core: Core, record: Record) -> Iterator[list[BindMount]]:
    """Give what is bound into a stopped container; its volumes are mounted as long as the view is being made."""
    directory = core.directory(record.id)
    own = [BindMount(source=f"{directory}/{name}", target=target) for name, target in _FILES.items()]
    held = core.holding.borrow(record, f"view-{secrets.token_hex(8)}")
    try:
        yield [bind for bind in (*own, *held.binds) if os.path.lexists(bind.source)]
    finally:
        core.holding.release(held)


def _stacked(layers: Sequence[str], place: str) -> int:
    """Return the descriptor of a read-only overlay of directories, the topmost first; of the directory, when it is one."""
    opened: list[int] = []
    try:
        for path in layers:
            opened.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        names = [f"/proc/self/fd/{layer}" for layer in opened]
        if len(names) == 1:  # there is nothing to stack: overlay refuses that, or may be refused altogether
            return whole(names[0], attributes=mounts.READ_ONLY)
        try:
            choices: list[mounts.Option] = [("lowerdir+", name) for name in names]
            return mounts.new("overlay", [*choices, ("index", "off")], attributes=mounts.READ_ONLY)
        except OSError as error:
            if error.errno not in _TOO_OLD:
                raise
        # before Linux 6.8; `place` is seen in this namespace only
        mounts.mount("overlay", place, "overlay", 1, f"lowerdir={':'.join(names)},index=off")
        return mounts.clone(place)
    finally:
        for layer in opened:
            os.close(layer)


@dataclass(frozen=True, slots=True)
class Mounting:
    """What is to be mounted: a root (made when its place is given), and binds on it."""

    root: Callable[[str], int]
    binds: tuple[BindMount, ...]
    write: bool


def _build(made: Mounting, place: str, *, read_only: bool = False) -> View:
    """Mount a root and its binds on `place`, in the calling thread's own mount namespace."""
    with contextlib.ExitStack() as opened:
        # before the namespace is left: some of the sources are descriptors of mounts in it; a copy is seen nowhere
        sources = []
        for bind in made.binds:
            sources.append((_bind(bind, write=made.write), bind))
            opened.callback(os.close, sources[-1][0])
        namespaces.unshare(namespaces.FLAGS["mount"])
        # before anything is mounted: it must not appear on the host
        mounts.set_propagation("/", mounts.PRIVATE)
        view = View(made.root(place))
        try:
            with _opened(place) as target:
                mounts.attach(view.root, target, about=place)
            for source, bind in sources:
                view.missing |= not _attach(source, view.root, bind.target, write=made.write)
            if read_only:
                mounts.set_attributes(view.root, mounts.READ_ONLY)
            view.held.append(os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
        except BaseException:
            view.close()
            raise
    return view


@contextlib.contextmanager
def _opened(place: str) -> Iterator[int]:
    descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _bind(bind: BindMount, *, write: bool) -> int:
    """Return a copy of the mount at a bind's source, cut off from the host's."""
    source = mounts.clone(bind.source, recursive=bind.recursive)
    try:
        mounts.set_attributes(source, propagation=mounts.PRIVATE, recursive=True)
        if bind.read_only or not write:
            mounts.set_attributes(source, mounts.READ_ONLY, recursive=True)
    except BaseException:
        os.close(source)
        raise
    return source


def _attach(source: int, root: int, path: str, *, write: bool) -> bool:
    """Put a bind in its place beneath a root; for reading, return False when it has none."""
    make = beneath.make_directory if beneath.is_directory(source) else beneath.make_file
    try:
        target = make(root, path) if write else beneath.open_in(root, path)
    except (FileNotFoundError, NotADirectoryError):
        if write:
            raise
        return False
    try:
        mounts.attach(source, target, about=path)
    finally:
        os.close(target)
    return True


def _privately(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a thread of its own: one that has left the mount namespace cannot be used again."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, name="view", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
