"""What is hidden or frozen in ``/proc`` and ``/sys``: masked paths, read-only paths; and the sysctls, written before that."""

from __future__ import annotations

import os

from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed
from dockerkit.daemon.runtime.child.devices import open_null

_NOTHING_IN_IT = mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_DEV | mounts.NO_EXEC


def write_sysctls(birth: Birth) -> None:
    """Write the spec's sysctls through the descriptor of our own proc mount, so that no other file can be meant.

    :raises StepFailed: there is no ``/proc``, or the kernel has no such sysctl.
    """
    for name, value in (birth.linux.get("sysctl") or {}).items():
        if birth.proc < 0:
            raise StepFailed("sysctls need /proc", subject=name)
        path = "sys/" + name.replace(".", "/")
        restrict = beneath.NO_CROSSING | beneath.NO_SYMLINKS
        fd = beneath.open_in(birth.proc, path, os.O_WRONLY, resolve=restrict)
        try:
            os.write(fd, value.encode())
        except OSError as error:
            raise OSError(error.errno, error.strerror, name) from None
        finally:
            os.close(fd)


def cover(birth: Birth) -> None:
    """Make the read-only paths read-only and put nothing on the masked ones; those that do not exist are passed over."""
    for path in birth.linux.get("readonlyPaths") or ():
        _freeze(birth.root, path)
    masks = Masks(birth.root)
    for path in birth.linux.get("maskedPaths") or ():
        masks.hide(path)
    masks.close()


def _freeze(root: int, path: str) -> None:
    target = _open(root, path)
    if target is None:
        return
    mount = mounts.clone("", directory=target, recursive=True)
    mounts.set_attributes(mount, mounts.READ_ONLY, recursive=True)
    mounts.attach(mount, target, about=path)
    os.close(mount)
    os.close(target)


class Masks:
    """Covers files with the null device and directories with one empty read-only tmpfs, the same for all."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._null = self._empty = -1

    def hide(self, path: str) -> None:
        """Put nothing on `path`, when it exists."""
        target = _open(self._root, path)
        if target is None:
            return
        mount = self._empty_directory() if beneath.is_directory(target) else self._null_device()
        mounts.attach(mount, target, about=path)
        if mount != self._empty:
            os.close(mount)
        os.close(target)

    def _null_device(self) -> int:
        if self._null < 0:
            self._null = open_null(self._root)
        return mounts.clone("", directory=self._null)

    def _empty_directory(self) -> int:
        if self._empty >= 0:
            return mounts.clone("", directory=self._empty)
        self._empty = mounts.new("tmpfs", [("size", "0"), ("nr_inodes", "1")], attributes=_NOTHING_IN_IT)
        return self._empty

    def close(self) -> None:
        """Close what was opened; the covers stay."""
        for fd in (self._null, self._empty):
            if fd >= 0:
                os.close(fd)


def _open(root: int, path: str) -> int | None:
    try:
        return beneath.open_in(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
