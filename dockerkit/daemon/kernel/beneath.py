"""Opening and making paths beneath a root descriptor, so that nothing in an image can lead out of it.

Absolute paths, ``..`` and symbolic links are all taken as if the descriptor were ``/``; magic links (``/proc/PID/fd/N``) are
refused. Never uses a path twice: what was checked is what is returned, as a descriptor. Source: openat2(2).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct

from dockerkit.daemon.kernel.syscalls import call

NO_CROSSING, NO_MAGIC_LINKS, NO_SYMLINKS, _BENEATH, _IN_ROOT = 0x01, 0x02, 0x04, 0x08, 0x10
_MOST_LINKS = 40


def open_in(root: int, path: str, flags: int = os.O_PATH, *, mode: int = 0, resolve: int = 0) -> int:
    """Open `path` as a process whose root directory is `root` would, magic links refused.

    :param resolve: further ``RESOLVE_*`` restrictions, e.g. :data:`NO_SYMLINKS`.
    :raises OSError: ENOENT, ENOTDIR, ELOOP for a refused link.
    """
    how = struct.pack("<3Q", flags | os.O_CLOEXEC, mode, _IN_ROOT | NO_MAGIC_LINKS | resolve)
    return call("openat2", root, os.fsencode(path) or b".", how, len(how), about=path)


def make_directory(root: int, path: str, mode: int = 0o755) -> int:
    """Return a descriptor of the directory `path`, made with all its missing parents; links are followed beneath `root`.

    :raises OSError: ENOTDIR when something else is in the way.
    """
    try:
        return open_in(root, path, os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        return _walk(root, path, mode, last_is_file=False)


def make_file(root: int, path: str, mode: int = 0o644) -> int:
    """Return a descriptor of the file `path`, made empty with its missing parents; what exists is left as it is.

    :raises OSError: ENOTDIR when a parent is not a directory.
    """
    try:
        return open_in(root, path)
    except FileNotFoundError:
        return _walk(root, path, mode, last_is_file=True)


def is_directory(descriptor: int) -> bool:
    """Return whether an open descriptor stands for a directory."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def _walk(root: int, path: str, mode: int, *, last_is_file: bool) -> int:
    """Go down component by component, making what is missing. Dangling links are followed and their ends made, as runc does.

    ``..`` pops a stack of descriptors we came by, so a directory moved away meanwhile cannot lead out.
    """
    stack = [os.dup(root)]
    names = _components(path)
    links = 0
    try:
        while names:
            name = names.pop()
            if name == "..":
                if len(stack) > 1:
                    os.close(stack.pop())
                continue
            make_it = not (last_is_file and not names)
            entry = _enter(stack[-1], name, mode, directory=make_it)
            if stat.S_ISLNK(os.fstat(entry).st_mode):
                links += 1
                target = _link_target(stack[-1], name, entry, path=path, links=links)
                if target.startswith("/"):
                    _clear(stack, keep=1)
                names += _components(target)
            else:
                stack.append(entry)
        return os.dup(stack[-1])
    finally:
        _clear(stack, keep=0)


def _components(path: str) -> list[str]:
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _enter(parent: int, name: str, mode: int, *, directory: bool) -> int:
    """Open one entry without following it, after making it if it is not there."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        if directory:
            os.mkdir(name, 0o755 if mode == 0o644 else mode, dir_fd=parent)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent))
        return os.open(name, flags, dir_fd=parent)


def _link_target(parent: int, name: str, entry: int, *, path: str, links: int) -> str:
    """Return where a link points; closes `entry`. A magic link is refused: it points to what it says by accident only."""
    try:
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # dangling from here; an ELOOP means magic
            os.close(open_in(parent, name))
        return os.readlink("", dir_fd=entry)
    finally:
        os.close(entry)


def _clear(stack: list[int], *, keep: int) -> None:
    while len(stack) > keep:
        os.close(stack.pop())
