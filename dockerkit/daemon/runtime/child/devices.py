"""``/dev``: the nodes every container has, those its spec adds, and the customary links."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from typing import Any

from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed

NULL = (1, 3)
_NODES = (("null", *NULL), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
)
_KINDS = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def make_devices(birth: Birth) -> None:
    """Make device nodes and links, unless the user put a ``/dev`` of his own there (runc's rule: then it is his).

    :raises OSError: EPERM where the host does not let us make nodes.
    """
    if birth.dev < 0 and _is_users(birth):
        return
    if birth.dev < 0 or birth.dev != birth.furnished:
        dev = beneath.make_directory(birth.root, "/dev")
        furnish(dev)
        os.close(dev)
    for device in birth.linux.get("devices") or ():
        _make(birth.root, device)


def furnish(dev: int) -> None:
    """Make the usual nodes and links in an open directory; what is there already stays."""
    for name, major, minor in _NODES:
        with contextlib.suppress(FileExistsError):
            os.mknod(name, stat.S_IFCHR | 0o666, os.makedev(major, minor), dir_fd=dev)
    for name, target in _LINKS:
        with contextlib.suppress(FileExistsError):
            os.symlink(target, name, dir_fd=dev)


def open_null(root: int) -> int:
    """Open the container's ``/dev/null`` by path, having made sure that it is one (CVE-2025-31133).

    :raises StepFailed: an image or volume put something else there.
    """
    null = beneath.open_in(root, "/dev/null")
    status = os.fstat(null)
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != os.makedev(*NULL):
        raise StepFailed("/dev/null is not the null device", subject="/dev/null")
    return null


def _is_users(birth: Birth) -> bool:
    entries = birth.spec.get("mounts") or ()
    return any(posixpath.normpath(entries[position]["destination"]) == "/dev" for position in birth.binds)


def _make(root: int, device: dict[str, Any]) -> None:
    folder, name = posixpath.split(device["path"])
    mode = _KINDS[device["type"]] | (0o666 if device.get("fileMode") is None else device["fileMode"])
    parent = beneath.make_directory(root, folder)
    try:
        os.mknod(name, mode, os.makedev(device.get("major", 0), device.get("minor", 0)), dir_fd=parent)
    except FileExistsError:
        return
    except OSError as error:
        raise OSError(error.errno, error.strerror, device["path"]) from None
    finally:
        os.close(parent)
    if device.get("uid") or device.get("gid"):
        node = beneath.open_in(root, device["path"], os.O_PATH | os.O_NOFOLLOW)
        os.chown(f"/proc/self/fd/{node}", device.get("uid") or 0, device.get("gid") or 0)
        os.close(node)
