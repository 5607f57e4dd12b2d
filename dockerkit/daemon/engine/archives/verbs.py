"""The three verbs of ``docker cp``: describe a path, send it as an archive, put an archive into a directory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from dockerkit.daemon.engine.archives import lookup, views
from dockerkit.daemon.engine.archives.outgoing import Outgoing
from dockerkit.daemon.engine.archives.owner import container_user
from dockerkit.daemon.engine.archives.views import View
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.images.extract import Destination
from dockerkit.daemon.images.extract import extract as put
from dockerkit.daemon.images.tree import split
from dockerkit.daemon.images.treestream import CHUNK, Manner, stream_entry
from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.errors import Conflict, Damaged, DockerkitError, Exhausted, Failed, Invalid, NotAllowed
from dockerkit.schema.archive import PathStat


def archive_stat(core: Core, entry: Entry, path: str, *, ref: str = "") -> PathStat:
    """Describe a path of a container.

    :param ref: how the caller named the container, for errors.
    :raises NotFound: in Docker's words.
    :raises Invalid: the path is empty, goes through a file, or round in circles.
    """
    with _seen(core, entry) as view, lookup.in_words(path, ref or entry.record.id):
        found = lookup.find(view, path)
        try:
            return lookup.describe(view, found)
        finally:
            found.close()


def archive(core: Core, entry: Entry, path: str, *, ref: str = "") -> tuple[PathStat, Outgoing]:
    """Describe a path of a container and give it as a tar, with everything beneath it.

    The stream holds descriptors until it is read to its end or closed.

    :raises NotFound: in Docker's words.
    :raises Invalid: the path is empty, goes through a file, or round in circles.
    """
    with contextlib.ExitStack() as kept:
        view = kept.enter_context(_seen(core, entry))
        with lookup.in_words(path, ref or entry.record.id):
            found = lookup.find(view, path)
            kept.callback(found.close)
            described = lookup.describe(view, found)
        pieces = stream_entry(found.parent, found.name, found.shown, Manner(hidden=view.hidden))
        core.note(entry.record, Happening("archive-path"))
        return described, Outgoing(pieces, kept.pop_all().close)


def extract(
    core: Core,
    entry: Entry,
    path: str,
    stream: BinaryIO,
    *,
    no_overwrite_dir_non_dir: bool = False,
    copy_uid_gid: bool = False,
    ref: str = "",
) -> None:
    """Put an archive, compressed or not, into a directory of a container; links to the directory are followed.

    :param no_overwrite_dir_non_dir: refuse to replace a directory by a file or a file by a directory.
    :param copy_uid_gid: everything belongs to the container's user, not to whom the archive says.
    :raises NotFound: there is no such directory; in Docker's words.
    :raises Invalid: it is no directory, or the archive is malformed or hostile; what came before stays.
    :raises NotAllowed: it is read-only, or the kernel's.
    :raises Conflict: somebody changed the same names meanwhile, or a mount point would be replaced.
    """
    with _writable(core, entry) as view:
        with lookup.in_words(path, ref or entry.record.id):
            destination = _destination(view, entry.record, path)
            owner = container_user(view.root, entry.record.config.user) if copy_uid_gid else None
        with _plainly(path):
            put(iter(lambda: stream.read(CHUNK), b""), destination, keep_kinds=no_overwrite_dir_non_dir, owner=owner)
    core.note(entry.record, Happening("extract-to-dir"))


def _seen(core: Core, entry: Entry) -> View:
    with _reaching(entry):
        return views.to_read(core, entry)


@contextlib.contextmanager
def _writable(core: Core, entry: Entry) -> Iterator[View]:
    """Give a view for writing; a stopped container cannot start, nor go, while it lives."""
    with contextlib.ExitStack() as held:
        if not entry.record.alive:
            held.enter_context(entry.lock)
        with _reaching(entry):
            if entry.removal is not None:
                raise Conflict(f"container {entry.record.id} is marked for removal")
            view = views.to_write(core, entry.record)
        with view:
            yield view


@contextlib.contextmanager
def _reaching(entry: Entry) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if entry.removal is not None:
            raise Conflict(f"container {entry.record.id} is marked for removal") from error
        raise Failed(f"the files of container {entry.record.id} cannot be reached: {error}") from error


def _destination(view: View, record: Record, path: str) -> Destination:
    wanted = lookup.absolute(path)
    target = beneath.open_in(view.root, wanted)
    try:
        status = os.fstat(target)
        if not stat.S_ISDIR(status.st_mode):
            raise Invalid("extraction point is not a directory", hint=f"{path} is a file: name the directory it is in")
        if status.st_dev in view.hidden:
            raise NotAllowed(f"{path} belongs to the kernel: nothing can be copied into it")
        _check_writable(target, view, record)
    finally:
        os.close(target)
    return Destination(view.root, split(wanted), view.hidden)


def _check_writable(target: int, view: View, record: Record) -> None:
    reading = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=target)
    try:
        if not os.fstatvfs(reading).f_flag & os.ST_RDONLY:
            return
        in_root = mounts.number(reading) == mounts.number(view.root)
    finally:
        os.close(reading)
    if in_root and record.host_config.readonly_rootfs:
        raise NotAllowed("container rootfs is marked read-only")
    raise NotAllowed("mounted volume is marked read-only")


@contextlib.contextmanager
def _plainly(path: str) -> Iterator[None]:
    """Say what went wrong with an archive on its way in: the sender's mistakes are the sender's."""
    try:
        yield
    except Damaged as error:
        raise Invalid(error.message, hint=error.hint) from error
    except DockerkitError:
        raise  # NotAllowed is an OSError too
    except OSError as error:
        where = f"{error.filename} in {path}" if error.filename else path
        text = f"{where}: {(error.strerror or str(error)).lower()}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Exhausted(text, hint="what came before it stays") from error
        if error.errno in (errno.EROFS, errno.EPERM, errno.EACCES):
            raise NotAllowed(text) from error
        if error.errno in (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY, errno.ESTALE):
            raise Conflict(f"{text}: it was changed while it was written", hint="try again, or pause the container") from error
        if error.errno == errno.EBUSY:
            raise Conflict(text, hint="it is a mount point: write into it, it cannot be replaced") from error
        raise Failed(text) from error
