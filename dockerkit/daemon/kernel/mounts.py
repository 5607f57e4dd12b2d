"""Mounts by descriptor: make a file system or clone a tree, set its attributes, attach it where a descriptor points.

A mount made here belongs to nobody until :func:`attach`; closing its descriptor before that undoes it. ``mount(2)`` is offered
only for what the newer calls cannot do on older kernels. Needs Linux 5.12 (mount_setattr). Never walks a path of a container:
see ``beneath``. Sources: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2), pivot_root(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable

from dockerkit.daemon.kernel.syscalls import call

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

READ_ONLY, NO_SUID, NO_DEV, NO_EXEC = 0x1, 0x2, 0x4, 0x8
ATIME_MASK, RELATIME, NO_ATIME, STRICT_ATIME, NO_DIR_ATIME = 0x70, 0x0, 0x10, 0x20, 0x80
NO_SYMLINK_FOLLOW = 0x200000
"""``MOUNT_ATTR_*`` bits, as fsmount and mount_setattr take them."""

UNBINDABLE, PRIVATE, SLAVE, SHARED = 1 << 17, 1 << 18, 1 << 19, 1 << 20
"""Propagation types (``MS_*``)."""

MS_BIND, MS_REC = 0x1000, 0x4000
MNT_DETACH = 2

_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_NO_FOLLOW, _STATX_MNT_ID, _MNT_ID = 0x100, 0x1000, 144
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_MOVE_FROM_EMPTY, _MOVE_TO_EMPTY = 0x4, 0x40

Option = tuple[str, str | None]
"""A file system option: name and value; None for one that has no value, as ``noswap``."""


def new(kind: str, options: Iterable[Option] = (), *, attributes: int = 0, source: str = "") -> int:
    """Make a file system and return the descriptor of its mount, attached nowhere yet.

    :raises OSError: the kernel does not know `kind` (ENODEV) or refused an option; ``filename`` is ``kind`` or ``kind:option``,
        and the kernel's own words are in the message when it has any.
    """
    context = call("fsopen", kind.encode(), _FSOPEN_CLOEXEC, about=kind)
    try:
        for key, value in (("source", source or kind), *options):
            _configure(context, kind, key, value)
        try:
            call("fsconfig", context, _CREATE, about=kind)
        except OSError as error:
            raise _with_reason(context, error) from None
        return call("fsmount", context, _FSMOUNT_CLOEXEC, attributes, about=kind)
    finally:
        os.close(context)


def _configure(context: int, kind: str, key: str, value: str | None) -> None:
    try:
        if value is None:
            call("fsconfig", context, _SET_FLAG, key.encode(), about=f"{kind}:{key}")
        else:
            call("fsconfig", context, _SET_STRING, key.encode(), value.encode(), about=f"{kind}:{key}")
    except OSError as error:
        raise _with_reason(context, error) from None


def _with_reason(context: int, error: OSError) -> OSError:
    """Add what the kernel wrote into the context's message log, if anything."""
    with contextlib.suppress(OSError):  # ENODATA: the kernel had nothing to say
        words = os.read(context, 1024).decode(errors="replace").strip().removeprefix("e ")
        return OSError(error.errno, f"{error.strerror} ({words})", error.filename)
    return error


def clone(path: str, *, directory: int = AT_FDCWD, recursive: bool = False) -> int:
    """Return the descriptor of a copy of the mount at `path`; with an empty path, of `directory` itself.

    :param recursive: also the mounts below it.
    :raises OSError: ENOENT, or EINVAL when the mount is of another mount namespace.
    """
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (AT_RECURSIVE if recursive else 0) | (0 if path else AT_EMPTY_PATH)
    return call("open_tree", directory, os.fsencode(path), flags, about=path or None)


def attach(mount: int, target: int, name: str = "", *, about: str | None = None) -> None:
    """Put a detached mount on the file or directory that the descriptor `target` stands for, or on an entry of it.

    :param name: of the entry, in a directory that is ours: it is looked up as it is.

    :raises OSError: ENOTDIR when one is a directory and the other is not.
    """
    flags = _MOVE_FROM_EMPTY | (0 if name else _MOVE_TO_EMPTY)
    call("move_mount", mount, b"", target, name.encode(), flags, about=about or name or None)


def set_attributes(mount: int, on: int = 0, off: int = 0, *, propagation: int = 0, recursive: bool = False) -> None:
    """Switch attributes of a mount on and off and set its propagation; `recursive` for all below it too.

    :raises OSError: EPERM when an attribute is locked by a more privileged mount namespace.
    """
    request = struct.pack("<4Q", on, off, propagation, 0)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    call("mount_setattr", mount, b"", flags, request, len(request))


def number(directory: int, name: str = "") -> int:
    """Return the number of the mount that an entry of an open directory is on; with no name, the descriptor itself.

    A link is not followed; whatever is mounted on the entry counts (statx(2), Linux 5.8).
    """
    answer = ctypes.create_string_buffer(256)
    flags = _NO_FOLLOW | (0 if name else AT_EMPTY_PATH)
    call("statx", directory, os.fsencode(name), flags, _STATX_MNT_ID, answer, about=name or None)
    return int.from_bytes(answer.raw[_MNT_ID : _MNT_ID + 8], sys.byteorder)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """Mount the old way, by path (mount(2)); only where the newer calls cannot.

    :raises OSError: as mount(2); ``filename`` is the target.
    """
    call("mount", source.encode(), os.fsencode(target), kind.encode(), flags, data.encode() or None, about=target)


def set_propagation(path: str, propagation: int, *, recursive: bool = True) -> None:
    """Make the mount at `path`, and those below it, private, slave or shared.

    :raises OSError: EINVAL when nothing is mounted there.
    """
    call("mount", None, os.fsencode(path), None, propagation | (MS_REC if recursive else 0), about=path)


def unmount(path: str, *, detach: bool = False) -> None:
    """Unmount `path`; with `detach` at once for all lookups, and really when the last user has gone.

    :raises OSError: EBUSY, EINVAL when nothing is mounted there.
    """
    call("umount2", os.fsencode(path), MNT_DETACH if detach else 0, about=path, waits=True)


def change_root(root: int) -> None:
    """Make the mount `root` the root directory of this mount namespace and let go of the old one entirely.

    The old root is stacked on the new one and detached, so no directory is needed for it. Afterwards ``/`` is the working
    directory. Source: pivot_root(2), ``pivot_root(".", ".")``.
    """
    os.fchdir(root)
    call("pivot_root", b".", b".")
    unmount(".", detach=True)
    os.chdir("/")
