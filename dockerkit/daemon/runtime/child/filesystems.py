"""The spec's mounts, in its order, each put on a descriptor beneath the root.

A mount is made first and attached last, so nothing half configured is ever visible; the place it goes to is looked up beneath
the root with magic links refused, so no link in an image can lead it out (CVE-2019-19921, CVE-2021-30465 and their kind).
"""

from __future__ import annotations

import errno
import os
import posixpath
from typing import Any

from dockerkit.daemon.kernel import beneath, mounts
from dockerkit.daemon.runtime.child import cgroupfs, options
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed

_KERNELS_OWN = ("proc", "sysfs")
_SHOWS = {"sysfs": "network", "mqueue": "ipc"}
"""File systems that show the namespace in which they were made, for ever."""


def mount_all(birth: Birth) -> None:
    """Make what is not made yet, and attach every mount of the spec.

    :raises OSError: ``filename`` is the destination, or file system and option, whichever was refused.
    """
    for position, entry in enumerate(birth.spec.get("mounts") or ()):
        if entry.get("type") == "cgroup":
            cgroupfs.mount(birth, entry["destination"], options.parse(entry.get("options") or ()))
        else:
            bind = birth.binds.get(position)
            _mount(birth, entry, _obtain(birth, entry) if bind is None else bind)


def recipe(entry: dict[str, Any]) -> str:
    """Return what makes two mounts of a new file system the same; the destination does not."""
    return f"{entry['type']} {entry.get('source')} {','.join(entry.get('options') or ())}"


def make(entry: dict[str, Any]) -> int:
    """Make the file system of an OCI mount, attached nowhere."""
    wanted = options.parse(entry.get("options") or ())
    kind = entry["type"]
    mount = mounts.new(kind, wanted.data, attributes=wanted.attributes.on, source=entry.get("source") or kind)
    if wanted.propagation:
        mounts.set_attributes(mount, propagation=wanted.propagation)
    return mount


def _obtain(birth: Birth, entry: dict[str, Any]) -> int:
    """Take a mount that was made ahead, or make it: also when what was made ahead shows a namespace we are no longer in."""
    ahead = birth.ahead.pop(recipe(entry), None)
    if ahead is not None and birth.namespaces().get(_SHOWS.get(entry["type"], "")):
        os.close(ahead)
        ahead = None
    return make(entry) if ahead is None else ahead


def _mount(birth: Birth, entry: dict[str, Any], mount: int) -> None:
    destination = entry["destination"]
    target = _target(birth.root, destination, entry.get("type") or "", mount)
    mounts.attach(mount, target, about=destination)
    os.close(target)
    _remember(birth, destination, entry.get("type") or "", mount)


def _target(root: int, destination: str, kind: str, mount: int) -> int:
    """Open where a mount goes, made if it is missing: a directory for a directory, a file for a file."""
    if kind in _KERNELS_OWN:
        return _real_directory(root, destination, kind)
    if beneath.is_directory(mount):
        return beneath.make_directory(root, destination)
    return beneath.make_file(root, destination)


def _real_directory(root: int, destination: str, kind: str) -> int:
    """Open the place of /proc or /sys, which may not be a link: what is written there later is trusted to be the kernel's."""
    try:
        return beneath.open_in(root, destination, os.O_PATH | os.O_DIRECTORY, resolve=beneath.NO_SYMLINKS)
    except FileNotFoundError:
        return beneath.make_directory(root, destination)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        words = f'filesystem "{kind}" must be mounted on ordinary directory'
        raise StepFailed(words, subject=destination, errno=error.errno) from None


def _remember(birth: Birth, destination: str, kind: str, mount: int) -> None:
    """Keep the descriptors later steps need, so that they need not trust a path; close the others."""
    place = posixpath.normpath(destination)
    if kind == "proc" and place == "/proc":
        birth.proc = mount
    elif kind == "devpts" and place == "/dev/pts":
        birth.devpts = mount
    elif kind == "tmpfs" and place == "/dev":
        birth.dev = mount
    else:
        os.close(mount)
